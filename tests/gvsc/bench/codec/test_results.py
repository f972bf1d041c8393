"""The results of codecs that are kept in docs/results/codecs: whole, with their figures, and without a cliff."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gvsc.bench.codec import NAMES, SNRS_DB

FOLDER = Path(__file__).parents[4] / "docs/results/codecs"
KEPT = [name for name in NAMES if (FOLDER / f"{name}.json").is_file()]


def test_there_are_results():
    assert "djscc-frame" in KEPT


@pytest.mark.parametrize("name", KEPT)
def test_results_are_whole(name):
    kept = json.loads((FOLDER / f"{name}.json").read_text())
    assert kept["codec"] == name
    assert kept["snr_db"] == list(SNRS_DB)
    assert kept["snr"] == "estimated"
    assert kept["pictures"] >= 20
    parts = {
        "psnr": (kept, kept["h265_adaptive"], kept["h265_fixed"], kept["linear"]),
        "deepfeat": (kept, kept["h265_adaptive"], kept["h265_fixed"]),
        "ssim": (kept,),
    }
    if name == "djscc-sketch":
        parts["edge_f1"] = (kept, kept["bilevel_adaptive"], kept["bilevel_packed_adaptive"], kept["linear"])
    for metric, places in parts.items():
        assert all(len(place[metric]) == len(SNRS_DB) and np.isfinite(place[metric]).all() for place in places)
    assert max(kept["snr_estimate_rms_db"]) < 1.5
    assert (FOLDER / f"{name}.png").is_file()


@pytest.mark.parametrize("name", KEPT)
def test_trained_codecs_have_no_cliff_and_4_qam_has(name):
    kept = json.loads((FOLDER / f"{name}.json").read_text())
    assert np.diff(kept["psnr"]).min() > -0.1
    assert kept["h265_fixed"]["failed"][0] == 1.0

"""``gvsc bench motion``: what is pooled, and a clip whose motion is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common.clip import Clip
from common.errors import ClipError
from gvsc.bench import motion


def entry(source: str, number: int, repeat: float, warp: float, dense: float) -> dict[str, Any]:
    psnr = {"repeat": repeat, "warp": warp, "direct": dense, "dense": dense}
    facts = {
        "motion_ratio": 0.5,
        "correlation": 0.5,
        "snr_estimated_db": 0.0,
        "motion_failed": False,
        "no_motion": False,
    }
    return {"name": f"{source}_0000_{number}", "source": source, "by_snr": {"0": {"psnr": psnr, **facts}}}


def test_sources_are_names_without_their_numbers() -> None:
    assert motion.source_of("sam2_0003_1") == "sam2"
    assert motion.source_of("a_b-12-3") == "a_b"
    assert motion.source_of("film") == "film"


def test_means_shares_and_losses_are_pooled() -> None:
    clips = [entry("a", 0, 20, 22, 24), entry("a", 1, 20, 19, 21), entry("b", 0, 20, 21, 23)]
    lost = {"name": "c_0_0", "source": "c", "by_snr": {"0": None}}
    made = motion.pooled([*clips, lost], "0", seed=1)
    assert made["clips"] == 3
    assert made["headers_lost"] == 1
    assert made["sources"] == 2
    assert made["gain_db"]["warp"]["mean"] == pytest.approx(2 / 3, abs=1e-3)
    assert made["share"]["dense"]["mean"] == pytest.approx(2 / 8, abs=1e-3)
    assert made["losing"] == pytest.approx(1 / 3, abs=1e-3)
    assert made["worst_db"] == -1.0
    # only a, or only b
    assert made["gain_db"]["warp"]["low"] == pytest.approx(0.5)
    assert made["gain_db"]["warp"]["high"] == pytest.approx(1.0)
    assert made == motion.pooled([*clips, lost], "0", seed=1)


def test_nothing_to_pool_is_no_error() -> None:
    lost = {"name": "c_0_0", "source": "c", "by_snr": {"0": None}}
    assert motion.pooled([lost], "0", seed=1) == {"clips": 0, "headers_lost": 1}


@pytest.mark.slow
def test_a_pan_is_worth_sending() -> None:
    pytest.importorskip("cv2")
    rows, columns = np.mgrid[0:64, 0:96]
    picture = 128 + 60 * np.sin(columns / 5.0) * np.cos(rows / 7.0) + 30 * np.sin(columns / 11.0 + rows / 6.0)
    video = np.stack([picture[:, 2 * t : 2 * t + 64] for t in range(8)])[..., None].repeat(3, axis=3)
    clip = Clip(np.rint(video).astype(np.uint8), name="pan_0_0")
    kept: list[str] = []
    made = motion.measure(
        [clip], lambda line: None, seed=3, snrs_db=(10.0,), keep=lambda name, snr_db, videos: kept.extend(videos)
    )
    found = made["pooled"]["10"]
    assert found["psnr"]["warp"] > found["psnr"]["repeat"] + 1.0
    assert found["correlation"] > 0.5
    assert tuple(kept) == motion.WAYS
    assert "share" in motion.table(made)


def test_a_folder_without_videos_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="no clip"):
        motion.read(tmp_path)

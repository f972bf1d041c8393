"""The results of the link that are kept in docs/results/link: whole, and every rate with its interval."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gvsc.bench import curves
from gvsc.bench.trials import ErrorRate

FOLDER = Path(__file__).parents[3] / "docs/results/link"
KEPT = [name for name in curves.NAMES if (FOLDER / f"{name}.json").is_file()]


def near(interval, errors, trials):
    return interval == pytest.approx(ErrorRate(errors, trials).interval(), rel=1e-3, abs=1e-12)


def test_there_are_results():
    assert {"text", "header", "ldpc"} <= set(KEPT)


@pytest.mark.parametrize("name", KEPT)
def test_curves_are_complete_and_have_intervals(name):
    kept = json.loads((FOLDER / f"{name}.json").read_text())
    assert kept["complete"] is True
    effort = kept["effort"]
    assert kept["versions"].keys() >= {"gvsc", "python", "numpy"}
    assert [entry["name"] for entry in kept["curves"]] == [curve.name for curve in curves.load(name).curves]
    for entry in kept["curves"]:
        assert entry["points"]
        for point in entry["points"]:
            tally = point["tally"]
            assert point["complete"] is True
            assert tally[entry["counts"]] >= effort["target_errors"] or tally["trials"] == effort["max_trials"]
            assert point["bler"] == pytest.approx(tally["block_errors"] / tally["trials"], rel=1e-3)
            assert near(point["bler_interval"], tally["block_errors"], tally["trials"])
            assert near(point["undetected_interval"], tally["undetected"], tally["trials"])


def test_thresholds_lie_between_points_that_have_intervals():
    kept = json.loads((FOLDER / "text-thresholds.json").read_text())
    for mode in kept["modes"]:
        snrs_db = [point["snr_db"] for point in mode["points"]]
        assert min(snrs_db) <= mode["snr_db"] <= max(snrs_db)
        for point in mode["points"]:
            assert point["lost_interval"] == pytest.approx(ErrorRate(point["lost"], point["blocks"]).interval())
        # the rate of loss is for certain above on one side, and at most that on the other
        worst, best = min(mode["points"], key=lambda p: p["snr_db"]), max(mode["points"], key=lambda p: p["snr_db"])
        assert worst["lost_interval"][0] > kept["loss"] > best["lost"] / best["blocks"]

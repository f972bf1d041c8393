"""`gvsc bench header`: what it prints, and that its numbers are what the receiver does."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from gvsc.bench import header as bench
from gvsc.commands.bench import command


def test_it_prints_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "ESTIMATE_SNRS_DB", (-5.0, 15.0))
    monkeypatch.setattr(bench, "BATCH", 50)
    monkeypatch.setattr(bench, "TARGET_ERRORS", 40)
    done = CliRunner().invoke(command, ["header", "--json", "--bursts", "100"])
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    assert made["symbols"] == 256
    assert made["bits"] == 48
    assert made["false_accept_rate"] == 0
    assert made["snr_estimate_rms_db"]["with_header"] < 1.0
    assert made["snr_estimate_rms_db"]["with_header"] < made["snr_estimate_rms_db"]["pilots"]
    points = {point["snr_db"]: point for point in made["points"]}
    assert {-4.0, -3.0} <= points.keys()
    for point in points.values():
        low, high = point["interval"]
        assert low <= point["error_rate"] <= high
    assert points[-2.0]["errors"] == 0
    assert points[-6.0]["bound"] > points[-3.0]["bound"]
    assert "−5 … 15 dB" in bench.table(made)


def test_a_hopeless_channel_is_told_as_one() -> None:
    (point,) = bench.measure(100, 1, lambda line: None, snrs_db=(-15.0,))["points"]
    assert point["error_rate"] > 0.9

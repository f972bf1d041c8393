"""`gvsc bench header`: what it prints, and that its numbers are what the receiver does."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner

from gvsc.bench import header as bench
from gvsc.bench import preamble
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
    assert made["false_accept_rate"] == made["false_accept"]["noise"]["rate"]
    assert made["false_accept"]["noise"]["bursts"] == 100
    assert [wrong["snr_db"] for wrong in made["false_accept"]["wrong"]] == [point["snr_db"] for point in made["points"]]
    assert made["snr_estimate_rms_db"]["with_header"] < 1.0
    assert made["snr_estimate_rms_db"]["with_header"] < made["snr_estimate_rms_db"]["pilots"]
    points = {point["snr_db"]: point for point in made["points"]}
    assert {-4.0, -3.0} <= points.keys()
    for point in points.values():
        low, high = point["interval"]
        assert low <= point["error_rate"] <= high
    for rate in (made["false_accept"]["noise"], *made["false_accept"]["wrong"]):
        assert rate["interval"][0] <= rate["rate"] == rate["errors"] / rate["bursts"] <= rate["interval"][1]
    assert points[-2.0]["errors"] == 0
    assert points[-6.0]["bound"] > points[-3.0]["bound"]
    assert "−5 … 15 dB" in bench.table(made)


@pytest.mark.slow
def test_what_is_accepted_is_what_was_sent() -> None:
    """Where half of the headers are lost, few are read as others, and fewer of these fit the burst."""
    made = bench.measure(2000, 1, lambda line: None, snrs_db=(-7.0,))
    (point,), (wrong,) = made["points"], made["false_accept"]["wrong"]
    assert 0.3 < point["error_rate"] < 0.7
    assert wrong["errors"] <= 0.004 * point["bursts"]
    assert wrong["right_length"] <= wrong["errors"]
    assert made["false_accept"]["noise"]["errors"] <= 3


def test_a_header_that_nobody_sent_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that always says the same: wrong each time, and of the right length once in a great while."""
    said = preamble.random_header(np.random.default_rng(5))
    monkeypatch.setattr(preamble, "read", lambda samples: said)
    made = bench.measure(100, 1, lambda line: None, snrs_db=(0.0,))
    assert made["false_accept"]["wrong"][0]["rate"] == made["false_accept_rate"] == 1.0
    assert made["false_accept"]["wrong"][0]["right_length"] < 5
    monkeypatch.setattr(preamble, "random_header", lambda rng: dataclasses.replace(said, clip=said.clip ^ 1))
    made = bench.measure(100, 1, lambda line: None, snrs_db=(0.0,))
    assert made["false_accept"]["wrong"][0]["right_length"] == 100


def test_a_hopeless_channel_is_told_as_one() -> None:
    (point,) = bench.measure(100, 1, lambda line: None, snrs_db=(-15.0,))["points"]
    assert point["error_rate"] > 0.9

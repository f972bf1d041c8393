"""Choices by SNR: down at once, up with hysteresis."""

from __future__ import annotations

import pytest

from transmitter.ladder import Ladder, Rung

RUNGS = [Rung(-10.0, "low"), Rung(0.0, "middle"), Rung(5.0, "high")]


def test_first_choice_takes_the_thresholds_as_they_are() -> None:
    for snr_db, choice in ((-20, "low"), (-0.1, "low"), (0, "middle"), (4.9, "middle"), (5, "high"), (30, "high")):
        assert Ladder(RUNGS, 1.0).choose(snr_db) == choice


@pytest.mark.parametrize(
    ("walk", "choices"),
    [
        ([6, 4.9, 5.5, 6.0], ["high", "middle", "middle", "high"]),
        ([-1, 0.9, 1.0, 0.1, -0.1], ["low", "low", "middle", "middle", "low"]),
        ([10, -3, 10], ["high", "low", "high"]),
        ([-3, 5.5], ["low", "middle"]),
    ],
)
def test_walk(walk: list[float], choices: list[str]) -> None:
    ladder = Ladder(RUNGS, 1.0)
    assert [ladder.choose(snr_db) for snr_db in walk] == choices


def test_an_estimate_that_jitters_less_than_the_hysteresis_does_not_switch() -> None:
    ladder = Ladder(RUNGS, 1.0)
    ladder.choose(0.2)
    assert {ladder.choose(snr_db) for snr_db in (0.4, 0.0, 0.9, 0.1) * 10} == {"middle"}
    ladder.choose(-0.5)
    assert {ladder.choose(snr_db) for snr_db in (0.4, 0.0, 0.9, -0.4) * 10} == {"low"}

"""The channel object: measured SNR is the set SNR, and bad input is refused."""

from __future__ import annotations

import numpy as np
import pytest

from channel.channel import Channel
from common.conventions import snr_db_of
from common.errors import BurstError, SettingError


@pytest.mark.parametrize("snr_db", [-5, 0, 5, 10, 20])
def test_measured_snr_is_the_set_one(snr_db: float) -> None:
    channel = Channel(snr_db=snr_db, seed=1)
    symbols = np.exp(2j * np.pi * np.random.default_rng(0).random(10_000)).astype(np.complex64)
    noise = [channel.apply(symbols, seq) - symbols for seq in range(100)]
    measured = [snr_db_of(1.0, float(np.mean(np.abs(n) ** 2))) for n in noise]
    assert np.mean(measured) == pytest.approx(snr_db, abs=0.02)


def test_a_turned_knob_holds_for_the_next_burst() -> None:
    channel = Channel(snr_db=100)
    symbols = np.ones(1000, np.complex64)
    assert np.allclose(channel.apply(symbols, 0), symbols, atol=1e-3)
    channel.knobs.set("snr_db", 0)
    assert np.std(channel.apply(symbols, 1)) == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("samples", [np.ones(4), np.ones((2, 2), np.complex64), np.ones(4, np.complex128)])
def test_other_arrays_are_refused(samples: np.ndarray) -> None:
    with pytest.raises(BurstError, match="complex64"):
        Channel(snr_db=0).apply(samples, 0)


def test_an_snr_that_is_none_is_refused() -> None:
    with pytest.raises(SettingError):
        Channel(snr_db=float("nan"))

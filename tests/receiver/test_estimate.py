"""Gain, noise and SNR from known symbols, against the truth that the test knows."""

from __future__ import annotations

import numpy as np
import pytest

from receiver.estimate import SNR_DB_RANGE, estimate

KNOWN = np.exp(2j * np.pi * np.random.default_rng(0).random(220)).astype(np.complex64)


def through(gain: complex, snr_db: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = (rng.standard_normal(KNOWN.size) + 1j * rng.standard_normal(KNOWN.size)) / np.sqrt(2)
    return (gain * (KNOWN + noise * 10 ** (-snr_db / 20))).astype(np.complex64)


@pytest.mark.parametrize("snr_db", [-5, 0, 5, 10, 20])
@pytest.mark.parametrize("gain", [1, 0.3 * np.exp(2j)])
def test_unbiased_and_as_sharp_as_the_symbols_allow(snr_db: float, gain: complex) -> None:
    errors = np.array([estimate(through(gain, snr_db, seed), KNOWN).snr_db - snr_db for seed in range(400)])
    assert abs(errors.mean()) < 0.1
    assert errors.std() < 1.15 * 4.34 * np.sqrt((1 + 2 * 10 ** (-snr_db / 10)) / KNOWN.size)


def test_equalised_symbols_have_the_gain_taken_out() -> None:
    received = through(2j, 30, seed=1)
    heard = estimate(received, KNOWN)
    np.testing.assert_allclose(heard.equalise(received), KNOWN, atol=0.15)
    assert heard.noise_variance == pytest.approx(1e-3, rel=0.3)


def test_extremes_stay_finite() -> None:
    assert estimate(KNOWN, KNOWN).snr_db == SNR_DB_RANGE[1]
    nothing = estimate(np.zeros_like(KNOWN), KNOWN)
    assert np.isfinite(nothing.snr_db)
    assert np.isfinite(nothing.equalise(KNOWN)).all()

"""Gain, noise and SNR from known symbols, against the truth that the test knows."""

from __future__ import annotations

import numpy as np
import pytest

from common import pilots
from receiver.estimate import SNR_DB_RANGE, estimate, track

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
    symbols, variance = estimate(received, KNOWN).equalise(received, np.arange(220))
    np.testing.assert_allclose(symbols, KNOWN, atol=0.15)
    assert variance == pytest.approx(1e-3, rel=0.3)


def test_extremes_stay_finite() -> None:
    assert estimate(KNOWN, KNOWN).snr_db == SNR_DB_RANGE[1]
    nothing = estimate(np.zeros_like(KNOWN), KNOWN)
    assert np.isfinite(nothing.snr_db)
    assert np.isfinite(nothing.equalise(KNOWN, np.arange(220))[0]).all()


N = 9246
PLACES = np.concatenate([np.arange(232), 232 + pilots.spread(1206, N - 232)])
"""A burst with its description known."""


def burst_through(gain: np.ndarray | complex, snr_db: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What was sent and what arrives of a burst of symbols |x| = 1."""
    rng = np.random.default_rng(seed)
    sent = np.exp(2j * np.pi * rng.random(N))
    noise = (rng.standard_normal(N) + 1j * rng.standard_normal(N)) * np.sqrt(0.5 * 10 ** (-snr_db / 10))
    return sent.astype(np.complex64), (gain * sent + noise).astype(np.complex64)


def fading(coherence: float, seed: int) -> np.ndarray:
    """A gain of unit power with correlation 2^−(τ/L)², by filtering white noise."""
    rng = np.random.default_rng(seed)
    deviation = coherence / np.sqrt(np.log(2)) / 2
    reach = int(5 * deviation)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    white = rng.standard_normal(N + 2 * reach) + 1j * rng.standard_normal(N + 2 * reach)
    size = 1 << (white.size + kernel.size).bit_length()
    smooth = np.fft.ifft(np.fft.fft(white, size) * np.fft.fft(kernel, size))[2 * reach : 2 * reach + N]
    return smooth / np.sqrt(2 * np.sum(kernel**2))


@pytest.mark.parametrize("snr_db", [-5, 5, 20])
def test_a_gain_that_stands_still_is_estimated_as_before(snr_db: float) -> None:
    for seed in range(20):
        sent, received = burst_through(0.7j, snr_db, seed)
        assert track(received, PLACES, sent[PLACES]) == estimate(received[PLACES], sent[PLACES])


@pytest.mark.parametrize("coherence", [500, 2000, 8000])
def test_a_gain_that_moves_is_followed(coherence: float) -> None:
    everywhere = np.arange(N)
    for seed in range(4):
        gain = fading(coherence, seed)
        sent, received = burst_through(gain, 10, seed)
        heard = track(received, PLACES, sent[PLACES])
        assert heard.coherence_symbols is not None
        assert isinstance(heard.gain, np.ndarray)
        error = np.abs(heard.gain - gain) ** 2
        assert error.mean() < 0.02
        assert error.mean() == pytest.approx(np.mean(heard.gain_variance), rel=0.6)  # it knows how wrong it is
        assert heard.snr_db == pytest.approx(10 + 10 * np.log10(np.mean(np.abs(gain) ** 2)), abs=0.7)
        symbols, variance = heard.equalise(received, everywhere)
        assert isinstance(variance, np.ndarray)
        assert np.mean(np.abs(symbols - sent) ** 2 / variance) == pytest.approx(1, abs=0.1)
        together, snr_db = heard.equalise_together(received, everywhere)
        after = np.fft.ifft(together - sent, norm="ortho")  # behind the transform the noise is the same everywhere
        assert 10 * np.log10(1 / np.mean(np.abs(after) ** 2)) == pytest.approx(snr_db, abs=0.4)


def test_the_genies_noise_replaces_the_estimate() -> None:
    sent, received = burst_through(1.0, 3, 0)
    heard = track(received, PLACES, sent[PLACES])
    told = heard.with_noise_power(10 ** (-0.3))
    assert told.gain == heard.gain
    assert told.snr_db == pytest.approx(3, abs=0.2)
    moving = track(fading(1000, 1) * received, PLACES, sent[PLACES]).with_noise_power(1.0)
    assert moving.noise_power == 1.0

"""Fading: the stated distribution, power and correlation, and the same gain whatever was asked for before."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from channel.channel import Channel
from channel.models.base import State
from channel.models.rayleigh import Rayleigh
from channel.models.rician import Rician
from channel.noise import Draws

BURSTS = 4000


def gain_of(
    model: Rayleigh | Rician, draws: Draws, sequence: int, count: int, settings: dict[str, float]
) -> np.ndarray:
    """The gain of one burst, complex64 (count,)."""
    return model.gain(State(sequence, settings, draws), 0, count)


def gains(coherence: float, count: int, bursts: int = BURSTS, **more: float) -> np.ndarray:
    """Every 10th sample of the gain, complex64 (bursts, ...)."""
    model, draws = Rician() if more else Rayleigh(), Draws(1)
    settings = {"coherence_symbols": coherence, **more}
    return np.stack([gain_of(model, draws, sequence, count, settings)[::10] for sequence in range(bursts)])


def test_rayleigh_envelope_and_unit_power_wherever_in_the_burst() -> None:
    gain = gains(300, 701)
    for at in (0, 13, 70):
        power = np.abs(gain[:, at]) ** 2
        # |h|² of a Rayleigh channel is exponential; its mean is 1 to 1/√4000.
        assert stats.kstest(power, "expon").pvalue > 0.001
        assert power.mean() == pytest.approx(1, abs=4 / math.sqrt(BURSTS))
        assert stats.kstest(np.angle(gain[:, at]), "uniform", args=(-np.pi, 2 * np.pi)).pvalue > 0.001


def test_the_correlation_is_a_half_at_the_coherence_length_and_the_stated_curve_elsewhere() -> None:
    coherence = 300
    gain = gains(coherence, 701)
    for start in (0, 8):
        for lag in (0, 15, 30, 45, 60):
            found = np.mean(gain[:, start] * gain[:, start + lag].conj())
            assert found == pytest.approx(2.0 ** -((10 * lag / coherence) ** 2), abs=4 / math.sqrt(BURSTS))


@pytest.mark.parametrize("coherence", [16, 100, 1000])
def test_over_a_long_burst_time_averages_are_the_same(coherence: int) -> None:
    count = 400_000
    gain = gain_of(Rayleigh(), Draws(2), 0, count, {"coherence_symbols": float(coherence)}).astype(np.complex128)
    # About count / coherence fades are independent.
    abs_error = 6 * math.sqrt(coherence / count)
    assert np.mean(np.abs(gain) ** 2) == pytest.approx(1, abs=abs_error)
    assert np.mean(gain[:-coherence] * gain[coherence:].conj()) == pytest.approx(0.5, abs=abs_error)
    assert abs(np.mean(gain[: -3 * coherence] * gain[3 * coherence :].conj())) < abs_error


@pytest.mark.parametrize("coherence", [16, 333, 4000, 1e9])
def test_the_gain_is_smooth(coherence: float) -> None:
    gain = gain_of(Rayleigh(), Draws(3), 1, 100_000, {"coherence_symbols": coherence}).astype(np.complex128)
    # RMS slope of 2^(−(τ/L)²) is √(2·ln 2)/L; a jump anywhere would stick out of five times that.
    assert np.abs(np.diff(gain)).max() < 5 * math.sqrt(2 * math.log(2)) / coherence + 1e-6


def test_far_beyond_the_burst_it_is_one_gain_a_burst_and_another_for_the_next() -> None:
    draws = Draws(1)
    first, second = (gain_of(Rayleigh(), draws, seq, 10_000, {"coherence_symbols": 1e9}) for seq in (0, 1))
    assert np.ptp(np.abs(first)) < 1e-4
    assert abs(first[0] - second[0]) > 0.1
    across = gains(1e9, 1, 2000)[:, 0]
    assert abs(np.mean(across[1:] * across[:-1].conj())) < 0.1


@pytest.mark.parametrize("k_factor_db", [-10.0, 0.0, 6.0, 15.0])
def test_rician_has_the_k_factor_and_unit_power(k_factor_db: float) -> None:
    power = np.abs(gains(4000, 1, coherence_symbols=4000, k_factor_db=k_factor_db)[:, 0].astype(np.complex128)) ** 2
    k_factor = 10 ** (k_factor_db / 10)
    # |h|² has mean 1 and variance (2K + 1)/(K + 1)², and 2(K + 1)·|h|² is non-central chi-squared.
    spread = math.sqrt((2 * k_factor + 1) / (k_factor + 1) ** 2 / BURSTS)
    assert power.mean() == pytest.approx(1, abs=4 * spread)
    assert stats.kstest(2 * (k_factor + 1) * power, "ncx2", args=(2, 2 * k_factor)).pvalue > 0.001


def test_the_direct_path_turns_from_burst_to_burst_not_within_one() -> None:
    draws = Draws(1)
    settings = {"coherence_symbols": 16.0, "k_factor_db": 40.0}
    gain = np.stack([gain_of(Rician(), draws, sequence, 2000, settings) for sequence in range(200)])
    phase = np.angle(gain.mean(axis=1))
    assert stats.kstest(phase, "uniform", args=(-np.pi, 2 * np.pi)).pvalue > 0.001
    assert np.abs(np.angle(gain * np.exp(-1j * phase)[:, None])).max() < 0.1


@pytest.mark.parametrize("name", ["rayleigh", "rician"])
@pytest.mark.parametrize("coherence", [16, 777, 4000, 1e9])
def test_in_pieces_as_at_once_and_whatever_came_before(name: str, coherence: float) -> None:
    symbols = np.exp(2j * np.pi * np.random.default_rng(0).random(20_000)).astype(np.complex64)
    settings = {"coherence_symbols": coherence}
    whole = Channel(snr_db=10, seed=5, model=name, settings=settings).apply(symbols, 3)
    channel = Channel(snr_db=10, seed=5, model=name, settings=settings)
    channel.apply(symbols[:100], 2)
    begin = 0
    for length in (1, 2, 3, 61, 8191, 8193, 3549):
        piece = channel.apply(symbols[begin : begin + length], 3, begin)
        np.testing.assert_array_equal(piece, whole[begin : begin + length])
        begin += length
    assert begin == symbols.size


def test_the_snr_is_the_average_over_fades() -> None:
    channel = Channel(snr_db=5, model="rayleigh", settings={"coherence_symbols": 100})
    symbols = np.exp(2j * np.pi * np.random.default_rng(0).random(20_000)).astype(np.complex64)
    powers = []
    for sequence in range(40):
        settings = channel.knobs.begin(sequence)
        arrived, report = channel.apply_with(settings, symbols, sequence)
        received = arrived.astype(np.complex128)
        assert report["snr_set_db"] == 5
        gain_power = 10 ** (report["gain_db"] / 10)
        # What the tap is told is what happened: the received power is that gain's and the noise's.
        assert np.mean(np.abs(received) ** 2) == pytest.approx(gain_power + 10**-0.5, rel=0.05)
        powers.append(gain_power)
    assert np.mean(powers) == pytest.approx(1, abs=0.05)


def test_the_gain_told_is_its_mean_power_over_the_samples_that_were_given() -> None:
    channel = Channel(snr_db=5, seed=4, model="rayleigh", settings={"coherence_symbols": 1000})
    settings = channel.knobs.begin(3)
    gain = gain_of(Rayleigh(), Draws(4), 3, 50_000, {"coherence_symbols": 1000.0}).astype(np.complex128)
    for begin, end in ((0, 50_000), (0, 16_384), (20_000, 20_001), (9_000, 50_000)):
        _, report = channel.apply_with(settings, np.ones(end - begin, np.complex64), 3, begin)
        mean = np.mean(np.abs(gain[begin:end]) ** 2)
        assert report == {"model": "rayleigh", "snr_set_db": 5, "gain_db": pytest.approx(10 * np.log10(mean), abs=1e-3)}

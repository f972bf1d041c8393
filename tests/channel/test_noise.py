"""Counter-based noise: white, Gaussian, of the variance asked for, and the same whatever happened before."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from channel.noise import BLOCK, CounterNoise, uniform

ZEROS = np.zeros(4 * BLOCK, dtype=np.complex64)


def test_variance_is_total_and_half_per_dimension() -> None:
    noise = CounterNoise(1).add(np.zeros(1_000_000, np.complex64), 0, 0.25)
    assert noise.real.var() == pytest.approx(0.125, rel=0.01)
    assert noise.imag.var() == pytest.approx(0.125, rel=0.01)


def test_gaussian_and_white() -> None:
    noise = CounterNoise(1).add(np.zeros(200_000, np.complex64), 3, 2.0)
    for part in (noise.real, noise.imag):
        assert stats.kstest(part, "norm").pvalue > 0.001
    spectrum = np.abs(np.fft.fft(noise)) ** 2 / noise.size / 2.0
    # For white noise each bin is exponential with mean 1.
    assert stats.kstest(spectrum, "expon").pvalue > 0.001


def test_the_tail_is_there() -> None:
    noise = CounterNoise(2).draw(4_000_000, 0)
    power = np.abs(noise) ** 2  # exponential with mean 1
    for level in (5.0, 10.0, 12.0):
        expected = noise.size * np.exp(-level)
        assert abs(np.count_nonzero(power > level) - expected) < 4 * np.sqrt(expected)
    assert np.isfinite(power).all()


def test_angle_and_radius_are_independent_and_neighbours_too() -> None:
    noise = CounterNoise(3).draw(400_000, 0).astype(np.complex128)
    for product in (noise**2, noise[1:] * noise[:-1].conj(), noise * np.abs(noise) ** 2, noise**4):
        assert abs(product.mean()) < 4 * np.sqrt(np.mean(np.abs(product) ** 2) / product.size)


def test_the_past_does_not_matter() -> None:
    fresh = CounterNoise(7).add(ZEROS, 5, 1.0)
    used = CounterNoise(7)
    used.add(ZEROS[:17], 0, 1.0)
    used.add(ZEROS, 6, 1.0)
    np.testing.assert_array_equal(used.add(ZEROS, 5, 1.0), fresh)


@pytest.mark.parametrize("offset", [1, 2, 3, 7, 100, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_any_stretch_can_be_made_alone(offset: int) -> None:
    noise = CounterNoise(7)
    whole = noise.add(ZEROS, 5, 1.0)
    np.testing.assert_array_equal(noise.add(ZEROS[offset:], 5, 1.0, offset), whole[offset:])


def test_pieces_of_any_length_make_the_whole() -> None:
    noise = CounterNoise(7)
    whole = noise.draw(3000, 1)
    begin = 0
    for length in [*range(1, 70), 585]:
        np.testing.assert_array_equal(noise.draw(length, 1, begin), whole[begin : begin + length])
        begin += length
    assert begin == whole.size


def test_seed_purpose_sequence_and_block_each_give_other_noise() -> None:
    first = CounterNoise(1).add(ZEROS, 0, 1.0)
    others = [
        CounterNoise(2).add(ZEROS, 0, 1.0),
        CounterNoise(1, "fading").add(ZEROS, 0, 1.0),
        CounterNoise(1).add(ZEROS, 1, 1.0),
        np.roll(first, BLOCK),
    ]
    for other in others:
        assert abs(np.vdot(first, other)) / ZEROS.size < 0.03


def test_the_samples_themselves_are_left_alone() -> None:
    samples = np.ones(10, np.complex64)
    CounterNoise(1).add(samples, 0, 1.0)
    np.testing.assert_array_equal(samples, np.ones(10, np.complex64))


def test_uniform_is_uniform_and_repeats() -> None:
    draws = [uniform(1, "erasure", seq) for seq in range(5000)]
    assert stats.kstest(draws, "uniform").pvalue > 0.001
    assert draws[7] == uniform(1, "erasure", 7) != uniform(2, "erasure", 7)
    assert draws[7] != uniform(1, "direct path", 7)

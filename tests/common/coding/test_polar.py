"""The header's polar code: its rule, its decoder against all code words where that can be counted, its reach."""

from __future__ import annotations

import numpy as np
import pytest

from common.coding import crc12, polar


def noisy_llr(words: np.ndarray, snr_db: float, rng: np.random.Generator) -> np.ndarray:
    variance = 10 ** (-snr_db / 10)
    received = 1.0 - 2.0 * polar.encode(words) + np.sqrt(variance) * rng.standard_normal((len(words), polar.LENGTH))
    return (2.0 * received / variance).astype(np.float32)


def test_code_words_are_the_kronecker_powers_rows() -> None:
    kernel = np.array([[1, 0], [1, 1]])
    matrix = np.ones((1, 1), dtype=np.int64)
    for _ in range(9):
        matrix = np.kron(matrix, kernel)
    words = np.random.default_rng(0).integers(0, 2, (20, polar.BITS)).astype(np.uint8)
    u = np.zeros((20, 512), dtype=np.int64)
    u[:, list(polar.INFORMATION)] = words
    numbers = [i for i in range(512) if int(f"{i:09b}"[::-1], 2) >= 144]
    np.testing.assert_array_equal(polar.encode(words), (u @ matrix % 2)[:, numbers])


def test_the_metric_is_the_log_likelihood_of_the_code_word() -> None:
    rng = np.random.default_rng(1)
    llr = noisy_llr(rng.integers(0, 2, (1, polar.BITS)).astype(np.uint8), 0, rng)[0]
    words, costs = polar.decode(llr)
    signs = 1.0 - 2.0 * polar.encode(words)
    likelihood = np.logaddexp(0.0, -signs * llr).sum(axis=1)  # −log P(word | received), up to a constant
    assert costs.tolist() == sorted(costs.tolist())
    np.testing.assert_allclose(costs - costs[0], likelihood - likelihood[0], rtol=0.05, atol=1.0)


def test_nothing_is_lost_without_noise_and_little_at_minus_four_db() -> None:
    rng = np.random.default_rng(2)
    words = rng.integers(0, 2, (300, polar.BITS)).astype(np.uint8)
    clean = (8.0 - 16.0 * polar.encode(words)).astype(np.float32)
    assert all(np.array_equal(polar.decode(row, 1)[0][0], word) for row, word in zip(clean[:20], words, strict=False))
    for list_size, most in ((32, 3), (4, 15)):
        found = [polar.decode(row, list_size)[0] for row in noisy_llr(words, -4, rng)]
        missing = sum(not (made == word).all(axis=1).any() for made, word in zip(found, words, strict=True))
        assert missing <= most
    first = [polar.decode(row)[0][0] for row in noisy_llr(words, -10, rng)]
    assert sum(not np.array_equal(made, word) for made, word in zip(first, words, strict=True)) > 200


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="368 finite LLRs"):
        polar.decode(np.zeros(367, np.float32))
    with pytest.raises(ValueError, match="368 finite LLRs"):
        polar.decode(np.full(368, np.nan, np.float32))


def test_crc12_is_polynomial_division_and_sees_every_double_error() -> None:
    rng = np.random.default_rng(3)
    words = rng.integers(0, 2, (10, 36)).astype(np.uint8)
    for word, coded in zip(words, crc12.append(words), strict=True):
        value = int("".join(map(str, word)), 2) << 12 ^ 0xFFF << 36  # ones in the register before the first bit
        for bit in range(47, 11, -1):
            if value >> bit & 1:
                value ^= 0x180F << (bit - 12)
        assert value == int("".join(map(str, coded[36:])), 2)
    coded = crc12.append(words[:1])[0]
    pairs = np.array([(i, j) for i in range(48) for j in range(i)])
    wrong = np.repeat(coded[None], len(pairs), axis=0)
    wrong[np.arange(len(pairs))[:, None], pairs] ^= 1
    assert crc12.check(coded)
    assert not crc12.check(wrong).any()
    assert not crc12.check(np.zeros(48, np.uint8))


def log_phi(mean: np.ndarray) -> np.ndarray:
    """Logarithm of Chung's φ, which turns the mean of Gaussian LLRs into one less their mean tanh(x/2)."""
    safe = np.maximum(mean, 1e-9)
    low = np.minimum(-0.4527 * safe**0.86 + 0.0218, -1e-4 * safe)
    high = 0.5 * np.log(np.pi / safe) - safe / 4 + np.log1p(-10 / (7 * np.maximum(safe, 10)))
    return np.where(mean <= 0, 0.0, np.where(mean < 10, low, high))


def test_the_places_are_those_of_density_evolution() -> None:
    grid = np.concatenate([[0], np.geomspace(1e-6, 2000, 40000)])
    falling = -np.minimum.accumulate(log_phi(grid))

    def evolve(means: np.ndarray) -> np.ndarray:
        if means.size == 1:
            return means
        first, second = np.split(means, 2)
        a, b = log_phi(first), log_phi(second)
        both = np.minimum(np.log(np.maximum(np.exp(a) + np.exp(b) - np.exp(a + b), 1e-300)), 0.0)
        return np.concatenate([evolve(np.interp(-both, falling, grid)), evolve(first + second)])

    channel = np.zeros(polar.MOTHER_LENGTH)
    channel[polar.SENT] = 2.0 * 10**-0.4
    best = np.argsort(-evolve(channel), kind="stable")[: polar.BITS]
    assert sorted(best) == list(polar.INFORMATION)

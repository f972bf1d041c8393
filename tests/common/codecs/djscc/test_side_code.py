from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from common.codecs.djscc import side_code
from common.errors import BurstError


def noisy(symbols: np.ndarray, snr_db: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    variance = 10.0 ** (-0.1 * snr_db)
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=symbols.shape) + 1j * rng.normal(size=symbols.shape)
    return symbols + np.sqrt(0.5 * variance) * noise, np.full(symbols.shape, variance)


def test_modes_rise() -> None:
    assert len(side_code.MODES) <= 32
    assert all(a.threshold_db < b.threshold_db for a, b in pairwise(side_code.MODES))
    assert all(a.symbols_per_bit > b.symbols_per_bit for a, b in pairwise(side_code.MODES))


@pytest.mark.parametrize("bits", [1, 37, 700, 6200])
@pytest.mark.parametrize("number", range(0, len(side_code.MODES), 3))
def test_bits_come_back_well_above_the_threshold(number: int, bits: int) -> None:
    mode = side_code.MODES[number]
    message = np.random.default_rng(3).integers(0, 2, bits, dtype=np.uint8)
    symbols = side_code.encode(message, mode)
    assert symbols.shape == (side_code.symbol_count(bits, mode),)
    received, noise = noisy(symbols, mode.threshold_db + 2.5)
    np.testing.assert_array_equal(side_code.decode(received, bits, noise, mode), message)


@pytest.mark.parametrize("number", range(0, len(side_code.MODES), 4))
def test_thresholds_are_what_they_are_said_to_be(number: int) -> None:
    mode, rng = side_code.MODES[number], np.random.default_rng(number)
    lost = {0.5: 0, -1.5: 0}
    for seed in range(20):
        message = rng.integers(0, 2, 500, dtype=np.uint8)
        for above in lost:
            received, noise = noisy(side_code.encode(message, mode), mode.threshold_db + above, seed)
            lost[above] += side_code.decode(received, 500, noise, mode) is None
    assert lost[0.5] <= 2
    assert lost[-1.5] >= 10


def test_noise_is_no_block() -> None:
    mode = side_code.MODES[5]
    for seed in range(20):
        received, noise = noisy(np.zeros(side_code.symbol_count(100, mode)), 0.0, seed)
        assert side_code.decode(received, 100, noise, mode) is None


def test_what_is_not_a_number_counts_as_erased() -> None:
    mode = side_code.MODES[4]
    message = np.random.default_rng(3).integers(0, 2, 300, dtype=np.uint8)
    symbols, noise = noisy(side_code.encode(message, mode), 6.0)
    symbols[::5] = np.nan
    noise[1::5] = np.inf
    np.testing.assert_array_equal(side_code.decode(symbols, 300, noise, mode), message)
    assert side_code.decode(np.full_like(symbols, np.nan), 300, noise, mode) is None


def test_another_number_of_symbols_is_refused() -> None:
    with pytest.raises(BurstError, match="symbols"):
        side_code.decode(np.ones(7), 300, np.ones(7), side_code.MODES[4])


def test_header_words_are_far_apart() -> None:
    words = np.stack([side_code._header_words()[value] for value in range(4096)])[:, :128].astype(np.int64)
    distances = words[1:].sum(axis=1)  # a linear code
    assert distances.min() >= 56


def test_header_arrives_at_the_lowest_snr() -> None:
    wrong = 0
    for seed in range(200):
        value = seed * 20 + 3
        symbols = side_code.encode_header(value)
        assert symbols.shape == (side_code.HEADER_SYMBOLS,)
        wrong += side_code.decode_header(*noisy(symbols, -5.0, seed)) != value
    assert wrong <= 4


def test_a_header_of_nothing_is_some_value() -> None:
    nothing = np.full(side_code.HEADER_SYMBOLS, np.nan)
    assert 0 <= side_code.decode_header(nothing, np.ones(side_code.HEADER_SYMBOLS)) < 4096

from __future__ import annotations

import numpy as np
import pytest

from common.coding import block
from common.errors import BurstError, SchemeError


def through_air(symbols, snr_db, rng):
    variance = 10.0 ** (-snr_db / 10.0)
    noise = rng.standard_normal(symbols.size) + 1j * rng.standard_normal(symbols.size)
    return symbols + noise * np.sqrt(variance / 2.0), variance


def failures(bit_count, repetitions, snr_db, blocks, rng):
    failed = 0
    for _ in range(blocks):
        message = rng.integers(0, 2, bit_count, dtype=np.uint8)
        received, variance = through_air(block.encode_block(message, repetitions), snr_db, rng)
        decoded = block.decode_block(received, bit_count, variance, repetitions)
        if decoded is None:
            failed += 1
        else:
            assert np.array_equal(decoded, message)
    return failed


def test_symbol_counts():
    assert block.block_symbols(768) == 1182
    assert block.block_symbols(32) == 78
    assert block.block_symbols(32, repetitions=4) == 312
    assert block.block_symbols(1) == (3 * 40 + 12) // 2
    assert block.block_symbols(block.MAX_BITS) == (3 * 6144 + 12) // 2


@pytest.mark.parametrize("bit_count", [1, 24, 25, 32, 100, 768, 2040, 6128])
@pytest.mark.parametrize("repetitions", [1, 3])
def test_round_trip_without_noise(bit_count, repetitions):
    message = np.random.default_rng(bit_count).integers(0, 2, bit_count, dtype=np.uint8)
    symbols = block.encode_block(message, repetitions)
    assert symbols.dtype == np.complex64
    assert symbols.shape == (block.block_symbols(bit_count, repetitions),)
    assert np.allclose(np.abs(symbols), 1.0, atol=1e-6)
    for variance in (0.0, 1.0e-9, 0.1):
        decoded = block.decode_block(symbols, bit_count, variance, repetitions)
        assert decoded is not None
        assert decoded.dtype == np.uint8
        assert np.array_equal(decoded, message)


def test_repetitions_are_the_block_again():
    message = np.random.default_rng(1).integers(0, 2, 32, dtype=np.uint8)
    assert np.array_equal(block.encode_block(message, 4), np.tile(block.encode_block(message), 4))


def test_repetitions_gain_what_they_cost():
    """Four times the energy is 6 dB: the same failures at 6.02 dB less, and nearly none at the same SNR."""
    rng = np.random.default_rng(2)
    once = failures(32, 1, -1.0, 600, rng)
    four_times = failures(32, 4, -1.0 - 10.0 * np.log10(4.0), 600, rng)
    assert 40 < once < 200
    assert abs(once - four_times) < 4.0 * np.sqrt(2.0 * 100.0)
    assert failures(32, 4, -1.0, 300, rng) == 0


def test_padding_helps_the_decoder():
    """1 and 24 bits take the same block of 40, 23 bits of it padding that the receiver knows."""
    rng = np.random.default_rng(3)
    assert block.block_symbols(1) == block.block_symbols(24)
    assert failures(1, 1, -2.5, 400, rng) < 0.7 * failures(24, 1, -2.5, 400, rng)


def test_text_sized_blocks_survive_half_a_db_below_zero():
    rng = np.random.default_rng(4)
    assert failures(768, 1, -0.5, 300, rng) <= 1
    assert failures(768, 1, -3.0, 100, rng) == 100


def test_a_wrong_noise_estimate_costs_little():
    """A factor of two either way; a 4-QAM demapper's LLRs only scale with it."""
    rng = np.random.default_rng(5)
    failed = 0
    for i in range(200):
        message = rng.integers(0, 2, 768, dtype=np.uint8)
        received, variance = through_air(block.encode_block(message), 0.5, rng)
        failed += block.decode_block(received, 768, variance * (2.0 if i % 2 else 0.5)) is None
    assert failed <= 2


def test_noise_alone_is_no_block():
    rng = np.random.default_rng(6)
    for repetitions in (1, 4):
        silence = np.zeros(block.block_symbols(32, repetitions))
        for _ in range(2000):
            received, variance = through_air(silence, 0.0, rng)
            assert block.decode_block(received, 32, variance, repetitions) is None
    assert block.decode_block(np.zeros(1182), 768, 1.0) is None


def test_a_crc_that_holds_is_not_enough():
    """The bits are right, but the symbols received are not those that were sent."""
    message = np.random.default_rng(7).integers(0, 2, 768, dtype=np.uint8)
    symbols = block.encode_block(message)
    assert block.decode_block(0.9 * symbols, 768, 0.01) is not None
    assert block.decode_block(0.3 * symbols, 768, 0.01) is None
    # 3 standard deviations, 0.75, count where they are more than the fixed slack
    few = block.encode_block(message[:32])
    assert block.decode_block(0.5 * few, 32, 2 * 78 / 16.0) is not None
    assert block.decode_block(0.2 * few, 32, 2 * 78 / 16.0) is None


@pytest.mark.parametrize("bad", [np.nan, np.inf, complex(0.0, np.nan), complex(-np.inf, np.nan)])
def test_samples_that_are_not_finite_are_erasures(bad):
    message = np.random.default_rng(8).integers(0, 2, 768, dtype=np.uint8)
    received = block.encode_block(message)
    received[::10] = bad
    decoded = block.decode_block(received, 768, 0.1)
    assert decoded is not None
    assert np.array_equal(decoded, message)
    assert block.decode_block(np.full(1182, bad), 768, 0.1) is None


def test_a_huge_sample_does_no_harm():
    message = np.random.default_rng(9).integers(0, 2, 768, dtype=np.uint8)
    received = block.encode_block(message)
    received[7] = 3.0e38 + 3.0e38j
    decoded = block.decode_block(received, 768, 0.0)
    assert decoded is not None
    assert np.array_equal(decoded, message)


@pytest.mark.parametrize("size", [0, 1181, 1183, 2364])
def test_a_block_cut_short_is_refused(size):
    with pytest.raises(BurstError, match="1182 symbols"):
        block.decode_block(np.zeros(size, dtype=np.complex64), 768, 1.0)


@pytest.mark.parametrize("variance", [-1.0, np.nan, np.inf])
def test_a_noise_variance_that_is_none_is_refused(variance):
    with pytest.raises(BurstError, match="noise variance"):
        block.decode_block(np.zeros(1182, dtype=np.complex64), 768, variance)


@pytest.mark.parametrize("bit_count", [0, -8, 6129])
def test_what_no_block_carries_is_refused(bit_count):
    with pytest.raises(SchemeError, match="1 to 6128 bits"):
        block.block_symbols(bit_count)
    if bit_count >= 0:
        with pytest.raises(SchemeError, match="1 to 6128 bits"):
            block.encode_block(np.zeros(bit_count, dtype=np.uint8))
    with pytest.raises(SchemeError, match="1 to 6128 bits"):
        block.decode_block(np.zeros(66), bit_count, 1.0)
    with pytest.raises(SchemeError, match="at least once"):
        block.block_symbols(32, repetitions=0)

from __future__ import annotations

import binascii
from itertools import combinations

import numpy as np
import pytest

from common.coding import bits, crc


def test_check_value_of_the_catalogue():
    assert crc.compute(bits.from_bytes(b"123456789")) == 0x29B1


def test_agrees_with_the_standard_library_on_bytes():
    rng = np.random.default_rng(1)
    for length in (0, 1, 2, 3, 17, 98, 255, 766):
        data = rng.bytes(length)
        assert crc.compute(bits.from_bytes(data)) == binascii.crc_hqx(data, crc.INITIAL)


def test_agrees_with_a_shift_register_on_any_number_of_bits():
    rng = np.random.default_rng(2)
    for length in (1, 2, 7, 13, 15, 16, 17, 33, 100):
        message = rng.integers(0, 2, length, dtype=np.uint8)
        register = 0xFFFF
        for bit in message.tolist():
            feedback = (register >> 15) ^ bit
            register = (register << 1) & 0xFFFF
            if feedback:
                register ^= 0x1021
        assert crc.compute(message) == register


def test_an_appended_block_holds():
    rng = np.random.default_rng(3)
    for length in (1, 5, 32, 768, 6128):
        message = rng.integers(0, 2, length, dtype=np.uint8)
        block = crc.append(message)
        assert block.dtype == np.uint8
        assert block.shape == (length + crc.LENGTH,)
        assert np.array_equal(block[:length], message)
        assert crc.check(block)


def test_every_single_and_double_bit_error_of_a_header_is_seen():
    block = crc.append(np.random.default_rng(4).integers(0, 2, 32, dtype=np.uint8))
    positions = [*combinations(range(block.size), 1), *combinations(range(block.size), 2)]
    assert len(positions) == 48 + 1128
    for position in positions:
        broken = block.copy()
        broken[list(position)] ^= 1
        assert not crc.check(broken)


@pytest.mark.parametrize("length", [784, 6144, crc.PERIOD])
def test_every_single_and_double_bit_error_of_a_long_block_is_seen(length):
    # By linearity: one error adds its term to the syndrome, two errors the sum of two terms. So all are seen just where
    # no term is zero and no two are equal.
    terms, _ = crc.syndrome_terms(length)
    assert terms.shape == (length,)
    assert np.all(terms != 0)
    assert np.unique(terms).size == length


def test_every_burst_of_up_to_16_bits_is_seen():
    rng = np.random.default_rng(5)
    block = crc.append(rng.integers(0, 2, 84, dtype=np.uint8))
    for start in range(block.size):
        for _ in range(20):
            broken = block.copy()
            burst = rng.integers(0, 2, min(16, block.size - start), dtype=np.uint8)
            burst[0] = 1
            broken[start : start + burst.size] ^= burst
            assert not crc.check(broken)


def test_blocks_without_any_signal_do_not_pass():
    for length in (17, 48, 784):
        assert not crc.check(np.zeros(length, dtype=np.uint8))
        assert not crc.check(np.ones(length, dtype=np.uint8))


def test_random_blocks_pass_about_once_in_two_to_the_sixteen():
    rng = np.random.default_rng(6)
    terms, start = crc.syndrome_terms(784)
    blocks = rng.integers(0, 2, (100_000, 784), dtype=np.uint8)
    syndromes = np.zeros(100_000, dtype=np.uint16)
    for i in range(784):
        syndromes ^= terms[i] * blocks[:, i]
    assert 0 <= np.count_nonzero(syndromes == start) <= 8
    assert np.unique(syndromes).size > 45_000  # 65 536 · (1 − e^(−100 000 / 65 536)) = 51 300 are expected


@pytest.mark.parametrize("length", [0, 15, crc.PERIOD + 1])
def test_lengths_that_the_code_does_not_cover_are_refused(length):
    with pytest.raises(ValueError, match="CRC-16 block"):
        crc.check(np.zeros(length, dtype=np.uint8))

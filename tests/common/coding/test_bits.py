from __future__ import annotations

import numpy as np
import pytest

from common.coding import bits


def test_bytes_become_bits_most_significant_first():
    assert bits.from_bytes(b"\x80\x01").tolist() == [1] + [0] * 14 + [1]


def test_bytes_survive_the_round_trip():
    data = bytes(range(256))
    assert bits.to_bytes(bits.from_bytes(data)) == data
    assert bits.to_bytes(bits.from_bytes(b"")) == b""


def test_a_broken_byte_is_refused():
    with pytest.raises(ValueError, match="7 bits"):
        bits.to_bytes(np.zeros(7, dtype=np.uint8))


@pytest.mark.parametrize("bad", [[0, 1, 2], [0, -1], [0.5], [[0, 1]], [float("nan")], 1])
def test_what_is_not_a_vector_of_bits_is_refused(bad):
    with pytest.raises(ValueError, match="bits must be"):
        bits.checked(bad)


@pytest.mark.parametrize("good", [[], [True, False], np.array([0.0, 1.0]), np.array([0, 1], dtype=np.int64)])
def test_zeros_and_ones_of_any_type_are_taken(good):
    checked = bits.checked(good)
    assert checked.dtype == np.uint8
    assert checked.tolist() == [int(b) for b in good]

from __future__ import annotations

import numpy as np
import pytest

from common.codecs.djscc import side_bits
from common.codecs.djscc.side_bits import Fields, Reader, Writer
from common.errors import BurstError


def test_fields_come_back() -> None:
    made = Fields(mode=17, units=4095, step=9, group=2, tx_snr=31, scale=500)
    bits = made.bits()
    assert bits.shape == (side_bits.FIELD_BITS,)
    assert side_bits.fields(bits) == made
    with pytest.raises(BurstError, match="fields"):
        side_bits.fields(np.ones(side_bits.FIELD_BITS, np.uint8))


@pytest.mark.parametrize("snr_db", [-10.0, -3.26, 0.0, 19.9, 25.0])
def test_the_transmitters_snr_is_told_to_a_quarter_db(snr_db: float) -> None:
    told = Fields(0, 0, 0, 0, side_bits.snr_index(snr_db), 0).tx_snr_db
    assert abs(told - snr_db) <= 0.25


def test_the_scale_is_told_to_a_twentieth_of_a_db() -> None:
    for factor in (0.3, 1.0, 2.7, 60.0):
        told = Fields(0, 0, 0, 0, 0, side_bits.scale_index(factor)).scale_factor
        assert abs(20.0 * np.log10(told / factor)) < 0.051


def tables() -> np.ndarray:
    rows = []
    for width in (0.4, 1.0, 3.0, 8.0):
        shares = np.exp(-np.arange(16) / width)
        frequencies = np.floor(shares / shares.sum() * (65536 - 16)).astype(np.int32) + 1
        frequencies[0] += 65536 - frequencies.sum()
        rows.append(frequencies)
    return np.stack(rows)


def test_multiples_come_back_whatever_they_are() -> None:
    rng = np.random.default_rng(4)
    which, plain = rng.integers(0, 4, 3000), rng.integers(0, 5, 3000)
    multiples = np.rint(rng.laplace(0.0, 3.0, 3000) * 2.0**plain).astype(np.int64)
    multiples[:4] = [15, -40, 3000, -20000]
    writer = Writer()
    side_bits.write_multiples(writer, multiples, which, plain, tables())
    read = side_bits.read_multiples(Reader(writer.bits()), which, plain, tables())
    np.testing.assert_array_equal(read, multiples)


def test_none_are_no_bits_to_read() -> None:
    none = np.zeros(0, np.int64)
    writer = Writer()
    side_bits.write_multiples(writer, none, none, none, tables())
    assert side_bits.read_multiples(Reader(np.zeros(0, np.uint8)), none, none, tables()).size == 0


def test_what_is_cut_off_means_the_same_and_is_near_the_ideal_length() -> None:
    rng = np.random.default_rng(5)
    which, plain = np.full(400, 1), np.zeros(400, np.int64)
    magnitudes = rng.choice(16, 400, p=tables()[1] / 65536)
    ideal = -np.log2(tables()[1][magnitudes] / 65536).sum() + np.count_nonzero(magnitudes)
    multiples = magnitudes * rng.choice([-1, 1], 400)
    writer = Writer()
    side_bits.write_multiples(writer, multiples, which, plain, tables())

    def same(bits: np.ndarray) -> bool:
        return np.array_equal(side_bits.read_multiples(Reader(bits), which, plain, tables()), multiples)

    bits = side_bits.shortest(writer.bits(), same)
    assert same(bits)
    assert bits.size <= ideal + np.count_nonzero(magnitudes == 15) * 5 + 8


def test_random_bits_mean_something_or_are_refused() -> None:
    rng = np.random.default_rng(6)
    which, plain = rng.integers(0, 4, 500), rng.integers(0, 5, 500)
    for _ in range(30):
        try:
            read = side_bits.read_multiples(Reader(rng.integers(0, 2, 700, dtype=np.uint8)), which, plain, tables())
        except (BurstError, AssertionError, ValueError):
            continue
        assert np.abs(read).max() < side_bits.MOST_MAGNITUDE

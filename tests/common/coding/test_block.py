from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from common.coding import block, crc
from common.errors import BurstError, SchemeError

HALF, THIRD, EIGHTH = Fraction(1, 2), Fraction(1, 3), Fraction(1, 8)


def through_air(symbols, snr_db, rng):
    variance = 10.0 ** (-snr_db / 10.0)
    noise = rng.standard_normal(symbols.shape) + 1j * rng.standard_normal(symbols.shape)
    return symbols + noise * np.sqrt(variance / 2.0), variance


def failures(bit_count, rate, snr_db, blocks, rng):
    """How many of ``blocks`` random blocks did not arrive; none arrives as another."""
    messages = rng.integers(0, 2, (blocks, bit_count), dtype=np.uint8)
    received, variance = through_air(np.stack([block.encode(message, rate) for message in messages]), snr_db, rng)
    found, intact = block.decode_batch(received, bit_count, variance, rate)
    assert np.array_equal(found[intact], messages[intact])
    return int((~intact).sum())


@pytest.mark.parametrize(
    ("rate", "symbols"),
    [
        (Fraction(1, 8), 3142),
        (Fraction(1, 6), 2358),
        (Fraction(1, 4), 1574),
        (Fraction(1, 3), 1182),
        (Fraction(1, 2), 790),
    ],
)
def test_symbol_counts(rate, symbols):
    assert block.symbol_count(768, rate) == symbols == ((768 + 16) / rate + 12) / 2


def test_the_budget_follows_the_bits_and_not_the_block_size():
    assert block.symbol_count(1) == (3 * 17 + 12 + 1) // 2
    assert block.symbol_count(2040) == (3 * 2056 + 12) // 2
    assert block.symbol_count(block.MAX_BITS) == (3 * 6144 + 12) // 2
    for rate in block.RATES:
        counts = [block.symbol_count(n, rate) for n in range(1, 300)]
        assert all(0 < b - a <= 1 / rate for a, b in zip(counts, counts[2:], strict=False))


@pytest.mark.parametrize("bit_count", [1, 24, 25, 32, 100, 768, 2040, 6128])
@pytest.mark.parametrize("rate", block.RATES)
def test_round_trip_without_noise(bit_count, rate):
    message = np.random.default_rng(bit_count).integers(0, 2, bit_count, dtype=np.uint8)
    symbols = block.encode(message, rate)
    assert symbols.dtype == np.complex64
    assert symbols.shape == (block.symbol_count(bit_count, rate),)
    assert np.allclose(np.abs(symbols), 1.0, atol=1e-6)
    for variance in (0.0, 1.0e-9, 0.1, np.full(symbols.size, 0.1)):
        decoded = block.decode(symbols, bit_count, variance, rate)
        assert decoded is not None
        assert decoded.dtype == np.uint8
        assert np.array_equal(decoded, message)


# 768 bits and CRC. Where the normal approximation has a block error rate of 1e-2 (dB), and by how much each rate may
# miss it: repetition below 1/3 costs what a code of that rate would not.
@pytest.mark.parametrize("rate", block.RATES)
def test_each_rate_works_near_its_bound(rate):
    from gvsc.bench.normal_approximation import snr_db_for

    bound = snr_db_for(1.0e-2, 784, block.symbol_count(768, rate))
    loss = {EIGHTH: 1.6, Fraction(1, 6): 1.4, Fraction(1, 4): 1.25, THIRD: 0.8, HALF: 0.9}[rate]
    rng = np.random.default_rng(2)
    assert failures(768, rate, bound + loss, 400, rng) <= 10
    assert failures(768, rate, bound - 0.5, 60, rng) >= 30


def test_known_filling_is_used():
    """1 bit and 24 bits take the same block of 40; the filling is known, and not sent."""
    rng = np.random.default_rng(3)
    assert block.symbol_count(1) < block.symbol_count(24)
    energy = 10.0 * np.log10(block.symbol_count(24) / block.symbol_count(1))
    assert failures(1, THIRD, -2.5 + energy, 2000, rng) < failures(24, THIRD, -2.5, 2000, rng)


def test_text_sized_blocks_survive_half_a_db_below_zero():
    rng = np.random.default_rng(4)
    assert failures(768, THIRD, -0.5, 400, rng) <= 1
    assert failures(768, THIRD, -3.0, 100, rng) == 100


def test_a_wrong_noise_estimate_costs_little():
    """A factor of two either way; a 4-QAM demapper's LLRs only scale with it."""
    rng = np.random.default_rng(5)
    messages = rng.integers(0, 2, (300, 768), dtype=np.uint8)
    received, variance = through_air(np.stack([block.encode(m) for m in messages]), 0.5, rng)
    for factor in (0.5, 2.0):
        _, intact = block.decode_batch(received, 768, variance * factor)
        assert (~intact).sum() <= 2


def test_noise_that_is_known_for_each_symbol_helps():
    """Half of the symbols at 6 dB and half at −9: what is known of that is worth more than its mean."""
    rng = np.random.default_rng(11)
    variance = np.where(np.arange(1182) % 2, 10.0**-0.6, 10.0**0.9)
    messages = rng.integers(0, 2, (200, 768), dtype=np.uint8)
    sent = np.stack([block.encode(message) for message in messages])
    received = sent + np.sqrt(variance) * through_air(np.zeros_like(sent), 0.0, rng)[0]
    known, unknown = (block.decode_batch(received, 768, v)[1].sum() for v in (variance, float(variance.mean())))
    assert known == 200
    assert unknown < 100


@pytest.mark.parametrize("rate", [HALF, THIRD, EIGHTH])
def test_a_fade_hits_all_parts_of_the_code(rate):
    """A ninth of the burst is lost in one piece, wherever: what is left is enough."""
    message = np.random.default_rng(12).integers(0, 2, 768, dtype=np.uint8)
    symbols = block.encode(message, rate)
    for start in range(0, symbols.size, symbols.size // 18):
        variance = np.full(symbols.size, 0.2)
        variance[start : start + symbols.size // 9] = np.inf
        decoded = block.decode(symbols, 768, variance, rate)
        assert decoded is not None
        assert np.array_equal(decoded, message)


@pytest.mark.parametrize(("bit_count", "rate"), [(32, THIRD), (32, EIGHTH), (768, HALF)])
def test_noise_alone_is_no_block(bit_count, rate, monkeypatch):
    """Where every block's CRC held, the correlation alone would have to refuse them; and it does."""
    rng = np.random.default_rng(6)
    received, variance = through_air(np.zeros((2000, block.symbol_count(bit_count, rate))), 0.0, rng)
    assert not block.decode_batch(received, bit_count, variance, rate)[1].any()
    assert block.decode(np.zeros(1182), 768, 1.0) is None
    monkeypatch.setattr(crc, "check", lambda bits: True)
    assert not block.decode_batch(received, bit_count, variance, rate)[1].any()
    monkeypatch.setattr(block, "CORRELATION_SLACK", 2.0)
    assert block.decode_batch(received, bit_count, variance, rate)[1].all()


def test_a_crc_that_holds_is_not_enough():
    """The bits are right, but the symbols received are not those that were sent."""
    message = np.random.default_rng(7).integers(0, 2, 768, dtype=np.uint8)
    symbols = block.encode(message)
    assert block.decode(0.9 * symbols, 768, 0.01) is not None
    assert block.decode(0.3 * symbols, 768, 0.01) is None
    # 3 standard deviations, 0.75, count where they are more than the fixed slack
    few = block.encode(message[:32])
    assert block.decode(0.5 * few, 32, 2 * few.size / 16.0) is not None
    assert block.decode(0.2 * few, 32, 2 * few.size / 16.0) is None


def test_a_batch_tells_which_blocks_are_intact():
    rng = np.random.default_rng(13)
    messages = rng.integers(0, 2, (40, 768), dtype=np.uint8)
    received, variance = through_air(np.stack([block.encode(m) for m in messages]), -1.25, rng)
    found, intact = block.decode_batch(received, 768, variance)
    assert found.shape == (40, 768)
    assert 0 < intact.sum() < 40
    for row, message, ok in zip(received, found, intact, strict=True):
        alone = block.decode(row, 768, variance)
        assert np.array_equal(alone, message) if ok else alone is None
    assert all(crc.check(crc.append(message)) for message in found[intact])


@pytest.mark.parametrize("bad", [np.nan, np.inf, complex(0.0, np.nan), complex(-np.inf, np.nan)])
def test_samples_that_are_not_finite_are_erasures(bad):
    message = np.random.default_rng(8).integers(0, 2, 768, dtype=np.uint8)
    received = block.encode(message)
    received[::10] = bad
    decoded = block.decode(received, 768, 0.1)
    assert decoded is not None
    assert np.array_equal(decoded, message)
    assert block.decode(np.full(1182, bad), 768, 0.1) is None


def test_symbols_of_infinite_noise_are_erasures():
    message = np.random.default_rng(8).integers(0, 2, 768, dtype=np.uint8)
    received, variance = block.encode(message), np.full(1182, 0.1)
    received[::10], variance[::10] = -1.0e6, np.inf
    decoded = block.decode(received, 768, variance)
    assert decoded is not None
    assert np.array_equal(decoded, message)
    assert block.decode(received, 768, np.inf) is None


@pytest.mark.parametrize("size", [1.0e4, 1.0e9, 3.0e38])
def test_a_huge_sample_is_one_wrong_symbol_to_the_code_and_a_reason_to_refuse(size):
    """The decoder finds the right bits in any case; but received symbols that are none are not delivered, unless the
    huge one happens to point where the sent one does."""
    message = np.random.default_rng(9).integers(0, 2, 768, dtype=np.uint8)
    sent = block.encode(message)
    for direction, delivered in ((1.0, True), (-1.0, False)):
        received = sent.astype(np.complex128)
        received[7] = direction * size * sent[7]
        bits, intact = block.decode_batch(received[None], 768, 0.1)
        assert np.array_equal(bits[0], message)
        assert intact[0] == delivered
        assert (block.decode(received, 768, 0.1) is not None) == delivered


@pytest.mark.parametrize("size", [0, 1181, 1183, 2364])
def test_a_block_cut_short_is_refused(size):
    with pytest.raises(BurstError, match="1182 symbols"):
        block.decode(np.zeros(size, dtype=np.complex64), 768, 1.0)


def test_other_shapes_are_refused():
    with pytest.raises(BurstError, match="vector"):
        block.decode(np.zeros((1, 1182)), 768, 1.0)
    with pytest.raises(BurstError, match="1182 symbols"):
        block.decode_batch(np.zeros(1182), 768, 1.0)


@pytest.mark.parametrize("variance", [-1.0, np.nan, np.full(1182, -0.1)])
def test_a_noise_variance_that_is_none_is_refused(variance):
    with pytest.raises(BurstError, match="noise variance"):
        block.decode(np.zeros(1182, dtype=np.complex64), 768, variance)


@pytest.mark.parametrize("bit_count", [0, -8, 6129])
def test_what_no_block_carries_is_refused(bit_count):
    with pytest.raises(SchemeError, match="1 to 6128 bits"):
        block.symbol_count(bit_count)
    if bit_count >= 0:
        with pytest.raises(SchemeError, match="1 to 6128 bits"):
            block.encode(np.zeros(bit_count, dtype=np.uint8))
    with pytest.raises(SchemeError, match="1 to 6128 bits"):
        block.decode(np.zeros(66), bit_count, 1.0)


def test_other_rates_are_refused():
    with pytest.raises(SchemeError, match="code rate"):
        block.symbol_count(768, Fraction(2, 3))

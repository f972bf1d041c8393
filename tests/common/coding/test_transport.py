from __future__ import annotations

import numpy as np
import pytest

from common.coding import transport
from common.errors import BurstError, SchemeError
from common.modulation import qam


def noise(rng, count, snr_db):
    return (rng.standard_normal(count) + 1j * rng.standard_normal(count)) * np.sqrt(10 ** (-snr_db / 10) / 2)


def message(count, seed=1):
    return np.random.default_rng(seed).integers(0, 2, count, dtype=np.uint8)


CASES = [
    (1, 30, 2, 8.0),
    (1000, 1100, 2, 4.0),
    (2001, 777, 6, 13.5),
    (9001, 9500, 2, 3.0),  # two segments of one length, one zero added, an odd number of symbols between them
    (8000, 20_001, 2, -2.0),  # below rate 1/3: three segments of base graph 2
    (100, 2000, 4, -6.0),  # repetition
]


@pytest.mark.parametrize(("bits", "symbols", "order", "snr_db"), CASES)
def test_round_trip_in_noise(bits, symbols, order, snr_db):
    sent = message(bits)
    block = transport.encode(sent, symbols, order)
    assert block.dtype == np.complex64
    assert block.shape == (symbols,)
    different = min(symbols, 5 * (bits + transport.CRC_BITS) / order)  # repeated symbols average nothing out
    assert np.mean(np.abs(block) ** 2) == pytest.approx(1.0, abs=4 * 0.62 / np.sqrt(different))
    received = block + noise(np.random.default_rng(2), symbols, snr_db)
    decoded = transport.decode(received, bits, 10 ** (-snr_db / 10), order)
    assert decoded.arrived.all()
    assert np.array_equal(decoded.whole, sent)
    assert np.array_equal(decoded.prefix, sent)


def test_plans_are_as_the_module_says():
    assert transport.plan(9001, 9501, 2) == transport.Plan(4525, (4750, 4751))
    assert transport.plan(8424, 8448, 2) == transport.Plan(8448, (8448,))
    assert len(transport.plan(8425, 9000, 2).symbols) == 2
    assert transport.plan(8000, 20_001, 2).symbols == (6667, 6667, 6667)


@pytest.mark.parametrize("order", [2, 4, 6])
def test_a_run_of_zeros_has_unit_power(order):
    block = transport.encode(np.zeros(3000, dtype=np.uint8), 4000, order)
    assert np.mean(np.abs(block) ** 2) == pytest.approx(1.0, abs=0.05)
    assert abs(np.mean(block)) < 0.08


@pytest.mark.parametrize("received", [np.zeros(9500), np.full(9500, np.nan), np.full(9500, 1e-3)])
def test_nothing_received_is_nothing_arrived(received):
    decoded = transport.decode(received, 9001, 1.0, 2)
    assert not decoded.arrived.any()
    assert decoded.whole is None
    assert decoded.prefix.size == 0


def test_what_was_sent_before_the_lost_segment_can_be_used():
    sent = message(20_000)
    block = transport.encode(sent, 22_000, 2)
    lost = transport.plan(20_000, 22_000, 2).symbols[0]
    block[lost + 300 : lost + 7000] = np.nan
    decoded = transport.decode(block, 20_000, 0.1, 2)
    assert decoded.arrived.tolist() == [True, False, True]
    assert decoded.whole is None
    assert np.array_equal(decoded.prefix, sent[: decoded.segment_bits])


def test_noise_that_differs_by_symbol_is_used():
    """A third of the symbols drowns in noise. Told so, the decoder succeeds; told the mean, it does not."""
    rng = np.random.default_rng(3)
    sent = message(1000)
    block = transport.encode(sent, 1300, 2)
    variance = np.where(np.arange(1300) % 3 == 0, 30.0, 0.3)
    received = block + noise(rng, 1300, 0.0) * np.sqrt(variance)
    assert np.array_equal(transport.decode(received, 1000, variance, 2).whole, sent)
    assert transport.decode(received, 1000, float(variance.mean()), 2).whole is None


def test_a_wrong_length_does_not_pass():
    block = transport.encode(message(1000), 1100, 2)
    assert transport.decode(block, 999, 0.1, 2).whole is None
    assert transport.decode(block[:-1], 1000, 0.1, 2).whole is None


@pytest.mark.parametrize(("bits", "symbols"), [(0, 10), (10, 0), (-1, 10), (1000, 500), (1000, 540)])
def test_what_does_not_fit_is_refused(bits, symbols):
    with pytest.raises(SchemeError):
        transport.plan(bits, symbols, 2)


def test_arguments_that_are_wrong_are_refused():
    with pytest.raises(BurstError, match="noise variance"):
        transport.decode(np.zeros(1100), 1000, -1.0, 2)
    with pytest.raises(BurstError, match="noise variance"):
        transport.decode(np.zeros(1100), 1000, np.nan, 2)
    with pytest.raises(ValueError, match="zeros and ones"):
        transport.encode([2] * 100, 200, 2)


def test_no_scale_is_hidden_in_the_symbols():
    points = qam.points(4)
    block = transport.encode(message(500), 400, 4)
    assert np.abs(block[:, None] - points[None]).min(axis=1).max() < 1e-6

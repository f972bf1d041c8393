from __future__ import annotations

import itertools

import numpy as np
import pytest

from common.modulation import qam

ORDERS = tuple(qam.NAMES)


def noise(rng, shape, variance):
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) * np.sqrt(variance / 2.0)


def test_the_labelling():
    expected = np.array([1 + 1j, 1 - 1j, -1 + 1j, -1 - 1j]) / np.sqrt(2.0)
    symbols = qam.modulate([0, 0, 0, 1, 1, 0, 1, 1])
    assert symbols.dtype == np.complex64
    assert np.allclose(symbols, expected, atol=1e-7)


def test_neighbours_differ_in_one_bit():
    labels = [(0, 0), (0, 1), (1, 1), (1, 0)]
    points = [qam.modulate(label)[0] for label in labels]
    assert all(abs(points[i] - points[i - 1]) == pytest.approx(np.sqrt(2.0)) for i in range(4))


def test_every_symbol_has_power_1():
    symbols = qam.modulate(np.random.default_rng(1).integers(0, 2, 2000))
    assert np.allclose(np.abs(symbols), 1.0, atol=1e-6)


def test_llrs_are_those_of_the_definition():
    rng = np.random.default_rng(2)
    for variance in (0.05, 1.0, 7.0):
        received = rng.standard_normal(50) + 1j * rng.standard_normal(50)
        llr = qam.llr(received, variance)
        assert llr.dtype == np.float32
        assert llr.shape == (100,)
        labels = np.array([(0, 0), (0, 1), (1, 0), (1, 1)])
        points = qam.modulate(labels.reshape(-1))
        log_p = -(np.abs(received[:, None] - points[None, :]) ** 2) / variance
        for j in range(2):
            zero = np.logaddexp.reduce(log_p[:, labels[:, j] == 0], axis=1)
            one = np.logaddexp.reduce(log_p[:, labels[:, j] == 1], axis=1)
            assert np.allclose(llr[j::2], zero - one, rtol=1e-4, atol=1e-4)


def test_llrs_of_received_bits_are_calibrated():
    """Among bits whose LLR is about x, a share 1 / (1 + e^x) are ones."""
    rng = np.random.default_rng(3)
    bits = rng.integers(0, 2, 400_000, dtype=np.uint8)
    symbols = qam.modulate(bits)
    variance = 1.0
    noise = (rng.standard_normal(symbols.size) + 1j * rng.standard_normal(symbols.size)) * np.sqrt(variance / 2.0)
    llr = qam.llr(symbols + noise, variance)
    for low, high in ((-1.2, -0.8), (-0.2, 0.2), (0.8, 1.2), (1.8, 2.2)):
        near = (llr > low) & (llr < high)
        assert near.sum() > 5000
        assert bits[near].mean() == pytest.approx(1.0 / (1.0 + np.exp((low + high) / 2.0)), abs=0.02)


def test_hard_decisions_return_the_bits():
    bits = np.random.default_rng(4).integers(0, 2, 1000, dtype=np.uint8)
    assert np.array_equal(qam.llr(qam.modulate(bits), 0.5) < 0, bits)


def test_nothing_in_nothing_out():
    assert qam.modulate([]).shape == (0,)
    assert qam.llr(np.zeros(0, dtype=np.complex64), 1.0).shape == (0,)


@pytest.mark.parametrize("bits", [[0], [1, 0, 1]])
def test_an_odd_number_of_bits_is_refused(bits):
    with pytest.raises(ValueError, match="even number of bits"):
        qam.modulate(bits)


@pytest.mark.parametrize("variance", [0.0, -1.0, float("nan"), float("inf")])
def test_a_noise_variance_that_is_not_positive_is_refused(variance):
    with pytest.raises(ValueError, match="noise variance"):
        qam.llr(np.ones(2, dtype=np.complex64), variance)


# TS 38.211, 5.1.4 and 5.1.5, one formula a line as printed there
def standard_point(bits):
    s = [1 - 2 * int(b) for b in bits]
    if len(s) == 2:
        return (s[0] + 1j * s[1]) / np.sqrt(2)
    if len(s) == 4:
        return (s[0] * (2 - s[2]) + 1j * s[1] * (2 - s[3])) / np.sqrt(10)
    return (s[0] * (4 - s[2] * (2 - s[4])) + 1j * s[1] * (4 - s[3] * (2 - s[5]))) / np.sqrt(42)


@pytest.mark.parametrize("order", ORDERS)
def test_points_are_those_of_the_standard(order):
    labels = list(itertools.product((0, 1), repeat=order))
    assert np.allclose(qam.points(order), [standard_point(label) for label in labels], atol=1e-6)
    assert np.mean(np.abs(qam.points(order)) ** 2) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("order", ORDERS)
def test_nearest_neighbours_differ_in_one_bit(order):
    points = qam.points(order)
    distance = np.abs(points[:, None] - points[None, :]) + 9.0 * np.eye(points.size)
    near = np.argwhere(distance < distance.min() * 1.01)
    assert {int(a ^ b).bit_count() for a, b in near} == {1}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("variance", [1e-3, 0.05, 1.0, 30.0])
def test_llrs_of_all_orders_are_those_of_the_definition(order, variance):
    rng = np.random.default_rng(order)
    points = qam.points(order)
    labels = np.array(list(itertools.product((0, 1), repeat=order)))
    received = np.concatenate([rng.choice(points, 200) + noise(rng, 200, variance), [0.0, 3 - 3j], points])
    log_p = -(np.abs(received[:, None] - points[None, :].astype(complex)) ** 2) / variance
    found = qam.llr(received, variance, order).reshape(-1, order)
    for bit in range(order):
        zero = np.logaddexp.reduce(log_p[:, labels[:, bit] == 0], axis=1)
        one = np.logaddexp.reduce(log_p[:, labels[:, bit] == 1], axis=1)
        assert np.allclose(found[:, bit], zero - one, rtol=2e-5, atol=2e-5 * max(1.0, 0.1 / variance))


@pytest.mark.parametrize("order", ORDERS)
def test_llrs_agree_with_commpy(order):
    """commpy 1.2.0: max-log, log P0/P1 as here, its noise_var the total variance. Same points by our labels.

    Max-log and exact LLRs differ by at most log(2^order / 2), and by nothing at a high SNR.
    """
    from commpy._modulation.soft_demod import compute_llr

    rng = np.random.default_rng(order)
    labels = np.array(list(itertools.product((0, 1), repeat=order)))
    points = qam.points(order).astype(complex)
    for variance, slack in ((1.0, (order - 1) * np.log(2.0)), (2e-4, 1e-6)):
        received = rng.choice(points, 500) + noise(rng, 500, variance)
        expected = compute_llr(received, points, labels, variance)
        assert np.abs(qam.llr(received, variance, order) - expected).max() <= slack + 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("order", ORDERS)
def test_the_noise_may_differ_by_symbol(order):
    rng = np.random.default_rng(7)
    received = rng.standard_normal((3, 20)) + 1j * rng.standard_normal((3, 20))
    variance = rng.uniform(0.05, 2.0, (3, 20))
    found = qam.llr(received, variance, order)
    assert found.shape == (3, 20 * order)
    for i, j in ((0, 0), (1, 7), (2, 19)):
        alone = qam.llr(received[i, j : j + 1], variance[i, j], order)
        assert np.allclose(found[i, j * order : (j + 1) * order], alone, rtol=1e-5)
    rows = qam.llr(received, variance[:, :1], order)
    assert np.allclose(rows[1], qam.llr(received[1], variance[1, 0], order), rtol=1e-5)
    with pytest.raises(ValueError, match="noise variance"):
        qam.llr(received, np.where(variance == variance[1, 3], 0.0, variance), order)


@pytest.mark.parametrize("order", ORDERS)
def test_llrs_far_from_every_point_stay_numbers(order):
    received = np.array([1e6 + 1e6j, -1e6 + 0j, 1e-30j])
    for variance in (1e-6, 1.0, 1e6):
        found = qam.llr(received, variance, order).reshape(3, order)
        assert not np.isnan(found).any()
        assert found[0, 0] > 0
        assert found[1, 0] < 0


@pytest.mark.parametrize("order", ORDERS)
def test_hard_decisions_of_all_orders_return_the_bits(order):
    bits = np.random.default_rng(8).integers(0, 2, 120 * order, dtype=np.uint8)
    assert np.array_equal(qam.llr(qam.modulate(bits, order), 1e-3, order) < 0, bits)


@pytest.mark.parametrize("order", [4, 6])
def test_nothing_in_nothing_out_of_all_orders(order):
    assert qam.modulate([], order).shape == (0,)
    assert qam.llr(np.zeros(0, dtype=np.complex64), 1.0, order).shape == (0,)


def test_what_fits_no_constellation_is_refused():
    with pytest.raises(ValueError, match="multiple of 6 bits"):
        qam.modulate([0, 1, 1, 0], 6)
    for order in (0, 1, 3, 8):
        with pytest.raises(ValueError, match="2, 4, 6"):
            qam.modulate([0, 1], order)
        with pytest.raises(ValueError, match="2, 4, 6"):
            qam.llr([1j], 1.0, order)

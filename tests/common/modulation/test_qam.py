from __future__ import annotations

import numpy as np
import pytest

from common.modulation import qam


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

from __future__ import annotations

import numpy as np
import pytest

from common import conventions
from common.modulation import qam
from gvsc.bench import normal_approximation as bound


def test_capacity_of_the_binary_channel_at_its_known_limits():
    """BI-AWGN: rate 1/2 needs Eb/N0 = 0.187 dB, rate 1/3 −0.495 dB (Shannon limits as in any text on turbo codes)."""
    for rate, ebno_db in ((1 / 2, 0.187), (1 / 3, -0.495)):
        snr_db = ebno_db + 10 * np.log10(2 * rate)
        assert bound.capacity_and_dispersion(snr_db, 2)[0] == pytest.approx(rate, abs=3e-4)


@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize("snr_db", [-6.0, 3.0, 8.0])
def test_mean_and_variance_of_the_information_density(order, snr_db):
    """Against draws of whole complex symbols, no quadrature and no axes."""
    rng = np.random.default_rng(order)
    points = qam.points(order).astype(complex)
    variance = conventions.noise_variance(snr_db)
    sent = rng.integers(0, points.size, 100_000)
    noise = (rng.standard_normal(sent.size) + 1j * rng.standard_normal(sent.size)) * np.sqrt(variance / 2)
    received = points[sent] + noise
    log_p = -(np.abs(received[:, None] - points[None, :]) ** 2) / variance
    density = (log_p[np.arange(sent.size), sent] - np.logaddexp.reduce(log_p, axis=1) + np.log(points.size)) / np.log(2)
    capacity, dispersion = bound.capacity_and_dispersion(snr_db, order)
    assert 2 * capacity == pytest.approx(density.mean(), abs=5 * density.std() / np.sqrt(density.size))
    assert 2 * dispersion == pytest.approx(density.var(), rel=0.06, abs=2e-3)


@pytest.mark.parametrize("order", [2, 4, 6])
def test_the_search_inverts_the_bound(order):
    for error_rate in (0.9, 1e-2, 1e-6):
        snr_db = bound.snr_db_for(error_rate, 700, 600, order)
        assert bound.block_error_rate(snr_db, 700, 600, order) == pytest.approx(error_rate, rel=0.02)


def test_longer_blocks_come_closer_to_capacity():
    needed = [bound.snr_db_for(1e-3, bits, bits) for bits in (100, 1000, 10_000)]
    assert needed == sorted(needed, reverse=True)
    assert needed[-1] == pytest.approx(0.187, abs=0.3)


@pytest.mark.parametrize(("rate", "bits"), [(0.0, 10), (1.0, 10), (0.1, 200)])
def test_what_no_snr_reaches_is_refused(rate, bits):
    with pytest.raises(ValueError, match="no SNR"):
        bound.snr_db_for(rate, bits, 100)

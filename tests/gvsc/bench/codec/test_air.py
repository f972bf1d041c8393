"""The air between a codec's two halves: noise as it is set, estimates as good as the receiver's pilots allow."""

from __future__ import annotations

import numpy as np
import pytest

from gvsc.bench.codec import air

SYMBOLS = np.exp(2j * np.pi * np.random.default_rng(1).random(2000)).astype(np.complex64)


def test_symbols_arrive_in_their_order_and_phase():
    arrived, snr_db = air.send(SYMBOLS, 60.0, np.random.default_rng(2))
    assert np.abs(arrived - SYMBOLS).max() < 0.02
    assert snr_db > 35.0


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 10.0])
def test_noise_is_as_set_and_the_snr_estimated(snr_db):
    noise, told = [], []
    for seed in range(20):
        arrived, estimated = air.send(SYMBOLS, snr_db, np.random.default_rng(seed))
        noise.append(np.mean(np.abs(arrived - SYMBOLS) ** 2))
        told.append(estimated)
    assert 10 * np.log10(np.mean(noise)) == pytest.approx(-snr_db, abs=0.3)
    errors = np.array(told) - snr_db
    assert 0.05 < np.sqrt(np.mean(errors**2)) < 1.2  # estimated: neither right each time nor useless


def test_genie_tells_snr_and_phase():
    arrived, snr_db = air.send(SYMBOLS, 3.0, np.random.default_rng(4), genie=True)
    assert snr_db == 3.0
    assert 10 * np.log10(np.mean(np.abs(arrived - SYMBOLS) ** 2)) == pytest.approx(-3.0, abs=0.3)


def test_the_same_noise_for_others_with_as_many_symbols():
    first, _ = air.send(SYMBOLS, 5.0, np.random.default_rng(5), genie=True)
    second, _ = air.send(-SYMBOLS, 5.0, np.random.default_rng(5), genie=True)
    np.testing.assert_allclose(first - SYMBOLS, second + SYMBOLS, atol=1e-5)

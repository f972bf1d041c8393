"""Erasure: as many bursts as told are lost whole, and what arrives then is noise of the set SNR."""

from __future__ import annotations

import math

import numpy as np
import pytest

from channel.channel import Channel

SYMBOLS = np.full(500, 1 + 0j, np.complex64)


def lost(channel: Channel, bursts: int) -> list[int]:
    one = np.zeros(1, np.complex64)
    reports = [channel.apply_with(channel.knobs.begin(seq), one, seq)[1] for seq in range(bursts)]
    return [seq for seq, report in enumerate(reports) if report["gain_db"] is None]


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.9])
def test_the_rate_is_the_one_set(rate: float) -> None:
    bursts = 5000
    channel = Channel(snr_db=10, model="erasure", settings={"erasure_rate": rate})
    assert len(lost(channel, bursts)) == pytest.approx(rate * bursts, abs=4 * math.sqrt(bursts * rate * (1 - rate)))


def test_noise_alone_arrives_for_a_lost_burst_and_awgn_for_others() -> None:
    channel = Channel(snr_db=6, model="erasure", settings={"erasure_rate": 0.5})
    plain = Channel(snr_db=6)
    gone = lost(channel, 20)
    assert 0 < len(gone) < 20
    for seq in range(20):
        noise_alone = plain.apply(np.zeros_like(SYMBOLS), seq)
        expected = noise_alone if seq in gone else plain.apply(SYMBOLS, seq)
        np.testing.assert_array_equal(channel.apply(SYMBOLS, seq), expected)


def test_losses_depend_on_seed_and_burst_alone_and_grow_with_the_rate() -> None:
    channel = Channel(snr_db=6, model="erasure", settings={"erasure_rate": 0.2})
    few = lost(channel, 300)
    assert few == lost(Channel(snr_db=0, model="erasure", settings={"erasure_rate": 0.2}), 300)
    assert few != lost(Channel(snr_db=6, seed=1, model="erasure", settings={"erasure_rate": 0.2}), 300)
    assert few != lost(channel.for_link(2), 300)
    channel.knobs.set("erasure_rate", 0.4)
    assert set(few) < set(lost(channel, 300))


@pytest.mark.parametrize(("rate", "count"), [(0.0, 0), (1.0, 50)])
def test_never_and_always(rate: float, count: int) -> None:
    assert len(lost(Channel(snr_db=0, model="erasure", settings={"erasure_rate": rate}), 50)) == count


@pytest.mark.filterwarnings("error")
def test_a_lost_burst_that_was_not_finite_is_noise_too() -> None:
    channel = Channel(snr_db=0, model="erasure", settings={"erasure_rate": 1})
    assert np.isfinite(channel.apply(np.full(9, np.inf, np.complex64), 0)).all()

"""The channel object: measured SNR is the set SNR, and bad input is refused."""

from __future__ import annotations

import tracemalloc
from itertools import combinations

import numpy as np
import pytest

from channel.channel import Channel
from channel.models import MODELS
from common.conventions import snr_db_of
from common.errors import BurstError, SettingError


@pytest.mark.parametrize("snr_db", [-5, 0, 5, 10, 20])
def test_measured_snr_is_the_set_one(snr_db: float) -> None:
    channel = Channel(snr_db=snr_db, seed=1)
    symbols = np.exp(2j * np.pi * np.random.default_rng(0).random(10_000)).astype(np.complex64)
    noise = [channel.apply(symbols, seq) - symbols for seq in range(100)]
    measured = [snr_db_of(1.0, float(np.mean(np.abs(n) ** 2))) for n in noise]
    assert np.mean(measured) == pytest.approx(snr_db, abs=0.02)


def test_a_turned_knob_holds_for_the_next_burst() -> None:
    channel = Channel(snr_db=100)
    symbols = np.ones(1000, np.complex64)
    assert np.allclose(channel.apply(symbols, 0), symbols, atol=1e-3)
    channel.knobs.set("snr_db", 0)
    assert np.std(channel.apply(symbols, 1)) == pytest.approx(1, rel=0.1)


@pytest.mark.parametrize("samples", [np.ones(4), np.ones((2, 2), np.complex64), np.ones(4, np.complex128)])
def test_other_arrays_are_refused(samples: np.ndarray) -> None:
    with pytest.raises(BurstError, match="complex64"):
        Channel(snr_db=0).apply(samples, 0)


def test_an_snr_that_is_none_is_refused() -> None:
    with pytest.raises(SettingError):
        Channel(snr_db=float("nan"))


def test_the_model_is_turned_live_for_whole_bursts() -> None:
    channel = Channel(snr_db=100)
    symbols = np.ones(1000, np.complex64)
    change = channel.knobs.set("model", "rayleigh", from_seq=1)
    assert (change.old, change.new, change.first_seq) == ("awgn", "rayleigh", 1)
    np.testing.assert_allclose(channel.apply(symbols, 0), symbols, atol=1e-3)
    faded = channel.apply(symbols, 1)
    assert abs(faded[0] - 1) > 0.1
    assert np.ptp(np.abs(faded)) > 1e-3
    assert channel.model == "rayleigh"


def test_every_parameter_tells_its_unit_limits_and_models() -> None:
    told = Channel(snr_db=3).knobs.describe()
    assert told["model"]["choices"] == ["awgn", "rayleigh", "rician", "erasure"]
    assert told["coherence_symbols"]["unit"] == "symbols"
    assert told["coherence_symbols"]["only_for"] == ["rayleigh", "rician"]
    assert told["k_factor_db"]["only_for"] == ["rician"]
    assert "only_for" not in told["snr_db"]
    for name, model in MODELS.items():
        for knob, value in model.knobs:
            assert name in knob.only_for
            assert knob.check(value) == value


def test_parameters_are_checked() -> None:
    for settings in ({"k_factor": 3}, {"erasure_rate": 1.1}, {"coherence_symbols": "long"}):
        with pytest.raises(SettingError):
            Channel(snr_db=0, settings=settings)


@pytest.mark.parametrize("model", ["awgn", "rayleigh", "rician"])
def test_each_link_has_noise_and_fading_of_its_own_and_the_first_the_channels(model: str) -> None:
    channel = Channel(snr_db=0, model=model)
    symbols = np.ones(5000, np.complex64)
    links = [channel.for_link(link).apply(symbols, 4) for link in (1, 2, 3)]
    np.testing.assert_array_equal(links[0], channel.apply(symbols, 4))
    for one, other in combinations(links, 2):
        assert np.std(one - other) > 1


def test_large_bursts_of_a_fading_channel_take_little_memory_beside_the_burst() -> None:
    samples = np.ones(1 << 21, np.complex64)
    channel = Channel(snr_db=10, model="rayleigh", settings={"coherence_symbols": 16})
    tracemalloc.start()
    channel.apply(samples, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < samples.nbytes + (8 << 20)


@pytest.mark.filterwarnings("error")
def test_what_is_not_finite_goes_through_a_fading_channel_without_a_word() -> None:
    samples = np.full(100, np.inf + 1j * np.nan, np.complex64)
    samples[50:] = np.finfo(np.float32).max
    received = Channel(snr_db=10, model="rayleigh").apply(samples, 0)
    assert not np.isfinite(received[:50]).any()

"""The channel object: measured SNR is the set SNR, and bad input is refused."""

from __future__ import annotations

import tracemalloc
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from channel.channel import Channel
from channel.models.base import MODELS, Model, State
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
    assert told["model"]["choices"] == ["awgn", "erasure", "rayleigh", "rician", "trace"] == list(MODELS.names())
    assert told["coherence_symbols"]["unit"] == "symbols"
    assert told["coherence_symbols"]["only_for"] == ["rayleigh", "rician"]
    assert told["k_factor_db"]["only_for"] == ["rician"]
    assert "only_for" not in told["snr_db"]
    for entry in MODELS.entries():
        for knob, value in entry.item.knobs:
            assert entry.name in told[knob.name]["only_for"]
            assert (told[knob.name]["value"], knob.check(value)) == (value, value)


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


class Wrong(Model):
    """Gives whatever the test says."""

    given: tuple[Any, Any]

    def apply(self, samples: np.ndarray, state: State) -> tuple[Any, Any]:
        return self.given


GOOD = {"snr_set_db": 3.0, "gain_db": None}


@pytest.mark.parametrize(
    ("received", "report", "told"),
    [
        (np.ones(4), GOOD, r"must give complex64 \(4,\), not float64 \(4,\)"),
        (np.ones(5, np.complex64), GOOD, r"not complex64 \(5,\)"),
        ([1, 2, 3, 4], GOOD, "not list"),
        (np.ones(4, np.complex64), {}, "must report snr_set_db"),
        (np.ones(4, np.complex64), {"snr_set_db": 3.0}, "must report snr_set_db, and gain_db or None"),
        (np.ones(4, np.complex64), {"snr_set_db": None, "gain_db": 0.0}, "must report snr_set_db"),
        (np.ones(4, np.complex64), GOOD | {"gain_db": float("inf")}, "reports 'gain_db' as what JSON cannot hold: inf"),
        (np.ones(4, np.complex64), GOOD | {"taps": np.ones(2)}, "reports 'taps' as what JSON cannot hold"),
        (np.ones(4, np.complex64), GOOD | {1: 2}, "reports 1 as what JSON cannot hold"),
        (np.ones(4, np.complex64), None, "dictionary"),
    ],
)
def test_a_model_that_gives_what_it_must_not_is_told(
    received: Any, report: Any, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = Channel(snr_db=0)
    monkeypatch.setitem(channel._models, "awgn", Wrong())
    monkeypatch.setattr(Wrong, "given", (received, report), raising=False)
    with pytest.raises(BurstError, match=told):
        channel.apply(np.ones(4, np.complex64), 0)


def test_facts_of_a_models_own_are_reported_and_its_name_is_the_registered_one(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Channel(snr_db=0)
    monkeypatch.setitem(channel._models, "awgn", Wrong())
    facts = {"taps": [1, 0.5], "path": {"delay": 3}, "model": "another"}
    monkeypatch.setattr(Wrong, "given", (np.ones(4, np.complex64), GOOD | facts), raising=False)
    _, report = channel.apply_with(channel.knobs.begin(0), np.ones(4, np.complex64), 0)
    assert report == GOOD | facts | {"model": "awgn"}


@pytest.mark.parametrize("model", [name for name in MODELS.names() if name != "trace"])
def test_no_samples_are_a_burst_too(model: str) -> None:
    channel = Channel(snr_db=4, model=model, settings={"erasure_rate": 0})
    settings = channel.knobs.begin(0)
    received, report = channel.apply_with(settings, np.zeros(0, np.complex64), 0)
    assert (received.shape, received.dtype) == ((0,), np.complex64)
    assert report == {"model": model, "snr_set_db": 4, "gain_db": 0}
    assert channel.snr_set_db(settings, 0) == 4


def test_an_unknown_start_option_is_told() -> None:
    with pytest.raises(SettingError, match="no start option is called 'traces'; there are: trace"):
        Channel(snr_db=0, options={"traces": "x"})

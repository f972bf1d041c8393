"""What `gvsc inspect` says of samples that no transmitter would send: never an exception, always valid JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from channel.channel import Channel
from common import wire
from gvsc.client import tapped


@pytest.mark.parametrize("value", [0, 1, 1e30, np.inf, np.nan])
@pytest.mark.parametrize("count", [0, 1, 10, 9210])
@pytest.mark.parametrize("gain_db", [0.0, -3.0, None])
def test_any_samples_make_a_line(value: float, count: int, gain_db: float | None) -> None:
    samples = np.full(count, value, np.complex64)
    fields = {
        "session": "0" * 16, "seq": 1, "samples": count, "dtype": "cf32_le", "link": 2, "receiver": "weak",
        "snr_set_db": 3.0, "gain_db": gain_db, "model": "awgn",
    }  # fmt: skip
    message = wire.decode(wire.encode("tap", fields, (samples, samples)), ("tap",))
    facts = tapped.from_message(message).facts()
    assert facts["scheme"] is None
    assert facts["symbols"] == count
    assert facts["airtime_ms"] == count / 1000  # a million symbols a second
    assert (facts["link"], facts["receiver"]) == (2, "weak")
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts


@pytest.mark.parametrize("model", ["awgn", "rayleigh", "rician", "erasure"])
def test_the_snr_is_measured_behind_any_gain(model: str) -> None:
    channel = Channel(snr_db=8, model=model, settings={"coherence_symbols": 1000, "erasure_rate": 1})
    before = np.exp(2j * np.pi * np.random.default_rng(0).random(20_000)).astype(np.complex64)
    settings = channel.knobs.begin(3)
    about = {"session": "0" * 16, "seq": 3, "samples": before.size, "dtype": "cf32_le", "link": 1, "receiver": "a"}
    after, report = channel.apply_with(settings, before, 3)
    frames = wire.encode("tap", about | report, (before, after))
    seen = tapped.from_message(wire.decode(frames, ("tap",)))
    assert (seen.model, seen.snr_set_db) == (model, 8)
    if seen.gain_db is None:
        assert model == "erasure"
        assert seen.snr_measured_db < -15
    else:
        assert seen.snr_measured_db == pytest.approx(8 + seen.gain_db, abs=0.15)

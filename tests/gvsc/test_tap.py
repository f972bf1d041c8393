"""What `gvsc inspect` says of samples that no transmitter would send: never an exception, always valid JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from common import wire
from gvsc import tap


@pytest.mark.parametrize("value", [0, 1, 1e30, np.inf, np.nan])
@pytest.mark.parametrize("count", [0, 10, 9210])
@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_any_samples_make_a_line(value: float, count: int) -> None:
    samples = np.full(count, value, np.complex64)
    fields = {"session": "0" * 16, "seq": 1, "samples": count, "dtype": "cf32_le", "snr_set_db": 3.0, "model": "awgn"}
    message = wire.decode(wire.encode("tap", fields, (samples, samples)), ("tap",))
    facts = tap.from_message(message).facts()
    assert facts["scheme"] is None
    assert facts["symbols"] == count
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts

"""The bench of the channel process: its figures are there, finite, and fit each other."""

from __future__ import annotations

import math

import pytest

from gvsc.bench.channel import measure


@pytest.mark.e2e
def test_throughput_and_latency_of_small_bursts() -> None:
    told = measure(1000, 0.2)
    assert set(told) == {"symbols", "msymbols_per_s", "numpy_msymbols_per_s", "ratio", "latency_ms"}
    assert set(told["latency_ms"]) == {"p50", "p99", "bursts"}
    figures = [value for key, value in told.items() if key != "latency_ms"] + [*told["latency_ms"].values()]
    assert all(math.isfinite(figure) and figure > 0 for figure in figures)
    assert told["symbols"] == 1000
    assert told["ratio"] == pytest.approx(told["msymbols_per_s"] / told["numpy_msymbols_per_s"])
    assert told["latency_ms"]["p50"] <= told["latency_ms"]["p99"] < 5000

"""The bench of the channel process: its figures are there, finite, and fit each other."""

from __future__ import annotations

import math

import pytest

from gvsc.bench.channel import measure


@pytest.mark.e2e
def test_throughput_and_latency_of_small_bursts() -> None:
    told = measure(1000, 0.2)
    latencies = [told.pop("latency_ms"), told.pop("direct_latency_ms")]
    assert set(told) == {"symbols", "msymbols_per_s", "numpy_msymbols_per_s", "ratio"}
    assert all(math.isfinite(figure) and figure > 0 for figure in told.values())
    assert told["symbols"] == 1000
    assert told["ratio"] == pytest.approx(told["msymbols_per_s"] / told["numpy_msymbols_per_s"])
    for latency in latencies:
        assert set(latency) == {"p50", "p99", "bursts"}
        assert 0 < latency["p50"] <= latency["p99"] < 5000

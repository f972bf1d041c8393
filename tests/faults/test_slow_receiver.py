"""A receiver that is slower than the source.

Must hold: the source sends no faster than the receiver finishes, nothing is dropped, no process grows, control answers.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from gvsc.services import ROLES

pytestmark = [pytest.mark.faults, pytest.mark.e2e, pytest.mark.timeout(400)]

SLOW_STEPS = 100


def crawl(stream, seconds: float) -> None:
    """Watches a slow receiver for so long: books, queues and memory."""
    first = stream.until(lambda status: status["outstanding"] == stream.window, 60)
    peaks = stream.peak_mb()
    gaps, began = stream.status("receiver")["gaps"], time.monotonic()
    while time.monotonic() - began < seconds:
        for role in ROLES:
            asked = time.monotonic()
            stream.status(role)
            assert time.monotonic() - asked < 1
        assert stream.status("receiver")["waiting"] <= stream.window
        time.sleep(0.5)
    after = stream.status()
    stream.balance(after)
    assert after["lost"] == first["lost"]
    # Back-pressure: the source has sent what was finished, and the window.
    assert after["sent"] - first["sent"] <= after["delivered"] - first["delivered"] + stream.window
    assert stream.status("receiver")["gaps"] == gaps
    grown = {role: now - peaks[role] for role, now in stream.peak_mb().items()}
    assert max(grown.values()) < 40, grown


def test_a_slow_receiver_slows_the_source(stream) -> None:
    """A hundred sampling steps instead of one: as many bursts sent as finished, memory flat, full speed afterwards."""
    began = time.monotonic()
    before = stream.flow(8)
    fast_s = (time.monotonic() - began) / 8
    stream.turn("receiver", "steps", SLOW_STEPS)
    try:
        crawl(stream, 10)
        began = time.monotonic()
        slow = stream.flow(2)
        assert (time.monotonic() - began) / 2 > 1.5 * fast_s  # it really was slow
    finally:
        stream.turn("receiver", "steps", 1)
    after = stream.flow(5)
    assert after["lost"] == slow["lost"] == before["lost"]


@pytest.mark.long
def test_a_wide_window_towards_a_slow_receiver(new_stream, tmp_path: Path) -> None:
    """64 bursts of sketches on their way, more than the receiver queues: the rest waits outside, nothing grows."""
    with new_stream(tmp_path / "logs", window=64) as stream:
        stream.options["transmitter"] += ["--scheme", "sketches-desc"]
        stream.options["receiver"] += ["--steps", str(SLOW_STEPS // 2)]
        stream.start(*ROLES)
        crawl(stream, 60)
        stream.turn("receiver", "steps", 1)
        assert stream.flow(70, 120)["lost"] == 0

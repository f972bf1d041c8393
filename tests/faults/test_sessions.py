"""One transmitter ends and another begins while the receiver still works on what the first has sent.

Must hold: both sessions keep books of their own; nothing of the one is lost, refused or counted for the other.
"""

from __future__ import annotations

import signal
import time

import pytest

pytestmark = [pytest.mark.faults, pytest.mark.e2e, pytest.mark.timeout(400)]


def test_a_transmitter_that_finishes_has_everything_acknowledged(stream) -> None:
    """`--repeat 3` ends with exit code 0 and 3 of 3 delivered; the next session starts from 0 without a gap."""
    stream.signal("transmitter", signal.SIGTERM)
    assert stream.ended("transmitter") == 0
    before, heard = stream.status("receiver"), len(stream.results.heard)
    stream.services.start("transmitter", *stream.options["transmitter"], "--repeat", "3")
    assert stream.ended("transmitter", 60) == 0
    assert stream.log("transmitter")[-1] == "transmitter: done: 3 bursts sent, 3 delivered, 0 lost"
    deadline = time.monotonic() + 5
    while len(stream.results.heard) < heard + 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    (session,) = {name for name, _ in stream.results.heard[-3:]}
    assert [seq for name, seq in stream.results.heard if name == session] == [0, 1, 2]
    stream.start("transmitter")
    after = stream.flow()
    assert (after["lost"], after["refused"]) == (0, 0)
    assert after["session"] != session
    assert stream.status("receiver")["gaps"] == before["gaps"]


def test_a_new_session_while_the_receiver_is_busy_with_the_old(stream) -> None:
    """The receiver finishes the old bursts too; their acknowledgements do not move the new session's books."""
    stream.turn("receiver", "steps", 100)
    try:
        old = stream.until(lambda status: status["outstanding"] == stream.window)
        stream.signal("transmitter", signal.SIGTERM)
        assert stream.ended("transmitter") == 0
        stream.start("transmitter")
        stream.until(lambda status: status["linked"])
        busy = stream.status("receiver")
    finally:
        stream.turn("receiver", "steps", 1)
    after = stream.flow()
    assert after["session"] != old["session"]
    assert (after["lost"], after["refused"]) == (0, 0)
    now = stream.status("receiver")
    assert (now["pid"], now["gaps"], now["errors"]) == (busy["pid"], busy["gaps"], busy["errors"])
    finished = {seq for session, seq in stream.results.heard if session == old["session"]}
    assert finished >= set(range(old["delivered"] + old["lost"], old["sent"])), (
        "bursts that had arrived were not finished"
    )


def test_a_second_transmitter_is_turned_away(stream) -> None:
    """It ends with one line and exit code 1; the first does not notice."""
    before = stream.status()
    first = stream.services._children["transmitter"]
    try:
        stream.services.start("transmitter", *stream.options["transmitter"])
        assert stream.ended("transmitter", 30) == 1
        assert "is in use by another process" in stream.log("transmitter")[-1]
    finally:
        stream.services._children["transmitter"] = first
    after = stream.flow()
    assert (after["session"], after["lost"]) == (before["session"], before["lost"])

"""SIGSTOP for ten seconds, then SIGCONT: a process that hangs, a laptop that sleeps, a debugger.

Must hold: nothing is lost, the others answer meanwhile, asking the stopped one ends with a clear line,
and afterwards the stream goes on.
"""

from __future__ import annotations

import time

import pytest

from common.errors import EndpointError
from gvsc.services import ROLES

pytestmark = [pytest.mark.faults, pytest.mark.e2e, pytest.mark.timeout(400)]

STOPPED_S = 10.0


@pytest.mark.parametrize("role", ROLES)
def test_a_process_that_is_stopped_delays_the_stream_and_loses_nothing(stream, role: str) -> None:
    """Ten seconds: no burst lost, at most a window more sent, control of the others within a second."""
    before, gaps = stream.status(), stream.status("receiver")["gaps"]
    with stream.stopped(role):
        began = time.monotonic()
        with pytest.raises(EndpointError, match=r"nobody answers at tcp:\S+ within 5 s: is that process running\?"):
            stream.status(role)
        stuck = None if role == "transmitter" else stream.status()
        while time.monotonic() - began < STOPPED_S:
            for other in set(ROLES) - {role}:
                asked = time.monotonic()
                stream.status(other)
                assert time.monotonic() - asked < 1
            time.sleep(0.5)
        if stuck:
            still = stream.status()
            assert (still["lost"], still["session"]) == (before["lost"], before["session"])
            assert still["delivered"] + still["lost"] <= stuck["delivered"] + stuck["lost"] + stream.window
    after = stream.flow()
    assert (after["lost"], after["session"]) == (before["lost"], before["session"])
    assert stream.status("receiver")["gaps"] == gaps


@pytest.mark.long
@pytest.mark.parametrize("role", ["channel", "receiver"])
def test_a_long_stop_costs_at_most_the_window(stream, role: str) -> None:
    """45 s, in which keepalive gives up machines that are gone: what breaks is counted, and the stream goes on."""
    before = stream.status()
    with stream.stopped(role):
        time.sleep(45)
    after = stream.flow()
    assert after["session"] == before["session"]
    assert 0 <= after["lost"] - before["lost"] <= stream.window

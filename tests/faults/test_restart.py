"""SIGTERM and start again, in every order.

Must hold: each ends with exit code 0 within seconds; whatever the order, the stream starts and loses nothing.
"""

from __future__ import annotations

import itertools
import signal

import pytest

from gvsc.services import ROLES

pytestmark = [pytest.mark.faults, pytest.mark.e2e, pytest.mark.timeout(400)]

ORDERS = list(itertools.permutations(ROLES))
IN_MAKE_TEST = (("transmitter", "receiver", "channel"), ("receiver", "channel", "transmitter"))
"""Models are loaded in each: two orders stand for six there, one with the source first and one with it last."""


@pytest.mark.parametrize(
    "up", [pytest.param(o, id="-".join(o), marks=() if o in IN_MAKE_TEST else pytest.mark.long) for o in ORDERS]
)
def test_all_go_down_and_come_back_in_another_order(stream, up: tuple[str, ...]) -> None:
    """Down in one order, up in the reverse, each ready before the next begins: a new session, nothing lost."""
    before = stream.status()
    for role in reversed(up):
        stream.signal(role, signal.SIGTERM)
        assert stream.ended(role) == 0, f"the {role} did not end as it was told to"
        assert not any("Traceback" in line for line in stream.log(role))
    for role in up:
        stream.start(role)
        stream.until(lambda status: status["ready"], role=role)
    after = stream.flow()
    assert after["session"] != before["session"]
    assert after["lost"] == 0
    assert stream.status("receiver")["gaps"] == 0


def test_one_after_the_other_while_the_stream_runs(stream) -> None:
    """A rolling restart of channel, receiver, channel: the session goes on, at most a window is lost each time."""
    before = stream.status()
    for turns, role in enumerate(("channel", "receiver", "channel"), start=1):
        stream.signal(role, signal.SIGTERM)
        assert stream.ended(role) == 0
        stream.start(role)
        after = stream.flow(2)
        assert after["session"] == before["session"]
        assert 0 <= after["lost"] - before["lost"] <= turns * stream.window

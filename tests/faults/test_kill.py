"""kill -9 in the middle of a stream.

Must hold: at most the window is lost, all of it is counted, the others live on, no result comes twice.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import zmq

from common import endpoints
from common.endpoints import ENDPOINTS, RECEIVER_CONTROL, RESULTS, UPLINK
from gvsc.services import Services

pytestmark = [pytest.mark.faults, pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.mark.parametrize("victim", ["channel", "receiver"])
def test_a_killed_process_costs_at_most_the_window(stream, victim: str) -> None:
    """The session goes on; lost ≤ window; sent = delivered + lost + outstanding; the receiver misses what was lost."""
    before, gaps = stream.status(), stream.status("receiver")["gaps"]
    stream.services.kill(victim)
    stream.start(victim)
    after = stream.flow()
    assert after["session"] == before["session"]
    assert 0 <= after["lost"] - before["lost"] <= stream.window
    if victim == "channel":  # the receiver lived on: it has seen the same hole in the sequence
        assert stream.status("receiver")["gaps"] - gaps == after["lost"] - before["lost"]


def test_a_killed_transmitter_comes_back_as_another(stream) -> None:
    """A new session that starts from 0 and loses nothing; what the old one had on its way disturbs nobody."""
    before, receiver = stream.status(), stream.status("receiver")
    stream.services.kill("transmitter")
    stream.start("transmitter")
    after = stream.flow()
    assert after["session"] != before["session"]
    assert (after["lost"], after["refused"]) == (0, 0)
    now = stream.status("receiver")
    assert now["pid"] == receiver["pid"]
    assert (now["gaps"], now["repeated"], now["errors"]) == tuple(receiver[k] for k in ("gaps", "repeated", "errors"))


def test_killed_again_and_again(stream) -> None:
    """Three kills of the channel in a row: each costs at most the window."""
    before = stream.status()
    for kills in range(1, 4):
        stream.services.kill("channel")
        stream.start("channel")
        after = stream.flow(1)
        assert 0 <= after["lost"] - before["lost"] <= kills * stream.window
    assert after["session"] == before["session"]


def test_one_of_two_receivers_is_killed(stream, free_address) -> None:
    """It loses its window at most and holds nobody back; the other loses nothing and is served on."""
    own = {RESULTS: free_address(), RECEIVER_CONTROL: free_address()}
    options = [*stream.options["receiver"], "--name", "second"]
    first = stream.status("receiver")["name"]
    stream.services.start("receiver", *options, label="second", addresses=own)
    try:
        both = stream.until(lambda status: status["receivers"].get("second", {}).get("delivered", 0) >= 3)
        stream.balance(both)
    finally:
        stream.services.kill("second")
    want = both["receivers"][first]["delivered"] + 6
    after = stream.until(lambda status: status["receivers"][first]["delivered"] >= want)
    after = stream.until(lambda status: not status["receivers"]["second"]["live"])
    stream.balance(after)
    assert after["receivers"][first]["lost"] == both["receivers"][first]["lost"]
    assert 0 <= after["receivers"]["second"]["lost"] <= stream.window
    assert after["receivers"]["second"]["outstanding"] == 0


def test_a_source_that_dies_before_a_full_queue(tmp_path: Path, free_address) -> None:
    """The channel has no receiver, so it reads nothing; its source goes, and the queue stays full: it lives on.

    With ZeroMQ's heartbeats libzmq aborted the process here within two seconds.
    """
    with Services(tmp_path / "logs", {place: free_address() for place in ENDPOINTS}) as services:
        services.start("channel")
        services.wait_for("channel", lambda status: status["ready"], 60)
        with endpoints.open_socket(services.context, zmq.PUSH) as source:
            endpoints.connect(source, services.addresses[UPLINK], "uplink")
            while source.poll(500, zmq.POLLOUT):
                source.send(bytes(60_000))
        time.sleep(5)  # two intervals of the heartbeats that there were
        assert services.ask("channel", op="status")["refused"] == 0  # nothing was read
        services.check_alive(["channel"])

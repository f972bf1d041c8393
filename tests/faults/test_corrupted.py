"""A corrupted message on every socket: a stranger, a program of another version, a broken peer.

Must hold: what is no message is counted as refused, control answers it with a reason, and nothing else is disturbed.
"""

from __future__ import annotations

import contextlib
import socket as tcp
import time
from collections.abc import Iterator

import pytest
import zmq

from common import endpoints, wire
from common.endpoints import CONTROLS, DOWNLINK, ENDPOINTS, FEEDBACK, PREVIEW, RESULTS, TAP, UPLINK
from gvsc.services import ROLES

pytestmark = [pytest.mark.faults, pytest.mark.e2e, pytest.mark.timeout(400)]

SESSION = "0" * 16
GOOD = wire.encode_header("burst", {"session": SESSION, "seq": 0, "samples": 4, "dtype": "cf32_le"})

NONSENSE: list[list[bytes]] = [
    [b"x"],
    [b"\xc1", b""],
    [GOOD, b"payload of another length"],
    [GOOD[:-1], bytes(32)],
    [GOOD.replace(b"\xa1v" + bytes([wire.VERSION]), b"\xa1v\x63"), bytes(32)],
    [GOOD, bytes(32), b"", b"", b""],
    [b"\x00" * 20000, b""],
    [b"\xdf\xff\xff\xff\xff", b""],
]
"""Frames that are no message on any socket."""


@contextlib.contextmanager
def stranger(stream, kind: int, place: endpoints.Endpoint) -> Iterator[zmq.Socket[bytes]]:
    with stream.services.context.socket(kind) as socket:
        socket.set(zmq.LINGER, 2000)
        socket.connect(stream.services.addresses[place])
        yield socket


def counts(stream) -> dict[tuple[str, str], int]:
    return {(role, name): value for role in ROLES for name, value in stream.status(role).items() if "refused" in name}


def grown(stream, before: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    return {key: value - before[key] for key, value in counts(stream).items() if value != before[key]}


@pytest.fixture
def undisturbed(stream, settled) -> Iterator[None]:
    """The stream goes on with nothing lost and nobody's memory grown, whatever the test does."""
    peaks = settled(stream.peak_mb)
    before, receiver = stream.status(), stream.status("receiver")
    yield
    after = stream.flow()
    assert (after["session"], after["lost"]) == (before["session"], before["lost"])
    now = stream.status("receiver")
    for name in ("pid", "gaps", "repeated", "errors", "failures"):
        assert now[name] == receiver[name], name
    risen = {role: now - peaks[role] for role, now in stream.peak_mb().items()}
    assert max(risen.values()) < 24, risen


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize(
    ("place", "kind", "role"),
    [(UPLINK, zmq.PUSH, "channel"), (DOWNLINK, zmq.DEALER, "channel"), (FEEDBACK, zmq.PUSH, "transmitter")],
    ids=lambda value: getattr(value, "name", None),
)
def test_nonsense_where_data_flows(stream, place: endpoints.Endpoint, kind: int, role: str) -> None:
    """Each message is counted as refused by the process that binds, exactly, and nowhere else."""
    before = counts(stream)
    with stranger(stream, kind, place) as socket:
        for frames in NONSENSE:
            socket.send_multipart(frames)
        want = before[role, "refused"] + len(NONSENSE)
        stream.until(lambda status: status["refused"] >= want, 20, role)
    assert grown(stream, before) == {(role, "refused"): len(NONSENSE)}


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize("role", ROLES)
def test_nonsense_to_control_is_answered(stream, role: str) -> None:
    """Each gets a reply that says what is wrong, and is counted; a request without an envelope gets none."""
    before = counts(stream)
    with stranger(stream, zmq.DEALER, CONTROLS[role]) as socket:
        for frames in NONSENSE:
            socket.send_multipart([b"", *frames])
            assert socket.poll(5000), f"no answer to {frames[0][:20]!r}"
            assert socket.recv() == b""
            reply = wire.receive(socket, ("reply",)).header
            assert not reply["ok"]
            assert len(reply["error"]) > 10
        socket.send_multipart(NONSENSE[0])
        socket.send_multipart([b"", *wire.encode("request", {"op": "set", "key": "no_such_key", "value": 1})])
        assert socket.poll(5000)
        assert socket.recv() == b""
        assert "no setting" in wire.receive(socket, ("reply",)).header["error"]
        assert not socket.poll(100)
    assert grown(stream, before) == {(role, "control_refused"): len(NONSENSE)}


@pytest.mark.usefixtures("undisturbed")
@pytest.mark.parametrize("place", [TAP, PREVIEW, RESULTS], ids=lambda place: place.name)
def test_nonsense_to_publishers(stream, place: endpoints.Endpoint) -> None:
    """Subscriptions to topics that do not exist and plain noise change nothing; the count of readers comes back."""
    count = f"{place.name}_subscribers"
    role = place.server
    before = stream.status(role)[count]
    with stranger(stream, zmq.XSUB, place) as socket:
        for frames in NONSENSE:
            socket.send_multipart(frames)
        for topic in (b"", b"x" * 100, b"\x00\xff"):
            socket.send(b"\x01" + topic)
        stream.until(lambda status: status[count] > before, 20, role)
    stream.until(lambda status: status[count] == before, 20, role)


@pytest.mark.usefixtures("undisturbed")
def test_bytes_that_are_not_zeromq(stream) -> None:
    """A browser, a port scanner and a greeting that breaks off, at every port: all doors still open."""
    for place in ENDPOINTS:
        host, port = stream.services.addresses[place].removeprefix("tcp://").split(":")
        for words in (b"GET / HTTP/1.1\r\n\r\n", b"", b"\xff" + bytes(8) + b"\x7f", b"\xff" * 4096):
            with tcp.create_connection((host, int(port)), timeout=5) as connection:
                connection.sendall(words)
    time.sleep(0.5)  # whatever this might disturb should have the time to show

"""The network between two processes is cut for some seconds: packets stop, then connections break, then it is back.

Must hold: at most the window is lost, all of it is counted, the stream goes on by itself.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from common.endpoints import DOWNLINK, ENDPOINTS, FEEDBACK, UPLINK, Endpoint
from gvsc.services import ROLES

pytestmark = [pytest.mark.faults, pytest.mark.e2e, pytest.mark.timeout(400)]

LINKS = {UPLINK: "transmitter", DOWNLINK: "receiver", FEEDBACK: "receiver"}
"""Which process connects; the proxy is put before its peer."""


class Proxy:
    """A TCP relay whose cable can be pulled."""

    def __init__(self, address: str, target: str) -> None:
        self.address = address
        self._place, self._target = (
            (host, int(port)) for host, port in (end.removeprefix("tcp://").split(":") for end in (address, target))
        )
        self._flowing = threading.Event()
        self._flowing.set()
        self._relays: list[tuple[threading.Thread, socket.socket, socket.socket]] = []
        self._door: socket.socket | None = None
        self.connections = 0
        self.restore()

    def stall(self) -> None:
        """Connections stand, but nothing passes."""
        self._flowing.clear()

    def cut(self) -> None:
        """All connections break with what is in them, and new ones are refused."""
        if self._door is not None:
            with self._door:
                self._door.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            self._door = None
        for _, *ends in self._relays:
            for end in ends:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._flowing.set()
        for relay, *_ in self._relays:
            relay.join()
        self._relays.clear()

    def restore(self) -> None:
        self._door = socket.create_server(self._place)
        threading.Thread(target=self._accept, args=(self._door,), daemon=True).start()

    def _accept(self, door: socket.socket) -> None:
        while True:
            try:
                near, _ = door.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target, timeout=5)
                far.settimeout(None)
            except OSError:  # the peer is away: so is the proxy
                near.close()
                continue
            self.connections += 1
            relay = threading.Thread(target=self._relay, args=(near, far), daemon=True)
            self._relays.append((relay, near, far))
            relay.start()

    def _relay(self, *ends: socket.socket) -> None:
        with ends[0], ends[1], contextlib.suppress(OSError):
            while True:
                for source in select.select(ends, (), ())[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    self._flowing.wait()
                    ends[ends[0] is source].sendall(data)


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory, new_stream, free_address) -> Iterator[tuple]:
    """A stream with a proxy in each of its three links."""
    addresses = {place: free_address() for place in ENDPOINTS}
    proxies = {place: Proxy(free_address(), addresses[place]) for place in LINKS}
    connects: dict[str, dict[Endpoint, str]] = {}
    for place, role in LINKS.items():
        connects.setdefault(role, {})[place] = proxies[place].address
    with new_stream(tmp_path_factory.mktemp("wired"), addresses=addresses, connects=connects) as stream:
        stream.start(*ROLES)
        yield stream, proxies
        for proxy in proxies.values():
            proxy.cut()


@pytest.mark.parametrize("place", LINKS, ids=lambda place: place.name)
def test_a_link_that_is_cut_comes_back(wired, place: Endpoint) -> None:
    """Silent for 3 s, broken for 2 s, then whole: the same session, lost ≤ window, control answers throughout."""
    stream, proxies = wired
    stream.heal()
    proxy = proxies[place]
    before, gaps, connections = stream.status(), stream.status("receiver")["gaps"], proxy.connections
    assert connections > 0
    proxy.stall()
    time.sleep(3)
    stuck = stream.status()
    assert stuck["lost"] == before["lost"]  # no answer is no loss
    proxy.cut()
    time.sleep(2)
    assert stream.status()["delivered"] - stuck["delivered"] <= stream.window
    for role in ROLES:
        assert stream.status(role)["ready"]
    proxy.restore()
    after = stream.flow()
    assert proxy.connections > connections
    assert after["session"] == before["session"]
    assert 0 <= after["lost"] - before["lost"] <= stream.window
    missed = stream.status("receiver")["gaps"] - gaps
    # What was lost on the way there is a gap; where an acknowledgement was lost on the way back, the burst arrived.
    assert missed <= after["lost"] - before["lost"]
    if place is not FEEDBACK:
        assert missed == after["lost"] - before["lost"]

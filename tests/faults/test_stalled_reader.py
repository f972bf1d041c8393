"""Viewers that subscribe and do not read: a hung notebook, a stopped `gvsc inspect`.

Must hold: the stream is not slowed, the publisher's memory is bounded, other viewers miss nothing, and the one that was
stalled sees afterwards, by the gaps in `seq`, how much it has missed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq

from common import endpoints, wire
from common.endpoints import DOWNLINK, PREVIEW, RESULTS, TAP, UPLINK
from common.publisher import QUEUE
from gvsc.services import Services

pytestmark = [pytest.mark.faults, pytest.mark.e2e, pytest.mark.timeout(400)]

SAMPLES = 9210
TAP_BYTES = 2 * 8 * SAMPLES
BURSTS = 1500
"""220 MB at the tap: six times what a publisher keeps for one reader."""

IN_FLIGHT = 8

READER = """
import sys, zmq
from common import wire
with zmq.Context() as context, context.socket(zmq.SUB) as socket:
    socket.subscribe(b"")
    socket.connect(sys.argv[1])
    while True:
        print(wire.receive(socket, ("tap",)).header["seq"], flush=True)
"""


class Ends:
    """Both ends of a running channel: sends bursts, takes them back, and looks at the tap with a reader that reads."""

    def __init__(self, services: Services) -> None:
        def connected(kind: int, place: endpoints.Endpoint) -> zmq.Socket[bytes]:
            socket = endpoints.open_socket(services.context, kind)
            endpoints.connect(socket, services.addresses[place], place.name)
            return socket

        self.uplink, self.downlink = connected(zmq.PUSH, UPLINK), connected(zmq.DEALER, DOWNLINK)
        self.viewer = services.listen(TAP)
        self.seen: list[int] = []
        self.sent = self.received = 0
        self._session = wire.new_session()
        self._samples = np.exp(1j * np.arange(SAMPLES)).astype(np.complex64)
        wire.send(self.downlink, "join", {"name": "test", "life": wire.new_session()})
        assert self.downlink.poll(10_000), "the channel does not let us join"
        wire.receive(self.downlink, ("joined",))

    def __enter__(self) -> Ends:
        return self

    def __exit__(self, *_: object) -> None:
        self.uplink.close()
        self.downlink.close()

    def drive(self, bursts: int) -> float:
        """Sends so many bursts and receives all. Returns the seconds for one."""
        began, last = time.monotonic(), self.sent + bursts
        while self.received < last:
            while self.sent < min(last, self.received + IN_FLIGHT):
                fields = {"session": self._session, "seq": self.sent, "samples": SAMPLES, "dtype": "cf32_le"}
                wire.send(self.uplink, "burst", fields, (self._samples,))
                self.sent += 1
            assert self.downlink.poll(10_000), "the channel hands nothing on"
            assert wire.receive(self.downlink, ("burst",)).header["seq"] == self.received
            self.received += 1
            self.seen += read(self.viewer)
        return (time.monotonic() - began) / bursts


def read(viewer: zmq.Socket[bytes]) -> list[int]:
    """The sequence numbers of what has arrived there."""
    seqs = []
    while viewer.poll(0):
        seqs.append(wire.receive(viewer, ("tap",)).header["seq"])
    return seqs


@pytest.fixture
def channel(tmp_path: Path, free_address) -> Iterator[Services]:
    with Services(tmp_path / "logs", {place: free_address() for place in endpoints.ENDPOINTS}) as services:
        services.start("channel")
        yield services


def test_stalled_tap_readers_slow_nobody_and_can_count_what_they_missed(channel: Services, tmp_path: Path) -> None:
    """One SUB that never reads and one process under SIGSTOP, 1 500 bursts: each sees all its gaps afterwards."""
    status = Path(f"/proc/{channel.pids['channel']}/status")

    def rss_bytes() -> int:
        return 1024 * int(status.read_text().split("VmRSS:")[1].split()[0])

    output = tmp_path / "seen"
    with (
        Ends(channel) as ends,
        endpoints.open_socket(channel.context, zmq.SUB, high_water_mark=4) as idle,
        output.open("wb") as file,
        subprocess.Popen([sys.executable, "-c", READER, channel.addresses[TAP]], stdout=file) as process,
    ):
        try:
            idle.subscribe(b"")
            endpoints.connect(idle, channel.addresses[TAP], "tap")
            channel.wait_for("channel", lambda status: status["tap_subscribers"] == 3, 20)
            ends.drive(5)
            idle_heard = [wire.receive(idle, ("tap",)).header["seq"] for _ in range(5)]
            while len(output.read_text().split()) < 5:
                time.sleep(0.05)
            free_s = min(ends.drive(1) for _ in range(20))
            os.kill(process.pid, signal.SIGSTOP)
            before = rss_bytes()
            stalled_s = min(ends.drive(BURSTS // 10) for _ in range(10))
            assert rss_bytes() - before < 1.5 * QUEUE * TAP_BYTES + (20 << 20)
            assert stalled_s < 3 * free_s + 0.002
            os.kill(process.pid, signal.SIGCONT)
            stopped_heard: list[int] = []
            for _ in range(400):  # both catch up: the newest burst reaches them again
                ends.drive(5)
                idle_heard += read(idle)
                stopped_heard = [int(seq) for seq in output.read_text().rsplit("\n", 1)[0].split()]
                if min(idle_heard[-1], stopped_heard[-1]) > ends.sent - 20:
                    break
                time.sleep(0.02)
        finally:
            process.kill()
    for heard in (idle_heard, stopped_heard):
        assert heard[-1] > BURSTS
        steps = np.diff(heard)
        assert (steps > 0).all()
        missed = int((steps - 1).sum())
        assert missed > BURSTS // 4
        assert len(heard) + missed == heard[-1] + 1
    deadline = time.monotonic() + 5
    while len(ends.seen) < ends.sent and time.monotonic() < deadline:
        ends.seen += read(ends.viewer)
    assert ends.seen == list(range(ends.sent)), "the reader that reads has missed something"


def test_stalled_viewers_of_pictures_do_not_fill_the_memory(stream) -> None:
    """Previews and results are 1.5 MB each: 150 of them towards viewers that never read, and nobody grows by 100 MB."""
    stream.turn("channel", "snr_db", -20)  # outages: nothing to generate, so a hundred bursts a second
    try:
        with (
            endpoints.open_socket(stream.services.context, zmq.SUB, high_water_mark=1) as results,
            endpoints.open_socket(stream.services.context, zmq.SUB, high_water_mark=1) as previews,
        ):
            for viewer, place in ((results, RESULTS), (previews, PREVIEW)):
                viewer.subscribe(b"")
                endpoints.connect(viewer, stream.services.addresses[place], place.name)
            stream.until(lambda status: status["preview_subscribers"] > 0)
            stream.flow(20)
            peaks = stream.peak_mb(20)
            before = stream.status()
            after = stream.flow(150)
            assert after["lost"] == before["lost"]
            grown = {role: now - peaks[role] for role, now in stream.peak_mb(20).items()}
            assert max(grown.values()) < 100, grown
    finally:
        stream.turn("channel", "snr_db", 10)

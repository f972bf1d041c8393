"""What the fault tests share: three real processes with an endless stream through them, and books that must balance."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pytest
import zmq

from common import endpoints, wire
from common.endpoints import ENDPOINTS, RESULTS, Endpoint
from common.errors import GvscError
from gvsc.services import ROLES, Services
from receiver.media import write_mp4

WINDOW = 2
CAPTION = "A bright disc moves to the right over a wall of grey stones."
PORTS = (20000, 32000)
"""Below those that Linux gives to outgoing connections: one that tries a free port of that range can meet itself."""


_ports = iter(np.random.default_rng(os.getpid()).permutation(np.arange(*PORTS)).tolist())


def tcp_address() -> str:
    """A loopback address that is free now. TCP, as between machines: local sockets hide half of what can go wrong."""
    for port in _ports:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return f"tcp://127.0.0.1:{port}"
    raise AssertionError("no port is free")


class Listener:
    """Hears every result on a thread of its own, and remembers which burst of which session it was."""

    def __init__(self, *addresses: str) -> None:
        self.heard: list[tuple[str, int]] = []
        self._addresses = addresses
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with zmq.Context() as context, endpoints.open_socket(context, zmq.SUB) as viewer:
            viewer.subscribe(b"")
            for address in self._addresses:
                endpoints.connect(viewer, address, "results")
            while not self._stop.is_set():
                if viewer.poll(100):
                    header = wire.receive(viewer, ("result",)).header
                    self.heard.append((header["session"], header["seq"]))

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


class Stream:
    """The three services on TCP, quick settings, a stream without end. A context manager: all are stopped at its end.

    ``connects`` gives the address that ROLE uses for an endpoint where it is not the one that is bound.
    """

    def __init__(
        self,
        clip: Path,
        folder: Path,
        *,
        window: int = WINDOW,
        receiver: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        addresses: Mapping[Endpoint, str] | None = None,
        connects: Mapping[str, Mapping[Endpoint, str]] | None = None,
    ) -> None:
        self.folder = folder
        self.window = window
        self.services = Services(folder, addresses or {place: tcp_address() for place in ENDPOINTS}, environment)
        self.results = Listener(self.services.addresses[RESULTS])
        self.options: dict[str, list[str]] = {
            "channel": ["--snr-db", "10"],
            "receiver": ["--steps", "1", "--guidance", "1", "--threads", "1", *receiver],
            "transmitter": [
                *(str(clip), "--repeat", "0", "--window", str(window)),
                *("--scheme", "desc-only", "--tx-snr-db", "6", "--threads", "1"),
            ],
        }
        for role, places in (connects or {}).items():
            for place, address in places.items():
                self.options[role] += [f"--{place.name}", address]

    def __enter__(self) -> Stream:
        self.services.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for role in self.services.pids:
            self.resume(role)
        self.results.close()
        self.services.__exit__(kind, error, trace)

    # one process

    def start(self, *roles: str) -> None:
        for role in roles:
            self.services.start(role, *self.options[role])

    def alive(self, role: str) -> bool:
        return role in self.services.pids and self.services.exit_code(role) is None

    def signal(self, role: str, number: int) -> None:
        if self.alive(role):
            os.kill(self.services.pids[role], number)

    def resume(self, role: str) -> None:
        self.signal(role, signal.SIGCONT)

    @contextlib.contextmanager
    def stopped(self, role: str) -> Iterator[None]:
        """SIGSTOP, and SIGCONT whatever happens meanwhile. Every thread has stopped when the block begins."""
        self.signal(role, signal.SIGSTOP)
        threads = Path(f"/proc/{self.services.pids[role]}/task")
        try:
            while any((task / "stat").read_text().rsplit(")", 1)[1].split()[0] != "T" for task in threads.iterdir()):
                time.sleep(0.01)
            yield
        finally:
            self.resume(role)

    def ended(self, role: str, timeout_s: float = 10) -> int | None:
        """The exit code once the process has ended, None if it has not by then."""
        deadline = time.monotonic() + timeout_s
        while self.alive(role) and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.services.exit_code(role)

    def log(self, role: str) -> list[str]:
        """The lines that a service has said."""
        return (self.folder / f"{role}.log").read_text(errors="replace").splitlines()

    def peak_mb(self, bursts: int = 2) -> dict[str, float]:
        """The most that each process has resident while that many bursts are finished, in MB. Not what it has at one
        moment: within a clip the receiver's rises and falls."""
        self.services.forget_peaks()
        self.flow(bursts)
        return self.services.peak_rss_mb()

    # the stream

    def status(self, role: str = "transmitter") -> dict[str, Any]:
        return self.services.ask(role, op="status")

    def turn(self, role: str, key: str, value: Any) -> dict[str, Any]:
        return self.services.ask(role, op="set", key=key, value=value)

    def until(
        self, condition: Callable[[dict[str, Any]], bool], timeout_s: float = 120, role: str = "transmitter"
    ) -> dict[str, Any]:
        return self.services.wait_for(role, condition, timeout_s)

    def flow(self, bursts: int = 3, timeout_s: float = 120) -> dict[str, Any]:
        """The transmitter's status once it has had this many more bursts acknowledged. Its books must balance."""
        before = self.until(lambda status: status["ready"], timeout_s)
        after = self.until(lambda status: status["delivered"] >= before["delivered"] + bursts, timeout_s)
        self.balance(after)
        return after

    def balance(self, status: Mapping[str, Any]) -> None:
        """To every receiver, every burst of this life of the transmitter is delivered, lost or on its way, at most a
        window of them; no result came twice."""
        for account in (status, *status["receivers"].values()):
            assert account["sent"] == account["delivered"] + account["lost"] + account["outstanding"], status
        assert all(0 <= account["outstanding"] <= self.window for account in status["receivers"].values()), status
        heard = list(self.results.heard)
        assert len(heard) == len(set(heard)), "a burst has two results"

    def heal(self) -> None:
        """The stream flows, whatever the test before has left behind."""
        for role in ROLES:
            self.resume(role)
            if not self.alive(role):
                self.start(role)
        try:
            self.turn("transmitter", "paused", False)
            self.flow(2)
        except GvscError:
            self.services.stop()
            self.start(*ROLES)
            self.flow(2)

    def rest(self) -> None:
        """Sends nothing until ``heal``, as far as the test before has left something that can be told to."""
        for role in self.services.pids:
            self.resume(role)
        if self.alive("transmitter"):
            with contextlib.suppress(GvscError):
                self.turn("transmitter", "paused", True)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn clip of 2 s."""
    rng = np.random.default_rng(0)
    video = np.kron(rng.integers(60, 160, (8, 4, 4, 3)), np.ones((1, 16, 16, 1))).astype(np.uint8)
    path = tmp_path_factory.mktemp("clips") / "wall.mp4"
    write_mp4(path, video, 4)
    path.with_suffix(".txt").write_text(CAPTION)
    return path


@pytest.fixture(scope="session")
def new_stream(clip: Path) -> Callable[..., Stream]:
    """Makes a stream of the test's own, nothing started yet: ``new_stream(folder_of_logs, ...)`` as ``Stream``."""
    return partial(Stream, clip)


@pytest.fixture(scope="session")
def free_address() -> Callable[[], str]:
    return tcp_address


_SHARED = pytest.StashKey[Stream]()


@pytest.fixture(scope="session")
def _shared(
    tmp_path_factory: pytest.TempPathFactory, new_stream: Callable[..., Stream], pytestconfig: pytest.Config
) -> Iterator[Stream]:
    with new_stream(tmp_path_factory.mktemp("stream")) as stream:
        pytestconfig.stash[_SHARED] = stream
        yield stream
        del pytestconfig.stash[_SHARED]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """The shared stream takes all cores. It rests while tests have streams of their own, and ends when the tests here
    do, not with the whole run (``heal`` starts it again, if need be)."""
    try:
        return (yield)
    finally:
        shared = item.config.stash.get(_SHARED, None)
        if shared is None:
            pass
        elif nextitem is None or Path(__file__).parent not in nextitem.path.parents:
            shared.services.stop()
        elif "stream" not in getattr(nextitem, "fixturenames", ()):
            shared.rest()


@pytest.fixture
def stream(_shared: Stream) -> Stream:
    """A stream that flows, shared by all tests that leave it so: models take ten seconds to load."""
    _shared.heal()
    return _shared

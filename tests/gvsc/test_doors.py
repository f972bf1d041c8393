"""Doors that lock: the three processes work with keys, and strangers at their sockets get nothing, disturb nothing."""

from __future__ import annotations

import os
import socket as tcp
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

from common import endpoints, keys, wire
from common.doors import LockedContext, open_context
from common.endpoints import ENDPOINTS, RESULTS, TAP, Endpoint
from common.keys import Keyring
from gvsc.services import ROLES, Services
from receiver.media import write_mp4

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SESSION = "0123456789abcdef"
BURST = wire.encode(
    "burst", {"session": SESSION, "seq": 0, "samples": 3, "dtype": "cf32_le"}, (np.ones(3, np.complex64),)
)
REQUEST = wire.encode("request", {"op": "status"})
TALK = {
    "uplink": (zmq.PUSH, [BURST, [b"nonsense", b""]]),
    "downlink": (zmq.DEALER, [wire.encode("join", {"name": "stranger", "life": SESSION})]),
    "feedback": (zmq.PUSH, [wire.encode("hello", {"name": "stranger"}), [b"nonsense", b""]]),
    "tap": (zmq.SUB, []),
    "preview": (zmq.SUB, []),
    "results": (zmq.SUB, []),
    "transmitter_control": (zmq.DEALER, [[b"", *REQUEST]]),
    "channel_control": (zmq.DEALER, [[b"", *REQUEST]]),
    "receiver_control": (zmq.DEALER, [[b"", *REQUEST]]),
}
"""What a stranger says where: the same that would be heard from a friend."""


def free_tcp() -> dict[Endpoint, str]:
    """Loopback addresses that are free now, below the range of outgoing connections."""
    made: dict[Endpoint, str] = {}
    with ExitStack() as held:
        ports = iter(np.random.default_rng(os.getpid()).permutation(np.arange(20000, 32000)))
        while len(made) < len(ENDPOINTS):
            port = int(next(ports))
            probe = held.enter_context(tcp.socket())
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            made[ENDPOINTS[len(made)]] = f"tcp://127.0.0.1:{port}"
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys, and those of another system beside them."""
    folder = tmp_path_factory.mktemp("doors")
    keys.make(folder / "keys")
    keys.make(folder / "others")
    return folder


@pytest.fixture(scope="module")
def services(folder: Path) -> Iterator[Services]:
    """The three processes with keys, and a stream of short bursts through them."""
    rng = np.random.default_rng(0)
    write_mp4(folder / "clips" / "clip.mp4", rng.integers(0, 256, (8, 64, 64, 3), dtype=np.uint8), 4)
    (folder / "clips" / "clip.txt").write_text("Grey noise.")
    with Services(folder / "logs", free_tcp(), {"GVSC_KEYS": str(folder / "keys")}) as services:
        services.start("channel")
        services.start("receiver", "--steps", "1", "--guidance", "1", "--threads", "1")
        services.start(
            "transmitter",
            *(str(folder / "clips"), "--repeat", "0", "--scheme", "desc-only", "--tx-snr-db", "6", "--threads", "1"),
        )
        services.wait_for("transmitter", lambda status: status["delivered"] >= 2, 240)
        yield services


def counters(services: Services) -> dict[str, Any]:
    """Whatever a stranger could have moved."""
    told: dict[str, Any] = {}
    for role in ROLES:
        status = services.ask(role, op="status")
        for name, value in status.items():
            if name in ("refused", "control_refused", "gaps", "lost", "repeated", "errors", "session", "settings"):
                told[f"{role} {name}"] = value
            if name.endswith("subscribers") or name == "pid":
                told[f"{role} {name}"] = value
            if name == "links":
                told[f"{role} links"] = len(value)
    return told


def test_three_processes_with_keys_work_and_a_viewer_sees_them(services: Services) -> None:
    viewer = services.listen(TAP, RESULTS)
    seen: set[str] = set()
    deadline = time.monotonic() + 60
    while seen != {"tap", "result"} and time.monotonic() < deadline:
        if viewer.poll(1000):
            seen.add(wire.receive(viewer, ("tap", "result")).kind)
    assert seen == {"tap", "result"}
    assert services.ask("channel", op="set", key="snr_db", value=8.0)["new"] == 8.0
    assert services.ask("transmitter", op="status")["lost"] == 0


def plain(_socket: zmq.Socket[bytes], _place: Endpoint, _folder: Path) -> None:
    """No keys at all."""


def known_server_unknown_client(socket: zmq.Socket[bytes], place: Endpoint, folder: Path) -> None:
    public, secret = zmq.curve_keypair()
    socket.set(zmq.CURVE_SERVERKEY, keys.load(folder / "keys", place.server).public[place.server])
    socket.set(zmq.CURVE_PUBLICKEY, public)
    socket.set(zmq.CURVE_SECRETKEY, secret)


def stolen_public_key(socket: zmq.Socket[bytes], place: Endpoint, folder: Path) -> None:
    """The public key of a guest is no secret; without its secret key it opens nothing."""
    known_server_unknown_client(socket, place, folder)
    socket.set(zmq.CURVE_PUBLICKEY, keys.load(folder / "keys", place.server).public[place.guests[0]])


def keys_of_another_system(socket: zmq.Socket[bytes], place: Endpoint, folder: Path) -> None:
    unlock(socket, keys.load(folder / "others", place.guests[0]), place.server)


def right_server_keys_of_another_system(socket: zmq.Socket[bytes], place: Endpoint, folder: Path) -> None:
    keys_of_another_system(socket, place, folder)
    socket.set(zmq.CURVE_SERVERKEY, keys.load(folder / "keys", place.server).public[place.server])


def known_but_not_here(socket: zmq.Socket[bytes], place: Endpoint, folder: Path) -> None:
    """A role of this system that has no business at this socket."""
    role = next(role for role in keys.ROLES if role not in place.guests)
    unlock(socket, keys.load(folder / "keys", role), place.server)


def unlock(socket: zmq.Socket[bytes], ring: Keyring, server: str) -> None:
    with LockedContext(ring) as context:
        context.unlock(socket, server)


STRANGERS: tuple[Callable[[zmq.Socket[bytes], Endpoint, Path], None], ...] = (
    plain,
    known_server_unknown_client,
    stolen_public_key,
    keys_of_another_system,
    right_server_keys_of_another_system,
    known_but_not_here,
)


@pytest.mark.parametrize("disguise", STRANGERS)
def test_a_stranger_at_any_socket_gets_nothing_and_disturbs_nothing(
    services: Services, folder: Path, disguise: Callable[[zmq.Socket[bytes], Endpoint, Path], None]
) -> None:
    before = counters(services)
    delivered = services.ask("transmitter", op="status")["delivered"]
    with zmq.Context() as context, ExitStack() as held:
        strangers = {}
        for place in ENDPOINTS:
            kind, words = TALK[place.name]
            stranger = held.enter_context(context.socket(kind))
            stranger.set(zmq.LINGER, 0)
            disguise(stranger, place, folder)
            if kind == zmq.SUB:
                stranger.subscribe(b"")
            stranger.connect(services.addresses[place])
            for frames in words if kind != zmq.SUB else ():
                stranger.send_multipart(frames, zmq.NOBLOCK)  # queued for the moment the door opens
            strangers[place.name] = stranger
        services.wait_for("transmitter", lambda status: status["delivered"] >= delivered + 5, 60)
        heard = [name for name, stranger in strangers.items() if TALK[name][0] != zmq.PUSH and stranger.poll(100)]
    assert heard == []
    assert counters(services) == before


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01"
GARBAGE = {
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "noise": np.random.default_rng(1).bytes(4096),
    "a plain ZMTP 3.1 greeting and a ready": GREETING
    + b"NULL".ljust(20, b"\0")
    + bytes(32)
    + b"\x04\x19\x05READY\x0bSocket-Type\x00\x00\x00\x04PUSH",
    "a CURVE greeting and noise for a hello": GREETING
    + b"CURVE".ljust(20, b"\0")
    + bytes(32)
    + b"\x04\xc8\x05HELLO"
    + np.random.default_rng(2).bytes(194),
    "a CURVE greeting and a frame of an exabyte": GREETING
    + b"CURVE".ljust(20, b"\0")
    + bytes(32)
    + b"\x02\x0f\xff\xff\xff\xff\xff\xff\xff",
    "an old ZMTP 1.0 peer": b"\x01\x00\x05\x00hello",
    "silence": b"",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_over_tcp_gets_nothing_and_disturbs_nothing(services: Services, name: str) -> None:
    before = counters(services)
    delivered = services.ask("transmitter", op="status")["delivered"]
    answers = {}
    with ExitStack() as held:
        for place in ENDPOINTS:
            host, port = services.addresses[place].removeprefix("tcp://").split(":")
            stranger = held.enter_context(tcp.create_connection((host, int(port)), timeout=5))
            stranger.sendall(GARBAGE[name])
            stranger.settimeout(0.2)
            try:
                answers[place.name] = stranger.recv(4096) + stranger.recv(4096)
            except (TimeoutError, ConnectionError):
                answers.setdefault(place.name, b"")
        services.wait_for("transmitter", lambda status: status["delivered"] >= delivered + 3, 60)
    # libzmq greets whoever connects, with 64 bytes that tell its version and that CURVE is spoken; nothing follows.
    assert all(len(answer) <= 64 for answer in answers.values()), answers
    assert counters(services) == before


def test_strangers_by_the_hundred_leave_the_memory_flat(services: Services, folder: Path, settled: Any) -> None:
    def peaks_mb() -> dict[str, float]:
        """The most that each has resident over a stretch of clips: within a clip the receiver's rises and falls."""
        services.forget_peaks()
        delivered = services.ask("transmitter", op="status")["delivered"]
        services.wait_for("transmitter", lambda status: status["delivered"] >= delivered + 4, 120)
        return services.peak_rss_mb()

    def storm(count: int) -> None:
        for number in range(count):
            with zmq.Context() as context, ExitStack() as held:
                for place in ENDPOINTS:
                    stranger = held.enter_context(context.socket(zmq.DEALER))
                    stranger.set(zmq.LINGER, 0)
                    (plain, known_server_unknown_client)[number % 2](stranger, place, folder)
                    stranger.connect(services.addresses[place])
                    stranger.send_multipart(BURST)
                time.sleep(0.03)  # long enough for a handshake to fail

    before = counters(services)
    storm(20)
    start = settled(peaks_mb)
    storm(60)
    grown = {role: mb - start[role] for role, mb in peaks_mb().items()}
    assert max(grown.values()) < 24, grown
    assert counters(services) == before


def test_secrets_are_in_no_log(services: Services, folder: Path) -> None:
    logs = "".join(path.read_text(errors="replace") for path in (folder / "logs").iterdir())
    assert "ready" in logs
    for role in keys.ROLES:
        assert keys.load(folder / "keys", role).secret.decode() not in logs


def control(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from gvsc.cli import main; main()", "control", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_gvsc_control_opens_with_keys_only(services: Services, folder: Path) -> None:
    place = ("--address", services.addresses[endpoints.CHANNEL_CONTROL])
    opened = control("--keys", str(folder / "keys"), *place, "get", "snr-db")
    assert (opened.returncode, opened.stdout.startswith("snr_db = ")) == (0, True), opened.stderr
    shut = control(*place, "get", "snr-db")
    assert (shut.returncode, shut.stdout) == (1, "")
    assert "nobody answers" in shut.stderr
    missing = control("--keys", str(folder / "none"), *place, "get", "snr-db")
    assert missing.returncode == 1
    assert "holds no secret key" in missing.stderr
    assert "Traceback" not in shut.stderr + missing.stderr


@pytest.mark.parametrize("role", ROLES)
def test_a_process_without_keys_binds_loopback_only(role: str, tmp_path: Path) -> None:
    places = {place.environment: f"ipc://{tmp_path / place.name}" for place in ENDPOINTS}
    places[endpoints.CONTROLS[role].environment] = "tcp://0.0.0.0:*"
    command = [sys.executable, "-m", role]
    done = subprocess.run(
        command, env={**os.environ, **places}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert f"Error: {role} control: tcp://0.0.0.0:* would be open to everyone" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_insecure_is_an_answer(tmp_path: Path) -> None:
    addresses = {place: f"ipc://{tmp_path / place.name}" for place in ENDPOINTS}
    port = free_tcp()[endpoints.CHANNEL_CONTROL].rsplit(":", 1)[1]
    with Services(tmp_path / "logs", {**addresses, endpoints.CHANNEL_CONTROL: f"tcp://127.0.0.1:{port}"}) as services:
        services.start("channel", "--insecure", "--control", f"tcp://0.0.0.0:{port}")
        assert services.wait_for("channel", lambda status: status["ready"], 30)["role"] == "channel"


def test_a_viewer_with_the_wrong_keys_is_told_so(folder: Path) -> None:
    with (
        open_context("viewer", {"GVSC_KEYS": str(folder / "keys")}) as context,
        endpoints.open_socket(context, zmq.PUSH) as socket,
        pytest.raises(endpoints.EndpointError, match="uplink: the key of the viewer does not open this"),
    ):
        endpoints.connect(socket, "tcp://127.0.0.1:5550", "uplink")

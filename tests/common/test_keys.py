"""Keys: made once, kept private, checked when read; and no open door without them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import zmq
from click.testing import CliRunner

from common import doors, endpoints, keys
from common.endpoints import ENDPOINTS
from common.errors import EndpointError
from common.keys import KeysError
from gvsc.cli import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keys.make(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
def plain() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    with zmq.Context() as context:
        yield context


def test_each_role_gets_a_pair_and_secrets_are_private(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    public = set()
    for role in keys.ROLES:
        ring = keys.load(folder, role)
        assert zmq.curve_public(ring.secret) == ring.public[role]
        assert stat.S_IMODE((folder / f"{role}.secret").stat().st_mode) == 0o600
        assert ring.secret.decode() not in repr(ring)
        public.add(ring.public[role])
    assert len(public) == len(keys.ROLES)


def test_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keys.make(tmp_path / "keys")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "keys").glob("*.secret")} == {0o600}


@pytest.mark.parametrize("name", ["viewer.public", "viewer.secret"])
def test_keys_are_never_overwritten(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(KeysError, match="exists: keys are not overwritten"):
        keys.make(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_link_is_not_followed_when_keys_are_made(tmp_path: Path) -> None:
    (tmp_path / "viewer.secret").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeysError, match="exists"):
        keys.make(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_machine_needs_its_own_secret_and_all_public_keys(folder: Path) -> None:
    for role in set(keys.ROLES) - {"channel"}:
        (folder / f"{role}.secret").unlink()
    assert keys.load(folder, "channel").role == keys.load(folder).role == "channel"
    with pytest.raises(KeysError, match=r"viewer\.secret cannot be read"):
        keys.load(folder, "viewer")
    (folder / "receiver.public").unlink()
    with pytest.raises(KeysError, match=r"receiver\.public cannot be read"):
        keys.load(folder, "channel")


def test_whose_key_is_used_where_nobody_says(folder: Path) -> None:
    assert keys.load(folder).role == "viewer"
    (folder / "viewer.secret").unlink()
    with pytest.raises(KeysError, match="holds the secrets of transmitter, channel, receiver"):
        keys.load(folder)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff" * 40, b"# a comment alone\n", b"x" * 39, b"x" * 41, b"x" * 40 + b"\n" + b"y" * 40, b"\n" * 5000],
)
def test_what_is_no_key_is_refused_and_never_quoted(folder: Path, content: bytes) -> None:
    (folder / "channel.secret").write_bytes(content)
    with pytest.raises(KeysError, match="is not a key file") as caught:
        keys.load(folder, "channel")
    assert "xxx" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["channel.secret", "channel.public", "viewer.public"])
@pytest.mark.parametrize("key", [b"#" * 40, b"0" * 35 + b"%nSc1", b"0" * 35 + b"#####"])
def test_forty_characters_that_mean_no_32_bytes_are_refused(folder: Path, name: str, key: bytes) -> None:
    (folder / name).write_bytes(key)
    with pytest.raises(KeysError, match=rf"{name} is not a key file"):
        keys.load(folder, "channel")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o604])
def test_a_secret_that_others_may_read_is_refused(folder: Path, mode: int) -> None:
    (folder / "channel.secret").chmod(mode)
    with pytest.raises(KeysError, match="chmod 600"):
        keys.load(folder, "channel")


def test_a_pipe_in_the_place_of_a_key_does_not_hold_the_process_up(folder: Path) -> None:
    (folder / "channel.secret").unlink()
    os.mkfifo(folder / "channel.secret", 0o600)
    with pytest.raises(KeysError, match="is not a file"):
        keys.load(folder, "channel")


def test_keys_of_two_sets_are_not_mixed(folder: Path, tmp_path: Path) -> None:
    keys.make(tmp_path / "other")
    (folder / "channel.secret").write_bytes((tmp_path / "other" / "channel.secret").read_bytes())
    with pytest.raises(KeysError, match=r"does not belong to channel\.public"):
        keys.load(folder, "channel")


def test_two_roles_with_one_key_are_refused(folder: Path) -> None:
    (folder / "viewer.public").write_bytes((folder / "transmitter.public").read_bytes())
    with pytest.raises(KeysError, match="two roles have the same public key"):
        keys.load(folder, "channel")


def test_the_command_tells_what_to_copy_and_no_secret(tmp_path: Path) -> None:
    told = CliRunner().invoke(main, ["keys", "--out", str(tmp_path / "keys")])
    assert told.exit_code == 0
    for role in keys.ROLES:
        assert f"{role}.secret" in told.output
        assert keys.load(tmp_path / "keys", role).secret.decode() not in told.output
    again = CliRunner().invoke(main, ["keys", "--out", str(tmp_path / "keys")])
    assert (again.exit_code, "exists: keys are not overwritten" in again.output) == (1, True)


@pytest.mark.parametrize("command", ["transmit", "channel", "receive", "control", "inspect", "demo", "health"])
def test_every_command_that_opens_sockets_takes_keys(command: str) -> None:
    told = CliRunner().invoke(main, [command, "--help"])
    assert "--keys DIR" in told.output
    assert "GVSC_KEYS" in told.output
    assert ("--insecure" in told.output) == (command in ("transmit", "channel", "receive"))


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("tcp://127.0.0.1:5550", True),
        ("tcp://127.8.9.1:*", True),
        ("tcp://localhost:5550", True),
        ("tcp://[::1]:5550", True),
        ("ipc:///tmp/x", True),
        ("inproc://x", True),
        ("tcp://*:5550", False),
        ("tcp://0.0.0.0:5550", False),
        ("tcp://[::]:5550", False),
        ("tcp://192.168.0.1:5550", False),
        ("tcp://eth0:5550", False),
        ("tcp://lo:5550", False),
        ("tcp://localhost.example:5550", False),
        ("tcp://127.0.0.1.example:5550", False),
        ("tcp://127.0.0.1:1;0.0.0.0:5550", False),
        ("tcp://0.0.0.0:1;127.0.0.1:5550", False),
        ("tcp://2130706433:5550", False),
    ],
)
def test_only_what_is_surely_loopback_counts_as_such(address: str, loopback: bool) -> None:
    assert doors.is_loopback(address) == loopback


@pytest.mark.parametrize("address", ["tcp://*:*", "tcp://0.0.0.0:*"])
def test_without_keys_nothing_but_loopback_is_bound(
    plain: zmq.Context[zmq.Socket[bytes]], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    for endpoint in ENDPOINTS:
        with pytest.raises(EndpointError, match="would be open to everyone") as caught:
            endpoints.bind(endpoints.open_socket(plain, zmq.PULL), address, endpoint.name)
        assert "\n" not in str(caught.value)
    monkeypatch.setenv("GVSC_INSECURE", "0")
    with pytest.raises(EndpointError, match="would be open to everyone"):
        endpoints.bind(endpoints.open_socket(plain, zmq.PULL), address, "uplink")
    monkeypatch.setenv("GVSC_INSECURE", "1")
    with endpoints.open_socket(plain, zmq.PULL) as socket:
        assert endpoints.bind(socket, address, "uplink").startswith("tcp://0.0.0.0:")


def test_with_keys_every_address_is_bound(folder: Path) -> None:
    with (
        doors.open_context("channel", {"GVSC_KEYS": str(folder)}) as context,
        endpoints.open_socket(context, zmq.PULL) as socket,
    ):
        assert endpoints.bind(socket, "tcp://0.0.0.0:*", "uplink").startswith("tcp://0.0.0.0:")


def test_a_key_opens_what_its_role_is_for_and_nothing_else(folder: Path) -> None:
    opened = {}
    with ExitStack() as held:
        contexts = {
            role: held.enter_context(doors.open_context(role, {"GVSC_KEYS": str(folder)})) for role in keys.ROLES
        }
        for endpoint in ENDPOINTS:
            server = held.enter_context(endpoints.open_socket(contexts[endpoint.server], zmq.PULL))
            address = endpoints.bind(server, "tcp://127.0.0.1:*", endpoint.name)
            for role in keys.ROLES:
                # By hand, so that it is the server that is tested and not the manners of whoever connects.
                guest = held.enter_context(endpoints.open_socket(contexts[role], zmq.PUSH))
                contexts[role].unlock(guest, endpoint.server)  # type: ignore[attr-defined]
                guest.connect(address)
                guest.set(zmq.SNDTIMEO, 5000 if role in endpoint.guests else 300)
                try:
                    guest.send(role.encode())
                except zmq.Again:
                    continue
                opened[endpoint.name, role] = server.poll(5000) > 0 and server.recv().decode() == role
    assert opened == {(endpoint.name, role): True for endpoint in ENDPOINTS for role in endpoint.guests}


def test_who_connects_is_told_where_its_key_has_no_business(folder: Path) -> None:
    with (
        doors.open_context("receiver", {"GVSC_KEYS": str(folder)}) as context,
        endpoints.open_socket(context, zmq.SUB) as socket,
        pytest.raises(EndpointError, match="preview: the key of the receiver does not open this"),
    ):
        endpoints.connect(socket, "tcp://127.0.0.1:5554", "preview")


def test_who_connects_talks_to_the_right_server_only(folder: Path, tmp_path: Path) -> None:
    keys.make(tmp_path / "other")
    with (
        doors.open_context("channel", {"GVSC_KEYS": str(tmp_path / "other")}) as impostor,
        doors.open_context("transmitter", {"GVSC_KEYS": str(folder)}) as context,
        endpoints.open_socket(impostor, zmq.PULL) as server,
        endpoints.open_socket(context, zmq.PUSH) as client,
    ):
        endpoints.connect(client, endpoints.bind(server, "tcp://127.0.0.1:*", "uplink"), "uplink")
        assert not client.poll(1000, zmq.POLLOUT)
        assert not server.poll(0)


def test_nobody_gets_in_when_the_doorkeeper_is_gone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors.LockedContext, "_answer_zap", lambda self: None)
    with (
        doors.open_context("channel", {"GVSC_KEYS": str(folder)}) as channel,
        doors.open_context("transmitter", {"GVSC_KEYS": str(folder)}) as transmitter,
        endpoints.open_socket(channel, zmq.PULL) as server,
        endpoints.open_socket(transmitter, zmq.PUSH) as client,
    ):
        endpoints.connect(client, endpoints.bind(server, "tcp://127.0.0.1:*", "uplink"), "uplink")
        assert not client.poll(1000, zmq.POLLOUT)
        assert not server.poll(0)


def test_sockets_within_a_process_stay_plain(folder: Path) -> None:
    with (
        doors.open_context("channel", {"GVSC_KEYS": str(folder)}) as context,
        endpoints.open_socket(context, zmq.PULL) as pull,
        endpoints.open_socket(context, zmq.PUSH) as push,
    ):
        endpoints.bind(pull, "inproc://wake", "wake")
        endpoints.connect(push, "inproc://wake", "wake")
        push.send(b"up")
        assert pull.recv() == b"up"


def test_no_context_is_opened_past_the_keys() -> None:
    root = Path(doors.__file__).parent.parent
    found = [
        file.relative_to(root).as_posix()
        for package in ("common", "transmitter", "channel", "receiver", "gvsc")
        for file in sorted((root / package).rglob("*.py"))
        if "zmq.Context()" in (text := file.read_text(encoding="utf-8")) or "Context.instance(" in text
    ]
    assert found == ["common/doors.py", "gvsc/bench/channel.py"]  # the bench looks for a free port

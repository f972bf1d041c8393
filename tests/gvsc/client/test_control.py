"""A client's requests: typed replies, refusals in the service's words, hostile replies, keys."""

from __future__ import annotations

import ast
import dataclasses
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

import gvsc
from common import endpoints, keys, wire
from common.doors import open_context
from common.endpoints import CHANNEL_CONTROL, PREVIEW, TAP
from common.errors import EndpointError, GvscError, ProtocolError, SettingError
from common.knobs import Knobs
from common.publisher import Publisher
from gvsc.client import Change, Client, Setting


def test_get_set_ramp_and_status(client: Client, knobs: Any) -> None:
    assert client.get("channel", "snr-db") == client.get("channel", "snr_db") == 10
    assert client.set("channel", "snr_db", 3) == Change("snr_db", old=10, new=3, first_seq=0)
    assert client.set("channel", "snr_db", np.float32(2.5)).new == 2.5
    assert client.set("channel", "snr_db", None).new is None
    assert client.get("channel", "snr_db") is None
    assert client.set("channel", "snr_db", 4, from_seq=9) == Change("snr_db", old=None, new=4, first_seq=9)
    assert client.ramp("channel", "snr_db", -5, 0, start=10).new == -5
    assert client.ramp("channel", "snr_db", 1, 0) == Change("snr_db", old=-5, new=1, first_seq=0)
    assert client.status("channel")["bursts"] == 3
    assert client.ask("channel", "get", key="model") == {"key": "model", "value": "awgn", "unit": ""}


def test_one_link(client: Client, knobs: Any) -> None:
    client.set("channel", "snr_db", 0, link="two")
    assert (client.get("channel", "snr_db", link=2), client.get("channel", "snr_db", link=1)) == (0, 10)
    client.ramp("channel", "snr_db", 7, 0, link=2)
    assert client.settings("channel", link="two")["snr_db"].value == 7
    assert client.settings("channel")["snr_db"].value == 10


def test_settings_are_typed_and_back_as_they_came(client: Client, knobs: Any) -> None:
    settings = client.settings("channel")
    assert settings["snr_db"] == Setting("snr_db", 10.0, "number", "dB", "Es/N0", low=-60, high=100)
    assert settings["model"].choices == ("awgn", "erasure", "trace")
    assert settings["model"].unavailable == {"trace": "it needs a file"}
    assert settings["erasure_rate"].only_for == ("erasure",)
    assert {name: setting.facts() for name, setting in settings.items()} == client.ask("channel", "get")


def test_refusals_are_errors_in_the_service_s_words(client: Client, knobs: Any) -> None:
    with pytest.raises(GvscError, match="no setting 'volume' here: there are snr_db"):
        client.get("channel", "volume")
    with pytest.raises(GvscError, match="snr_db must be a number of dB"):
        client.set("channel", "snr_db", "warm")
    with pytest.raises(GvscError, match="a ramp lasts 0 to 86400 seconds"):
        client.ramp("channel", "snr_db", 1, -1)
    with pytest.raises(SettingError, match="no service is called 'toaster'; there are: transmitter, channel, receiver"):
        client.status("toaster")
    with pytest.raises(ProtocolError, match="field 'value' may not be"):
        client.set("channel", "snr_db", [1, 2])  # type: ignore[arg-type]
    with pytest.raises(ProtocolError, match="unknown field"):
        client.ask("channel", "get", volume=11)
    assert client.get("channel", "snr_db") == 10


def test_nobody_there(tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/none"
    with Client({CHANNEL_CONTROL: address}, timeout_s=0.1) as client:
        began = time.monotonic()
        with pytest.raises(EndpointError, match=f"nobody answers at {address} within 0.1 s"):
            client.status("channel")
        with pytest.raises(EndpointError, match=r"within 0.05 s"):
            client.status("channel", timeout_s=0.05)
        assert time.monotonic() - began < 3
        with pytest.raises(SettingError, match="a time-out is"):
            client.status("channel", timeout_s=-1)


def test_closing_ends_a_request_that_waits_in_another_thread(tmp_path: Path) -> None:
    client = Client({CHANNEL_CONTROL: f"ipc://{tmp_path}/none"}, timeout_s=60)
    caught: list[Exception] = []

    def ask() -> None:
        try:
            client.status("channel")
        except GvscError as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.2)  # it waits by then; where it does not yet, the answer is the same
    client.close()
    thread.join(5)
    assert not thread.is_alive()
    assert [type(error) for error in caught] == [EndpointError]
    assert "closed" in str(caught[0])


def test_threads_share_a_client(client: Client, knobs: Any) -> None:
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            for _ in range(30):
                client.set("channel", "snr_db", number)
                assert client.get("channel", "snr_db") in range(4)
        except Exception as error:  # noqa: BLE001  (told below)
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []


@pytest.fixture
def replying(tmp_path: Path) -> Iterator[Callable[[Any], Client]]:
    """A client of a channel that replies with whatever it is told: fields of a reply, or bare frames."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    address = f"ipc://{tmp_path}/control"
    clients: list[Client] = []

    def serve(reply: Any) -> Client:
        socket = endpoints.open_socket(context, zmq.REP)
        endpoints.bind(socket, address, "test")

        def answer() -> None:
            with socket:
                try:
                    while True:
                        wire.receive(socket, ("request",))
                        socket.send_multipart(wire.encode("reply", reply) if isinstance(reply, dict) else reply)
                except zmq.ZMQError:
                    return

        threading.Thread(target=answer, daemon=True).start()
        clients.append(Client({CHANNEL_CONTROL: address}, timeout_s=5))
        return clients[-1]

    yield serve
    for client in clients:
        client.close()
    context.term()


CALLS: dict[str, Callable[[Client], object]] = {
    "get": lambda client: client.get("channel", "snr_db"),
    "set": lambda client: client.set("channel", "snr_db", 1),
    "ramp": lambda client: client.ramp("channel", "snr_db", 1, 1),
    "settings": lambda client: client.settings("channel"),
}
SETTING = {"value": 1, "kind": "number", "unit": "", "help": ""}


@pytest.mark.parametrize(
    ("call", "result"),
    [
        ("get", {}),
        ("get", {"key": "snr_db", "value": [1]}),
        ("set", {"key": "snr_db", "old": 1, "new": 2}),
        ("set", {"key": "snr_db", "old": 1, "new": 2, "first_seq": "0"}),
        ("set", {"key": "snr_db", "old": 1, "new": 2, "first_seq": True}),
        ("ramp", {"key": 4, "old": 1, "new": 2, "first_seq": 0}),
        ("settings", {"snr_db": 3}),
        ("settings", {"snr_db": {}}),
        ("settings", {"snr_db": {**SETTING, "low": "deep"}}),
        ("settings", {"snr_db": {**SETTING, "choices": [1]}}),
        ("settings", {"snr_db": {**SETTING, "only_for": "all"}}),
        ("settings", {"snr_db": {**SETTING, "unavailable": ["trace"]}}),
        ("settings", {"snr_db": {**SETTING, "unavailable": {"trace": 3}}}),
    ],
)
def test_a_reply_that_makes_no_sense_is_a_protocol_error(
    replying: Callable[[Any], Client], call: str, result: dict[str, Any]
) -> None:
    client = replying({"ok": True, "result": result})
    with pytest.raises(ProtocolError, match="the reply to"):
        CALLS[call](client)


def test_a_reply_that_is_none_is_a_protocol_error(replying: Callable[[Any], Client]) -> None:
    client = replying([b"\xc1nonsense", b""])
    for call in CALLS.values():
        with pytest.raises(ProtocolError, match="not valid msgpack"):
            call(client)


def test_more_about_a_setting_than_is_known_here_is_left_out(replying: Callable[[Any], Client]) -> None:
    client = replying({"ok": True, "result": {"snr_db": {**SETTING, "colour": "red"}}})
    assert client.settings("channel")["snr_db"].value == 1


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[tuple[Publisher, str]]:
    """A tap with keys, in tmp_path/keys; keys of another system are in tmp_path/others."""
    keys.make(tmp_path / "keys")
    keys.make(tmp_path / "others")
    context = open_context("channel", {"GVSC_KEYS": str(tmp_path / "keys")})
    publisher = Publisher(context, "tcp://127.0.0.1:*", "tap")
    yield publisher, publisher.address
    publisher.socket.close()
    context.term()


def test_keys_open_what_they_are_for(
    locked: tuple[Publisher, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: Any
) -> None:
    publisher, address = locked
    monkeypatch.setenv("GVSC_KEYS", str(tmp_path / "keys"))
    with Client({TAP: address}) as client, client.bursts(timeout_s=5) as bursts:
        assert publisher.socket.poll(5000)
        publisher.note_subscriptions()
        assert publisher.subscribers == 1
        fields = {"session": "0" * 16, "seq": 1, "samples": 2, "dtype": "cf32_le", "link": 1, "receiver": "a"}
        fields |= {"snr_set_db": 3.0, "gain_db": 0.0, "model": "awgn"}
        samples = np.ones(2, np.complex64)
        publisher.publish("tap", fields, (samples, samples))
        assert next(bursts).seq == 1


@pytest.mark.parametrize("folder", [None, "others"])
def test_without_the_right_keys_nothing_comes(
    locked: tuple[Publisher, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str | None
) -> None:
    publisher, address = locked
    if folder is not None:
        monkeypatch.setenv("GVSC_KEYS", str(tmp_path / folder))
    with (
        Client({TAP: address}) as client,
        client.bursts(timeout_s=0.5) as bursts,
        pytest.raises(EndpointError, match="no burst at"),
    ):
        next(bursts)
    publisher.note_subscriptions()
    assert publisher.subscribers == 0


def test_the_key_of_a_receiver_is_no_viewer_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.make(tmp_path / "keys")
    for role in ("viewer", "channel", "transmitter"):
        (tmp_path / "keys" / f"{role}.secret").unlink()
    monkeypatch.setenv("GVSC_KEYS", str(tmp_path / "keys"))
    with Client() as client:
        with pytest.raises(EndpointError, match="tap: the key of the receiver does not open this"):
            client.bursts()
        with pytest.raises(EndpointError, match="channel control: the key of the receiver does not open this"):
            client.status("channel")


def test_it_loads_nothing_heavy() -> None:
    program = "import sys, gvsc.client; print(*[m for m in ('torch', 'scipy', 'numba', 'click') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def test_nothing_else_in_gvsc_looks_or_asks() -> None:
    """Whoever looks at a running system or steers it does so by the client."""
    root = Path(gvsc.__file__).parent
    found = []
    for file in sorted(root.rglob("*.py")):
        if (root / "client") in file.parents:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            text = ast.unparse(node) if isinstance(node, ast.Attribute | ast.ImportFrom) else ""
            if text in ("zmq.SUB", "zmq.REQ", "zmq.XSUB") or text.startswith("from common.control"):
                found.append(f"{file.relative_to(root)}: {text}")
    assert found == []


def test_typed_values_cannot_be_changed(client: Client, knobs: Any) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        client.settings("channel")["snr_db"].value = 3  # type: ignore[misc]


def test_a_time_out_may_be_of_any_length(system: Any, client: Client, knobs: Knobs) -> None:
    assert client.status("channel", timeout_s=1e300)["bursts"] == 3
    with client.previews(timeout_s=1e300) as previews:
        system.heard(PREVIEW)
        system.preview(seq=4)
        assert next(previews).seq == 4

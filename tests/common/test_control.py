"""The control socket answers everyone, whatever they send."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import zmq

from common import endpoints, wire
from common.control import ControlServer, ask
from common.errors import EndpointError, GvscError
from common.knobs import Knob, Knobs

Context = zmq.Context[zmq.Socket[bytes]]


@pytest.fixture
def context() -> Iterator[Context]:
    context: Context = zmq.Context()
    yield context
    context.term()  # ends the server's thread, which closes its own socket


@pytest.fixture
def server(context: Context) -> ControlServer:
    knobs = Knobs([(Knob("snr_db", "SNR", unit="dB", low=-60, high=100), 10)])
    return ControlServer(context, "tcp://127.0.0.1:*", knobs, lambda: {"bursts": 4}, "test").start()


def test_what_is_asked_before_the_start_waits_for_it(context: Context) -> None:
    """A status that speaks of the server itself, as those of the three processes do."""
    owner: dict[str, ControlServer] = {}
    server = ControlServer(
        context, "tcp://127.0.0.1:*", Knobs([]), lambda: {"refused": owner["control"].refused}, "test"
    )
    with endpoints.open_socket(context, zmq.REQ) as socket:
        endpoints.connect(socket, server.address, "test control")
        wire.send(socket, "request", {"op": "status"})
        assert not socket.poll(200)
        owner["control"] = server
        server.start()
        assert socket.poll(5000)
        assert wire.receive(socket, ("reply",)).header["result"]["refused"] == 0


def test_get_set_ramp_status(context: Context, server: ControlServer) -> None:
    assert ask(context, "test", server.address, {"op": "get", "key": "snr-db"}) == {
        "key": "snr_db",
        "value": 10,
        "unit": "dB",
    }
    change = ask(context, "test", server.address, {"op": "set", "key": "snr_db", "value": 3})
    assert change == {"key": "snr_db", "old": 10, "new": 3, "first_seq": 0}
    assert ask(context, "test", server.address, {"op": "ramp", "key": "snr_db", "stop": 0, "seconds": 0})["new"] == 0
    assert ask(context, "test", server.address, {"op": "status"}) == {"bursts": 4, "settings": {"snr_db": 0}}
    assert ask(context, "test", server.address, {"op": "get"})["snr_db"]["low"] == -60


def test_refusals_come_back_as_words(context: Context, server: ControlServer) -> None:
    with pytest.raises(GvscError, match="no setting 'volume' here: there are snr_db"):
        ask(context, "test", server.address, {"op": "set", "key": "volume", "value": 11})
    with pytest.raises(GvscError, match="set needs the field 'value'"):
        ask(context, "test", server.address, {"op": "set", "key": "snr_db"})


def test_garbage_gets_a_reply_and_the_next_request_is_served(context: Context, server: ControlServer) -> None:
    with endpoints.open_socket(context, zmq.REQ) as stranger:
        endpoints.connect(stranger, server.address, "test")
        for frames in ([b"GET / HTTP/1.1"], [b"\xc1" * 100, b"x"], [b"a"] * 9):
            stranger.send_multipart(frames)
            assert wire.receive(stranger, ("reply",)).header["ok"] is False
    assert ask(context, "test", server.address, {"op": "status"})["bursts"] == 4
    assert server.refused == 3


def test_nobody_there(context: Context) -> None:
    with pytest.raises(EndpointError, match="nobody answers"):
        ask(context, "test", "tcp://127.0.0.1:1", {"op": "status"}, timeout_s=0.2)


def test_a_port_in_use_is_told_in_one_line(context: Context, server: ControlServer) -> None:
    with pytest.raises(EndpointError, match="is in use by another process") as caught:
        ControlServer(context, server.address, Knobs([]), dict, "other")
    assert "\n" not in str(caught.value)

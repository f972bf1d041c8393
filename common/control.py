"""The control socket: anyone asks, a thread of its own answers, so that a reply never waits behind work."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

import zmq

from common import endpoints, wire
from common.errors import EndpointError, GvscError, ProtocolError, SettingError
from common.knobs import Knobs

QUEUE: Final = 256
"""Replies kept for one peer. libzmq may hear only at each hundredth request of a busy peer how many replies went out,
and drops a reply that finds its queue full: with a queue of 16, one in some thousands of a fast peer's."""

MOST_MS: Final = (1 << 31) - 1
"""Longest wait that libzmq takes: 24 days."""

KnobsOfLink = Callable[[int | str], Knobs]


def answer(
    request: wire.Message,
    knobs: Knobs,
    status: Callable[[], Mapping[str, Any]],
    knobs_of_link: KnobsOfLink | None = None,
) -> dict[str, Any]:
    """The fields of the reply to one request. What is wrong with a request becomes its reply, never an exception.

    A request that names a link is about the settings that ``knobs_of_link`` tells, where there are links.
    """
    header = request.header
    try:
        if "link" in header:
            if header["op"] == "status":
                raise ProtocolError("status is of all links")
            if knobs_of_link is None:
                raise SettingError("only the channel has links")
            knobs = knobs_of_link(header["link"])
        match header["op"]:
            case "status":
                result: Mapping[str, Any] = {**status(), "settings": knobs.values()}
            case "get" if "key" in header:
                knob = knobs.knob(header["key"])
                result = {"key": knob.name, "value": knobs.get(knob.name), "unit": knob.unit}
            case "get":
                result = knobs.describe()
            case "set":
                result = dataclasses.asdict(
                    knobs.set(_needed(header, "key"), _needed(header, "value"), header.get("from_seq"))
                )
            case _:
                result = dataclasses.asdict(
                    knobs.ramp(
                        _needed(header, "key"), header.get("start"), _needed(header, "stop"), _needed(header, "seconds")
                    )
                )
    except GvscError as error:
        return {"ok": False, "error": str(error)[:1000]}
    return {"ok": True, "result": dict(result)}


def _needed(header: Mapping[str, Any], field: str) -> Any:
    if field not in header:
        raise ProtocolError(f"{header['op']} needs the field {field!r}")
    return header[field]


class ControlServer:
    """Answers control requests, once started, on a thread of its own until the context is terminated."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        address: str,
        knobs: Knobs,
        status: Callable[[], Mapping[str, Any]],
        role: str,
        changed: Callable[[], None] = lambda: None,
        knobs_of_link: KnobsOfLink | None = None,
    ) -> None:
        """Binds ``address``. ``changed`` is called after each set or ramp, to wake work that waits for one;
        ``knobs_of_link`` gives the settings of one link, by number or name, or raises SettingError.

        Raises EndpointError.
        """
        self.refused = 0
        self._knobs = knobs
        self._status = status
        self._changed = changed
        self._knobs_of_link = knobs_of_link
        self._socket = endpoints.open_socket(context, zmq.REP, high_water_mark=QUEUE)
        self.address = endpoints.bind(self._socket, address, f"{role} control")
        self._thread = threading.Thread(target=self._serve, name=f"{role}-control", daemon=True)

    def start(self) -> Self:
        """Begins to answer; what was asked before has waited. Not at once, because ``status`` may speak of this server:
        a request that came while its owner was still being built ended the thread."""
        self._thread.start()
        return self

    def _serve(self) -> None:
        with self._socket:
            while True:
                try:
                    self._answer_one()
                except (zmq.ContextTerminated, zmq.ZMQError):
                    return

    def _answer_one(self) -> None:
        try:
            request = wire.receive(self._socket, ("request",))
        except ProtocolError as error:
            self.refused += 1
            wire.send(self._socket, "reply", {"ok": False, "error": str(error)[:1000]})
            return
        reply = answer(request, self._knobs, self._status, self._knobs_of_link)
        if request.header["op"] in ("set", "ramp") and reply["ok"]:
            self._changed()
        try:
            wire.send(self._socket, "reply", reply)
        except ProtocolError as error:  # too long for a reply, for one: whoever asked is told, and the thread lives on
            wire.send(self._socket, "reply", {"ok": False, "error": str(error)[:1000]})


def ask(
    context: zmq.Context[zmq.Socket[bytes]],
    role: str,
    address: str,
    fields: Mapping[str, Any],
    timeout_s: float = 5.0,
) -> dict[str, Any]:
    """Sends one request to the process of that role and returns the ``result`` map of the reply.

    Raises EndpointError where nobody answers within ``timeout_s``, GvscError with the peer's words where it refuses.
    """
    with endpoints.open_socket(context, zmq.REQ) as socket:
        endpoints.connect(socket, address, f"{role} control")
        wire.send(socket, "request", fields)
        if not socket.poll(int(min(timeout_s * 1000, MOST_MS))):
            raise EndpointError(f"nobody answers at {address} within {timeout_s:g} s: is that process running?")
        reply = wire.receive(socket, ("reply",)).header
    if not reply["ok"]:
        raise GvscError(reply.get("error", "the request was refused"))
    return dict(reply.get("result", {}))

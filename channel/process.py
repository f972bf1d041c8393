"""The channel process: a loop around ``Channel`` that takes bursts from the uplink and hands them to the downlink."""

from __future__ import annotations

import os
from typing import Any

import zmq

from channel.channel import Channel
from common import endpoints, wire
from common.control import ControlServer
from common.errors import ProtocolError
from common.publisher import Publisher

UPLINK_KINDS = ("burst", "probe")


class ChannelProcess:
    """Binds the channel's sockets. ``run`` serves until the process ends."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        channel: Channel,
        *,
        uplink: str,
        downlink: str,
        tap: str,
        control: str,
    ) -> None:
        """The addresses are bound. Raises EndpointError."""
        self._channel = channel
        self._uplink = endpoints.open_socket(context, zmq.PULL)
        self._downlink = endpoints.open_socket(context, zmq.PUSH)
        self.addresses = {
            "uplink": endpoints.bind(self._uplink, uplink, "uplink"),
            "downlink": endpoints.bind(self._downlink, downlink, "downlink"),
        }
        self._tap = Publisher(context, tap, "tap")
        self._session = ""
        self._last_seq = -1
        self._counts = {"bursts": 0, "symbols": 0, "gaps": 0, "refused": 0}
        self._control = ControlServer(context, control, channel.knobs, self._status, "channel")
        self.addresses |= {"tap": self._tap.address, "control": self._control.address}

    def run(self) -> None:
        """Serves for ever. With nothing to do it sleeps in poll and uses no CPU."""
        poller = zmq.Poller()
        poller.register(self._uplink, zmq.POLLIN)
        poller.register(self._tap.socket, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if self._tap.socket in ready:
                self._tap.note_subscriptions()
            if self._uplink in ready:
                self._serve_one()

    def _serve_one(self) -> None:
        try:
            message = wire.receive(self._uplink, UPLINK_KINDS)
        except ProtocolError:
            self._counts["refused"] += 1
            return
        if message.kind == "probe":
            # Transport, not air: it tells the transmitter what has arrived, behind every burst sent before it.
            wire.send(self._downlink, "probe", {k: message.header[k] for k in ("session", "probe")})
            return
        header = {k: message.header[k] for k in ("session", "seq", "samples", "dtype")}
        self._count(header)
        before = message.samples()
        settings = self._channel.knobs.begin(header["seq"])
        after = self._channel.apply_with(settings, before, header["seq"])
        about = {**header, "snr_set_db": settings["snr_db"], "model": self._channel.model}
        self._tap.publish("tap", about, (before, after))
        # Blocks while no receiver is there: the back-pressure that reaches the transmitter.
        wire.send(self._downlink, "burst", header, (after,))

    def _count(self, header: dict[str, Any]) -> None:
        session, seq = header["session"], header["seq"]
        if session == self._session and seq > self._last_seq + 1:
            self._counts["gaps"] += seq - self._last_seq - 1
        self._session, self._last_seq = session, seq
        self._counts["bursts"] += 1
        self._counts["symbols"] += header["samples"]

    def _status(self) -> dict[str, Any]:
        return {
            "role": "channel",
            "pid": os.getpid(),
            "ready": True,
            "model": self._channel.model,
            "session": self._session,
            "last_seq": self._last_seq,
            "tap_subscribers": self._tap.subscribers,
            "control_refused": self._control.refused,
            **self._counts,
        }

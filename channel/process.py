"""The channel process: takes bursts from the uplink and hands each to every receiver, through that receiver's link."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import zmq
from numpy.typing import NDArray

from channel.channel import Channel
from channel.links import Link, Links
from common import endpoints, wire
from common.control import ControlServer
from common.errors import GvscError, ProtocolError
from common.knobs import Value
from common.publisher import Publisher
from common.service import say

UPLINK_KINDS: Final = ("burst", "probe")

ROOM_INTERVAL_MS: Final = 100
"""How long to wait for room towards one receiver before looking whether others want to join."""


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
        self._links = Links(channel)
        self._uplink = endpoints.open_socket(context, zmq.PULL)
        self._downlink = endpoints.open_socket(context, zmq.ROUTER)
        # Mandatory: a message to a receiver that is gone is an error and not dropped, one to a slow one waits.
        self._downlink.set(zmq.ROUTER_MANDATORY, 1)
        self._downlink.set(zmq.SNDTIMEO, ROOM_INTERVAL_MS)
        self.addresses = {
            "uplink": endpoints.bind(self._uplink, uplink, "uplink"),
            "downlink": endpoints.bind(self._downlink, downlink, "downlink"),
        }
        self._tap = Publisher(context, tap, "tap")
        self._session = ""
        self._last_seq = -1
        self._counts = {"bursts": 0, "symbols": 0, "gaps": 0, "refused": 0, "errors": 0}
        self._control = ControlServer(
            context, control, channel.knobs, self._status, "channel", knobs_of_link=self._links.knobs
        )
        self.addresses |= {"tap": self._tap.address, "control": self._control.address}
        self._arrivals = zmq.Poller()
        for socket in (self._downlink, self._tap.socket):
            self._arrivals.register(socket, zmq.POLLIN)
        self._control.start()

    def run(self) -> None:
        """Serves for ever. With nothing to do it sleeps in poll and uses no CPU."""
        poller = zmq.Poller()
        for socket in (self._uplink, self._downlink, self._tap.socket):
            poller.register(socket, zmq.POLLIN)
        while True:
            if not self._links.live:
                # Without a receiver the uplink is not read: the back-pressure that reaches the transmitter.
                self._serve_arrivals(None)
                continue
            ready = dict(poller.poll())
            if len(ready) > 1 or self._uplink not in ready:
                self._serve_arrivals(0)
            if self._uplink in ready:
                self._serve_one()

    def _serve_arrivals(self, timeout_ms: int | None) -> None:
        """Lets in who wants to join or to look on; waits for one up to ``timeout_ms`` (None: for ever)."""
        ready = dict(self._arrivals.poll(timeout_ms))
        if self._tap.socket in ready:
            self._tap.note_subscriptions()
        if self._downlink in ready:
            self._let_join()

    def _let_join(self) -> None:
        try:
            peer, message = wire.receive_from(self._downlink, ("join",))
        except ProtocolError:
            self._counts["refused"] += 1
            return
        name = message.header["name"]
        joining = self._links.join(peer, name, message.header["life"])
        if joining.replaced is not None:
            say("channel", f"receiver {name}: a newer process takes over")
            self._tell(joining.replaced, "dismissed", {"reason": "replaced"})
        if joining.link is None:
            self._tell(peer, "dismissed", {"reason": joining.refusal})
        else:
            self._tell(peer, "joined", {"link": joining.link.number})
            say("channel", f"receiver {name} has joined: link {joining.link.number}")

    def _tell(self, peer: bytes, kind: str, fields: dict[str, Any]) -> None:
        try:
            wire.send_to(self._downlink, peer, kind, fields, flags=zmq.NOBLOCK)
        except zmq.ZMQError as error:
            # Gone already, which the next burst will show; or it does not read, and will ask once more.
            if error.errno not in (zmq.EHOSTUNREACH, zmq.EAGAIN):
                raise

    def _serve_one(self) -> None:
        try:
            message = wire.receive(self._uplink, UPLINK_KINDS)
        except ProtocolError:
            self._counts["refused"] += 1
            return
        hand_on = self._hand_on_probe
        if message.kind == "burst":
            self._count(message)
            self._links.begin(message.header["seq"])
            hand_on = self._hand_on_burst
        while not hand_on(message):
            # Everybody had gone before it could be handed on: it waits with the rest of the uplink.
            self._serve_arrivals(None)

    def _hand_on_probe(self, message: wire.Message) -> bool:
        """Transport, not air: it tells the transmitter what has arrived, behind every burst sent before it, and who is
        there to receive."""
        links = self._links.live
        about = {k: message.header[k] for k in ("session", "probe")}
        frames = wire.encode("probe", {**about, "links": [link.name for link in links]})
        sent = [self._send(link, frames) for link in links]
        return any(sent)

    def _hand_on_burst(self, message: wire.Message) -> bool:
        before, seq = message.samples(), message.header["seq"]
        arrived = False
        for link, settings in self._links.begun():
            after, report = self._through(link, settings, before, seq)
            if not self._send(link, (message.packed, after)):
                continue
            arrived = True
            link.bursts += 1
            if self._tap.subscribers:
                about = {k: message.header[k] for k in ("session", "seq", "samples", "dtype")}
                about |= {"link": link.number, "receiver": link.name}
                about |= {k: report[k] for k in ("snr_set_db", "gain_db", "model")}
                self._tap.publish("tap", about, (before, after))
        return arrived

    def _through(
        self, link: Link, settings: Mapping[str, Value], before: NDArray[np.complex64], seq: int
    ) -> tuple[NDArray[np.complex64], dict[str, Any]]:
        """What arrives of a burst on one link, and the report. A model that fails loses the burst, not the channel:
        silence arrives, so that the burst is still acknowledged."""
        try:
            return link.channel.apply_with(settings, before, seq)
        except Exception as error:  # noqa: BLE001  (a model may be anybody's, and samples anything)
            words = str(error) if isinstance(error, GvscError) else f"{type(error).__name__}: {error}"
            self._counts["errors"] += 1
            say("channel", f"burst {seq} is lost on link {link.number}: {words}")
            return np.zeros_like(before), {
                "model": str(settings["model"]),
                "snr_set_db": float(settings["snr_db"] or 0.0),
                "gain_db": None,
            }

    def _send(self, link: Link, frames: Sequence[Any]) -> bool:
        """Sends to one receiver, and waits for room there as long as it lives. False if it is gone."""
        while link.peer is not None:
            try:
                self._downlink.send_multipart([link.peer, *frames], copy=False)
                return True
            except zmq.Again:
                self._serve_arrivals(0)
            except zmq.ZMQError as error:
                if error.errno != zmq.EHOSTUNREACH:
                    raise
                self._links.gone(link)
                say("channel", f"receiver {link.name} is gone: link {link.number}")
        return False

    def _count(self, message: wire.Message) -> None:
        session, seq = message.header["session"], message.header["seq"]
        if session == self._session and seq > self._last_seq + 1:
            self._counts["gaps"] += seq - self._last_seq - 1
        if session != self._session and self._session and self._channel.knobs.new_session():
            say("channel", "another transmitter, which counts anew: changes that waited for their burst are dropped")
        self._session, self._last_seq = session, seq
        self._counts["bursts"] += 1
        self._counts["symbols"] += message.header["samples"]

    def _status(self) -> dict[str, Any]:
        return {
            "role": "channel",
            "pid": os.getpid(),
            "ready": True,
            "model": self._channel.model,
            "session": self._session,
            "last_seq": self._last_seq,
            "links": self._links.describe(),
            "tap_subscribers": self._tap.subscribers,
            "control_refused": self._control.refused,
            **self._counts,
        }

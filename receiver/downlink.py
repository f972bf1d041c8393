"""The receiver's end of its link: it joins the broadcast under its name, and joins again whenever it was cut off."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from typing import Final

import zmq
from zmq.utils.monitor import recv_monitor_message

from common import endpoints, wire

JOIN_INTERVAL_S: Final = 1.0
"""How long to wait for the answer to a join before asking again."""


def host_name() -> str:
    """This machine's name as a receiver may be called: letters, digits, ".", "_" and "-", at most 64."""
    name = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()).lstrip("._-")[:64]
    return name or "receiver"


class Downlink:
    """A DEALER that keeps itself joined. Use from one thread."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str, name: str) -> None:
        """Connects; nothing comes before ``tend`` has joined. Raises EndpointError."""
        self.name = name
        self.link: int | None = None
        self._life = wire.new_session()
        self._connected = False
        self._join_due = 0.0
        self.socket = endpoints.open_socket(context, zmq.DEALER)
        # A channel that was restarted knows nobody, and each connection is a new peer to it: each begins with a join.
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        endpoints.connect(self.socket, address, "downlink")

    def note_connections(self) -> None:
        """Reads what has happened to the connection."""
        while self.monitor.poll(0):
            event = recv_monitor_message(self.monitor)["event"]
            self._connected = event == zmq.EVENT_HANDSHAKE_SUCCEEDED
            self.link = None
            self._join_due = 0.0

    def tend(self) -> float | None:
        """Joins where that is due. Returns the seconds until it may be due again, None where only news can tell."""
        if not self._connected or self.link is not None:
            return None
        now = time.monotonic()
        if now >= self._join_due:
            self._join_due = now + JOIN_INTERVAL_S
            with contextlib.suppress(zmq.Again):  # gone again: the next connection will ask
                wire.send(self.socket, "join", {"name": self.name, "life": self._life}, flags=zmq.NOBLOCK)
        return self._join_due - now

    def receive(self) -> wire.Message:
        """The next message from the channel. Raises ProtocolError."""
        message = wire.receive(self.socket, ("burst", "probe", "joined", "dismissed"))
        if message.kind == "joined":
            self.link = message.header["link"]
        return message

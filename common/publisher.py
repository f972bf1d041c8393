"""A PUB socket that knows whether anyone listens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import zmq

from common import endpoints, wire

QUEUE = 256
"""Messages kept for each slow reader; beyond that it misses some, which it sees as gaps in ``seq``."""

PICTURE_QUEUE = 16
"""As many where each is a clip of 1.5 MB: a viewer that hangs costs 25 MB, not 400."""


class Publisher:
    """Publishes messages to whoever subscribed, never waits for them. Use from one thread only."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str, role: str, queue: int = QUEUE) -> None:
        """Binds ``address``. Raises EndpointError."""
        # XPUB, not PUB: it tells of each subscription, so that nothing is made for nobody, and a viewer can ask the
        # process's status whether its subscription has arrived instead of sleeping and hoping.
        self.socket = endpoints.open_socket(context, zmq.XPUB, high_water_mark=queue)
        self.socket.set(zmq.XPUB_VERBOSER, 1)
        self.address = endpoints.bind(self.socket, address, role)
        self.subscribers = 0

    def note_subscriptions(self) -> None:
        """Reads what viewers have subscribed to or left since the last call."""
        while self.socket.poll(0, zmq.POLLIN):
            note = self.socket.recv()
            # Subscribing is 1 + topic, leaving 0 + topic; anything else is a stranger's noise.
            if note[:1] == b"\x01":
                self.subscribers += 1
            elif note[:1] == b"\x00" and self.subscribers:
                self.subscribers -= 1

    def publish(self, kind: str, fields: Mapping[str, Any], payloads: Sequence[Any]) -> None:
        """Sends one message to each subscriber that keeps up. The payload arrays must not be written to afterwards."""
        self.note_subscriptions()
        if self.subscribers:
            wire.send(self.socket, kind, fields, payloads)

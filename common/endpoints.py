"""Where the sockets are, and how they are opened: addresses, defaults, limits. Loopback unless told otherwise."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final

import zmq

from common import wire
from common.doors import LockedContext, check_may_bind
from common.errors import EndpointError

SMALL_FRAME_BYTES: Final = 1 << 16
"""Largest frame taken where no payload is due: a header, with room for what encryption adds."""


@dataclass(frozen=True)
class Endpoint:
    """One socket address of the system. ``environment`` is the variable that sets it, for the side that binds and for
    the side that connects alike (in containers the two differ: ``tcp://*:5550`` here, ``tcp://channel:5550`` there).

    ``server`` is the role that binds, ``guests`` are those whose keys open it where there are keys. ``takes_bytes`` is
    the largest frame that the side that binds takes.
    """

    name: str
    port: int
    help: str
    server: str
    guests: tuple[str, ...]
    takes_bytes: int = SMALL_FRAME_BYTES

    @property
    def environment(self) -> str:
        return "GVSC_" + self.name.upper()

    @property
    def default(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"


UPLINK: Final = Endpoint(
    "uplink",
    5550,
    "bursts, transmitter to channel (the channel binds)",
    "channel",
    ("transmitter",),
    takes_bytes=wire.MAX_FRAME_BYTES,
)
DOWNLINK: Final = Endpoint(
    "downlink", 5551, "bursts, channel to receiver (the channel binds)", "channel", ("receiver",)
)
FEEDBACK: Final = Endpoint(
    "feedback",
    5552,
    "acknowledgements, receiver to transmitter (the transmitter binds)",
    "transmitter",
    ("receiver",),
)
TAP: Final = Endpoint(
    "tap", 5553, "samples before and after the channel, for anyone (the channel binds)", "channel", ("viewer",)
)
PREVIEW: Final = Endpoint(
    "preview", 5554, "source clips, for viewers (the transmitter binds)", "transmitter", ("viewer",)
)
RESULTS: Final = Endpoint("results", 5555, "reconstructions, for viewers (the receiver binds)", "receiver", ("viewer",))
# A process may ask itself, so that its health can be checked where only its own key is.
TRANSMITTER_CONTROL: Final = Endpoint(
    "transmitter_control", 5556, "control of the transmitter", "transmitter", ("viewer", "transmitter")
)
CHANNEL_CONTROL: Final = Endpoint("channel_control", 5557, "control of the channel", "channel", ("viewer", "channel"))
RECEIVER_CONTROL: Final = Endpoint(
    "receiver_control", 5558, "control of the receiver", "receiver", ("viewer", "receiver")
)

ENDPOINTS: Final = (
    UPLINK, DOWNLINK, FEEDBACK, TAP, PREVIEW, RESULTS, TRANSMITTER_CONTROL, CHANNEL_CONTROL, RECEIVER_CONTROL,
)  # fmt: skip

CONTROLS: Final = {
    "transmitter": TRANSMITTER_CONTROL,
    "channel": CHANNEL_CONTROL,
    "receiver": RECEIVER_CONTROL,
}

_BY_NAME: Final = {endpoint.name: endpoint for endpoint in ENDPOINTS}

KERNEL_BUFFER_BYTES: Final = 1 << 20

COPY_BELOW_BYTES: Final = 1 << 20
"""Frames above this are sent from the array's own memory; below, libzmq's copy is cheaper than tracking the array until
it has gone out (1.2 to 1.6 times the throughput at 80 kB)."""

_ADDRESS = re.compile(r"(tcp://[^\s/]+:(\d{1,5}|\*)|ipc://\S+|inproc://\S+)")


def check_address(address: str) -> str:
    """The address, if it looks like one that ZeroMQ can use. Raises EndpointError."""
    match = _ADDRESS.fullmatch(address)
    if not match or (match[2] and match[2] != "*" and int(match[2]) > 65535):
        raise EndpointError(f"{address!r} is not an address: write tcp://HOST:PORT or ipc://PATH")
    return address


def address_of(endpoint: Endpoint) -> str:
    """The endpoint's address: its environment variable where set, else loopback."""
    return check_address(os.environ.get(endpoint.environment) or endpoint.default)


def open_socket(
    context: zmq.Context[zmq.Socket[bytes]], socket_type: int, *, high_water_mark: int = 16
) -> zmq.Socket[bytes]:
    """A socket with this project's limits: bounded queues, bounded frames, no lingering at exit."""
    socket = context.socket(socket_type)
    socket.set(zmq.LINGER, 0)
    socket.set(zmq.MAXMSGSIZE, wire.MAX_FRAME_BYTES)
    socket.set(zmq.SNDHWM, high_water_mark)
    socket.set(zmq.RCVHWM, high_water_mark)
    if socket_type == zmq.PUSH:
        # Queue only towards a live peer: with nobody there, back-pressure rather than a heap of stale bursts.
        socket.set(zmq.IMMEDIATE, 1)
    socket.copy_threshold = COPY_BELOW_BYTES
    # A burst of 10 000 symbols is 80 kB: kernel buffers that hold a few move each with few system calls.
    socket.set(zmq.SNDBUF, KERNEL_BUFFER_BYTES)
    socket.set(zmq.RCVBUF, KERNEL_BUFFER_BYTES)
    socket.set(zmq.RECONNECT_IVL, 50)
    socket.set(zmq.RECONNECT_IVL_MAX, 500)
    # A peer whose machine vanished is noticed within half a minute. By TCP, not by ZeroMQ's heartbeats: libzmq 4.3.5
    # aborts the process when one is due on a connection that broke while its queue was full (libzmq issue 4364).
    socket.set(zmq.TCP_KEEPALIVE, 1)
    socket.set(zmq.TCP_KEEPALIVE_IDLE, 10)
    socket.set(zmq.TCP_KEEPALIVE_INTVL, 5)
    socket.set(zmq.TCP_KEEPALIVE_CNT, 4)
    return socket


def bind(socket: zmq.Socket[bytes], address: str, role: str) -> str:
    """Binds and returns the address really bound (a port may be ``*``).

    ``role`` is the endpoint's name ("uplink", "channel control"). Where the socket's context has keys, only those of
    the endpoint's guests get in; without keys, only loopback is bound unless that is said to be meant. Raises
    EndpointError, in one line.
    """
    check_address(address)
    context = socket.context
    endpoint = _BY_NAME.get(role.replace(" ", "_"))
    try:
        check_may_bind(address, isinstance(context, LockedContext))
        if endpoint is not None:
            socket.set(zmq.MAXMSGSIZE, endpoint.takes_bytes)
        if isinstance(context, LockedContext) and not address.startswith("inproc:"):
            context.lock(socket, role, endpoint.guests if endpoint else ())
        socket.bind(address)
    except EndpointError as error:
        socket.close()
        raise EndpointError(f"{role}: {error}") from None
    except zmq.ZMQError as error:
        socket.close()
        reason = "is in use by another process" if error.errno == zmq.EADDRINUSE else f"cannot be bound: {error}"
        raise EndpointError(f"{role}: {address} {reason}; stop that process or choose another address") from None
    return str(socket.get_string(zmq.LAST_ENDPOINT))


def connect(socket: zmq.Socket[bytes], address: str, role: str) -> None:
    """Connects; ZeroMQ goes on trying until the peer is there.

    ``role`` is the endpoint's name, as for ``bind``; where the socket's context has keys, it tells whose key the peer
    must have. Raises EndpointError for an impossible address or a role without access.
    """
    check_address(address)
    context = socket.context
    if isinstance(context, LockedContext) and not address.startswith("inproc:"):
        endpoint = _BY_NAME.get(role.replace(" ", "_"))
        if endpoint is None or context.ring.role not in endpoint.guests:
            raise EndpointError(f"{role}: the key of the {context.ring.role} does not open this")
        context.unlock(socket, endpoint.server)
    try:
        socket.connect(address)
    except zmq.ZMQError as error:
        raise EndpointError(f"{role}: cannot connect to {address}: {error}") from None

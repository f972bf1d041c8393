"""Where the sockets are, and how they are opened: addresses, defaults, limits. Loopback unless told otherwise."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final

import zmq

from common import wire
from common.errors import EndpointError


@dataclass(frozen=True)
class Endpoint:
    """One socket address of the system. ``environment`` is the variable that sets it, for the side that binds and for
    the side that connects alike (in containers the two differ: ``tcp://*:5550`` here, ``tcp://channel:5550`` there)."""

    name: str
    port: int
    help: str

    @property
    def environment(self) -> str:
        return "GVSC_" + self.name.upper()

    @property
    def default(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"


UPLINK: Final = Endpoint("uplink", 5550, "bursts, transmitter to channel (the channel binds)")
DOWNLINK: Final = Endpoint("downlink", 5551, "bursts, channel to receiver (the channel binds)")
FEEDBACK: Final = Endpoint("feedback", 5552, "acknowledgements, receiver to transmitter (the transmitter binds)")
TAP: Final = Endpoint("tap", 5553, "samples before and after the channel, for anyone (the channel binds)")
PREVIEW: Final = Endpoint("preview", 5554, "source clips, for viewers (the transmitter binds)")
RESULTS: Final = Endpoint("results", 5555, "reconstructions, for viewers (the receiver binds)")
TRANSMITTER_CONTROL: Final = Endpoint("transmitter_control", 5556, "control of the transmitter")
CHANNEL_CONTROL: Final = Endpoint("channel_control", 5557, "control of the channel")
RECEIVER_CONTROL: Final = Endpoint("receiver_control", 5558, "control of the receiver")

ENDPOINTS: Final = (
    UPLINK, DOWNLINK, FEEDBACK, TAP, PREVIEW, RESULTS, TRANSMITTER_CONTROL, CHANNEL_CONTROL, RECEIVER_CONTROL,
)  # fmt: skip

CONTROLS: Final = {
    "transmitter": TRANSMITTER_CONTROL,
    "channel": CHANNEL_CONTROL,
    "receiver": RECEIVER_CONTROL,
}

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
    # A peer that vanished without closing its connection (a pulled cable) is noticed within half a minute.
    socket.set(zmq.HEARTBEAT_IVL, 2000)
    socket.set(zmq.HEARTBEAT_TIMEOUT, 30000)
    return socket


def bind(socket: zmq.Socket[bytes], address: str, role: str) -> str:
    """Binds and returns the address really bound (a port may be ``*``). Raises EndpointError, in one line."""
    check_address(address)
    try:
        socket.bind(address)
    except zmq.ZMQError as error:
        socket.close()
        reason = "is in use by another process" if error.errno == zmq.EADDRINUSE else f"cannot be bound: {error}"
        raise EndpointError(f"{role}: {address} {reason}; stop that process or choose another address") from None
    return str(socket.get_string(zmq.LAST_ENDPOINT))


def connect(socket: zmq.Socket[bytes], address: str, role: str) -> None:
    """Connects; ZeroMQ goes on trying until the peer is there. Raises EndpointError for an impossible address."""
    check_address(address)
    try:
        socket.connect(address)
    except zmq.ZMQError as error:
        raise EndpointError(f"{role}: cannot connect to {address}: {error}") from None

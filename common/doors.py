"""Locks on the sockets: a ZeroMQ context that holds this process's keys, and who may come in where.

With keys, who binds is a CURVE server that lets in only the roles that belong there, and who connects makes sure that
it talks to the right server. Sockets within one process (inproc) stay plain. Without keys nothing is locked, and
nothing but loopback may be bound unless ``GVSC_INSECURE`` says so.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import zmq
from zmq.utils import z85

from common import keys
from common.errors import EndpointError
from common.keys import Keyring

KEYS_VARIABLE: Final = "GVSC_KEYS"
INSECURE_VARIABLE: Final = "GVSC_INSECURE"

_ZAP_ADDRESS: Final = "inproc://zeromq.zap.01"
_ZAP_VERSION: Final = b"1.0"

_log = logging.getLogger(__name__)


class LockedContext(zmq.Context[zmq.Socket[bytes]]):
    """A ZeroMQ context with keys. ``common.endpoints`` locks every socket that it opens on one.

    Each bound endpoint is a ZAP domain of its own (ZeroMQ RFC 27), so that a key opens what its role is for and nothing
    else. Sockets are told to let nobody in when the thread that answers ZAP requests is not there.
    """

    # Declared on the class: a context takes other attributes for socket options.
    ring: Keyring
    _guests: dict[str, frozenset[str]]
    _told: set[tuple[str, str | None]]

    def __init__(self, ring: Keyring) -> None:
        super().__init__()
        self.ring = ring
        self._guests = {}
        self._told = set()

    def lock(self, socket: zmq.Socket[bytes], domain: str, guests: Collection[str]) -> None:
        """Before ``bind``: only peers with the keys of the roles ``guests`` get in."""
        if not self._guests:
            self._answer_zap()
        self._guests[domain] = frozenset(guests)
        socket.set(zmq.CURVE_SERVER, 1)
        socket.set(zmq.CURVE_SECRETKEY, self.ring.secret)
        socket.set_string(zmq.ZAP_DOMAIN, domain)
        socket.set(zmq.ZAP_ENFORCE_DOMAIN, 1)

    def unlock(self, socket: zmq.Socket[bytes], server: str) -> None:
        """Before ``connect``: show this process's key, and talk only to the process that has ``server``'s."""
        socket.set(zmq.CURVE_SERVERKEY, self.ring.public[server])
        socket.set(zmq.CURVE_PUBLICKEY, self.ring.public[self.ring.role])
        socket.set(zmq.CURVE_SECRETKEY, self.ring.secret)

    def _answer_zap(self) -> None:
        # On a shadow of this context: the thread closes its own socket when the context ends, and nobody else does.
        shadow: zmq.Context[zmq.Socket[bytes]] = zmq.Context.shadow(self.underlying)
        socket = shadow.socket(zmq.REP)
        socket.set(zmq.LINGER, 0)
        socket.bind(_ZAP_ADDRESS)
        threading.Thread(target=self._serve_zap, args=(socket,), name="zap", daemon=True).start()

    def _serve_zap(self, socket: zmq.Socket[bytes]) -> None:
        with socket:
            while True:
                try:
                    request = socket.recv_multipart()
                    request_id = request[1] if len(request) > 1 else b""
                    role = self._admitted(request)
                    verdict = (b"200", b"OK", role.encode()) if role else (b"400", b"No access", b"")
                    socket.send_multipart([_ZAP_VERSION, request_id, *verdict, b""])
                except zmq.ZMQError:  # the context ends
                    return

    def _admitted(self, request: list[bytes]) -> str | None:
        """The role of the peer that a ZAP request is about, None where it may not come in."""
        # version, request id, domain, address, identity, mechanism, public key
        if len(request) != 7 or request[0] != _ZAP_VERSION or request[5] != b"CURVE":
            return None
        domain = request[2].decode("ascii", "replace")
        role = self.ring.role_of(_z85(request[6]))
        if role in self._guests.get(domain, ()):
            return role
        if (domain, role) not in self._told:  # once: strangers are not to fill a disk
            self._told.add((domain, role))
            why = f"the {role} has no business there" if role else "its key is unknown"
            _log.warning("refused a peer at %s: %s", domain, why)
        return None


def open_context(
    role: str | None = None, environment: Mapping[str, str] = os.environ
) -> zmq.Context[zmq.Socket[bytes]]:
    """A new ZeroMQ context: with the keys of ``role`` (None: the viewer's, or the only ones there) where the
    environment names a folder of keys, else a plain one. Raises KeysError."""
    folder = environment.get(KEYS_VARIABLE)
    if not folder:
        return zmq.Context()
    return LockedContext(keys.load(Path(folder), role))


def check_may_bind(address: str, locked: bool) -> None:
    """Raises EndpointError where ``address`` can be reached from other machines, has no lock, and nobody has said that
    this is meant."""
    if locked or is_loopback(address) or os.environ.get(INSECURE_VARIABLE, "").lower() in ("1", "true", "yes", "on"):
        return
    raise EndpointError(
        f"{address} would be open to everyone who can reach this machine: give it keys (`gvsc keys`, then --keys), or"
        " allow it with --insecure"
    )


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches the address: ipc, inproc, 127.0.0.0/8, ::1 or localhost. No name is looked up,
    and whatever is not surely one of these is not."""
    transport, _, place = address.partition("://")
    if transport in ("ipc", "inproc"):
        return True
    host = place.rpartition(":")[0]
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False


def _z85(key: bytes) -> bytes:
    return z85.encode(key) if len(key) == 32 else b""

"""What is published, as an iterator: checked messages, time-outs, gaps, and an end that other threads can bring."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

import zmq

from common import endpoints, wire
from common.control import MOST_MS
from common.endpoints import Endpoint
from common.errors import EndpointError, ProtocolError, SettingError

T = TypeVar("T")

QUEUE: Final = 256
"""Messages kept on this side while nobody takes them; those beyond are dropped, and are seen as a gap."""

MAX_QUEUE: Final = 1 << 20

MAX_PATHS: Final = 4 * wire.MAX_LINKS
"""Most links and receivers whose sequence numbers are followed at a time, so that invented names do not fill the
memory."""


@dataclass(frozen=True)
class Gap:
    """Messages that were published and did not come: dropped for a slow reader, or lost on the way.

    ``kind`` is "burst", "preview" or "result"; ``link`` and ``receiver`` say of which path, where there are several.
    ``missed`` bursts are missing from number ``first_seq`` of ``session`` on.
    """

    kind: str
    session: str
    first_seq: int
    missed: int
    link: int | None = None
    receiver: str | None = None


@dataclass(frozen=True)
class Feed(Generic[T]):
    """One thing that a stream takes: messages of the kind ``kind`` from ``endpoint`` at ``address``.

    ``noun`` names one item in messages. ``wanted`` looks at a header and selects; ``convert`` opens the message, and
    raises ProtocolError where that cannot be.
    """

    endpoint: Endpoint
    address: str
    kind: str
    noun: str
    convert: Callable[[wire.Message], T]
    wanted: Callable[[Mapping[str, Any]], bool] = lambda header: True


class Stream(Iterator[T]):
    """An iterator over what is published. It subscribes when it is made, not when the first item is asked for.

    It may be used by one thread at a time, and closed from any; then the iteration ends, also in a thread that waits.
    A publisher that is gone and comes back is found again. Use it in a ``with`` block or close it; the client that made
    it closes it at the latest.

    Attributes:
        seen: items handed out so far; ``refused`` messages that failed their checks, ``missed`` bursts in gaps.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        feeds: Sequence[Feed[T]],
        *,
        timeout_s: float | None = None,
        queue: int = QUEUE,
        on_refused: Callable[[str], None] | None = None,
        on_gap: Callable[[Gap], None] | None = None,
    ) -> None:
        """Subscribes to ``feeds``. ``queue`` is how many messages of each wait on this side for the reader.

        Raises EndpointError, SettingError.
        """
        self.seen = self.refused = self.missed = 0
        self._timeout_s = check_seconds(timeout_s)
        self._on_refused, self._on_gap = on_refused, on_gap
        self._expected: dict[tuple[str, int | None, str | None], tuple[str, int]] = {}
        self._lock = threading.RLock()
        self._closing_lock = threading.Lock()
        self._closing = self._closed = False
        self._sockets: list[tuple[zmq.Socket[bytes], Feed[T]]] = []
        self._wake = os.eventfd(0, os.EFD_CLOEXEC)
        self._poller = zmq.Poller()
        self._poller.register(self._wake, zmq.POLLIN)
        try:
            for feed in feeds:
                socket = subscribe(context, {feed.endpoint: feed.address}, queue)
                self._sockets.append((socket, feed))
                self._poller.register(socket, zmq.POLLIN)
        except BaseException:
            self.close()
            raise

    def __next__(self) -> T:
        """The next item. Raises StopIteration once closed, EndpointError where none comes in time; after that the
        stream can be asked again."""
        item = self._take(self._timeout_s)
        if item is None:
            if self._closing:
                raise StopIteration
            raise EndpointError(self._timed_out())
        return item

    def receive(self, timeout_s: float | None = None) -> T | None:
        """The next item, None where none comes within ``timeout_s`` seconds (default: wait for ever).

        Raises EndpointError on a stream that is closed.
        """
        item = self._take(check_seconds(timeout_s))
        if item is None and self._closing:
            raise EndpointError("the stream is closed")
        return item

    def close(self) -> None:
        """Ends the iteration and closes the sockets. May be called more than once, and from any thread."""
        with self._closing_lock:
            if not self._closing:
                self._closing = True
                os.eventfd_write(self._wake, 1)
        with self._lock:  # a thread that waits has been woken and lets go
            if not self._closed:
                self._closed = True
                for socket, _ in self._sockets:
                    socket.close()
                os.close(self._wake)

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._closing

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_wake"):
            self.close()

    def _take(self, timeout_s: float | None) -> T | None:
        """The next item that passes, None where none does in time or the stream is closed."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._lock:
            while not self.closed:
                left_ms = None
                if deadline is not None:
                    left_ms = max(0, math.ceil(min(1e3 * (deadline - time.monotonic()), MOST_MS)))
                ready = dict(self._poller.poll(left_ms))
                if self._wake in ready:
                    break
                item = self._first(ready)
                if item is not None:
                    self.seen += 1
                    return item
                if deadline is not None and time.monotonic() >= deadline:
                    break
        return None

    def _first(self, ready: Mapping[Any, int]) -> T | None:
        """One message of the first socket that has one, opened; None where it is refused or not wanted."""
        for place, (socket, feed) in enumerate(self._sockets):
            if socket not in ready:
                continue
            self._sockets.append(self._sockets.pop(place))  # it goes last the next time, so that none starves
            try:
                message = wire.receive(socket, (feed.kind,), zmq.NOBLOCK)
                if not feed.wanted(message.header):
                    return None
                item = feed.convert(message)
            except zmq.Again:
                return None
            except ProtocolError as error:
                self.refused += 1
                if self._on_refused is not None:
                    self._on_refused(str(error))
                return None
            self._follow(feed.noun, message.header)
            return item
        return None

    def _follow(self, noun: str, header: Mapping[str, Any]) -> None:
        """Compares the sequence number with the last one of the same path, and reports a gap."""
        path = noun, header.get("link"), header.get("receiver")
        session, due = self._expected.pop(path, ("", 0))
        if len(self._expected) >= MAX_PATHS:
            del self._expected[next(iter(self._expected))]
        self._expected[path] = header["session"], header["seq"] + 1
        missed = header["seq"] - due
        if session == header["session"] and missed > 0:
            self.missed += missed
            if self._on_gap is not None:
                self._on_gap(Gap(noun, session, due, missed, path[1], path[2]))

    def _timed_out(self) -> str:
        feeds = sorted((feed for _, feed in self._sockets), key=lambda feed: feed.noun)
        places = " or ".join(f"{feed.noun} at {feed.address}" for feed in feeds)
        servers = " and ".join(dict.fromkeys(feed.endpoint.server for feed in feeds))
        running = "are" if " and " in servers else "is"
        return f"no {places} within {self._timeout_s:g} s, {self.seen} seen: {running} the {servers} running?"


def subscribe(
    context: zmq.Context[zmq.Socket[bytes]], addresses: Mapping[Endpoint, str], queue: int = QUEUE
) -> zmq.Socket[bytes]:
    """A SUB socket for all that is published at ``addresses``, by endpoint; ``queue`` messages wait for a reader.

    Raises EndpointError for an impossible address or a key that does not open an endpoint, SettingError for a queue
    that is none.
    """
    if not isinstance(queue, int) or not 1 <= queue <= MAX_QUEUE:
        raise SettingError(f"a queue is for 1 … {MAX_QUEUE} messages, not {queue!r}")
    socket = endpoints.open_socket(context, zmq.SUB, high_water_mark=queue)
    try:
        socket.subscribe(b"")
        for endpoint, address in addresses.items():
            endpoints.connect(socket, address, endpoint.name)
    except BaseException:
        with contextlib.suppress(zmq.ZMQError):
            socket.close()
        raise
    return socket


def check_seconds(timeout_s: float | None) -> float | None:
    """A time-out as it came. Raises SettingError unless it is None or a finite number of seconds, at least 0."""
    number = isinstance(timeout_s, int | float) and not isinstance(timeout_s, bool)
    if timeout_s is not None and not (number and math.isfinite(timeout_s) and timeout_s >= 0):
        raise SettingError(f"a time-out is a number of seconds, at least 0, or None, not {timeout_s!r}")
    return timeout_s

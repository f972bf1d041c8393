"""The client of a running system: looks at what its services publish, and reads and changes their settings."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
import zmq

from common import control, wire
from common.doors import open_context
from common.endpoints import CONTROLS, PREVIEW, RESULTS, TAP, Endpoint, address_of, check_address
from common.errors import EndpointError, SettingError
from common.knobs import Change, Value
from gvsc.client import preview, result, settings, tapped
from gvsc.client.preview import Preview
from gvsc.client.result import Result
from gvsc.client.settings import Setting
from gvsc.client.stream import QUEUE, Feed, Gap, Stream, check_seconds
from gvsc.client.tapped import TappedBurst

CONTROL_TIMEOUT_S: Final = 5.0
"""How long a service has for an answer, in seconds."""

SERVICES: Final = tuple(CONTROLS)
"""Names of the services that can be asked: transmitter, channel, receiver."""

Refused = Callable[[str], None]
Missed = Callable[[Gap], None]


class Client:
    """A viewer of a running system. A context manager; see docs/client.md.

    It may be shared by threads. Each stream that it makes is used by one thread at a time. ``close``, or the end of the
    ``with`` block, ends all its streams.
    """

    def __init__(
        self,
        addresses: Mapping[Endpoint, str] | None = None,
        *,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Opens nothing yet but a context.

        Args:
            addresses: endpoint -> address, of ``common.endpoints``; others are the environment's (``GVSC_TAP`` …), else
                on loopback.
            context: a ZeroMQ context to share, left open; default: one of its own, with the viewer's key where
                ``GVSC_KEYS`` names a folder of keys, or the only key that is there.
            timeout_s: seconds that a service has for an answer; default 5.

        Raises:
            EndpointError, KeysError, SettingError
        """
        self._addresses = {endpoint: check_address(address) for endpoint, address in (addresses or {}).items()}
        self._timeout_s = check_seconds(timeout_s)
        self._owned = context is None
        self._context = open_context() if context is None else context
        self._streams: weakref.WeakSet[Stream[Any]] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends all streams; a request that waits in another thread fails with EndpointError. May be called twice."""
        with self._lock:
            self._closed = True
            streams = list(self._streams)
        for stream in streams:
            stream.close()
        if self._owned:
            self._context.term()

    def address(self, endpoint: Endpoint) -> str:
        """Where this client looks for an endpoint. Raises EndpointError where the environment names no address."""
        return self._addresses.get(endpoint) or address_of(endpoint)

    # what is published

    def bursts(
        self,
        *,
        link: int | str | None = None,
        timeout_s: float | None = None,
        queue: int = QUEUE,
        on_refused: Refused | None = None,
        on_gap: Missed | None = None,
    ) -> Stream[TappedBurst]:
        """Bursts before and after the channel, once for each link.

        Args:
            link: only the link of this number, or to the receiver of this name; a name of digits means either.
            timeout_s: the longest wait for one, in seconds; default: for ever.
            queue: messages that wait on this side for the reader; beyond that some are missed.
            on_refused: called with the reason for each message that fails its checks and is left out.
            on_gap: called with each jump in the sequence numbers of a link.

        Raises:
            EndpointError, SettingError
        """
        return self._stream([self._bursts(link)], timeout_s, queue, on_refused, on_gap)

    def previews(
        self,
        *,
        timeout_s: float | None = None,
        queue: int = QUEUE,
        on_refused: Refused | None = None,
        on_gap: Missed | None = None,
    ) -> Stream[Preview]:
        """Source clips as they leave the transmitter. Arguments and errors as for ``bursts``."""
        return self._stream([self._previews()], timeout_s, queue, on_refused, on_gap)

    def results(
        self,
        *,
        receiver: str | None = None,
        timeout_s: float | None = None,
        queue: int = QUEUE,
        on_refused: Refused | None = None,
        on_gap: Missed | None = None,
    ) -> Stream[Result]:
        """Reconstructions, of the receiver of that name alone where one is given. Otherwise as ``bursts``."""
        return self._stream([self._results(receiver)], timeout_s, queue, on_refused, on_gap)

    def events(
        self,
        *,
        bursts: bool = True,
        previews: bool = True,
        results: bool = True,
        link: int | str | None = None,
        receiver: str | None = None,
        timeout_s: float | None = None,
        queue: int = QUEUE,
        on_refused: Refused | None = None,
        on_gap: Missed | None = None,
    ) -> Stream[TappedBurst | Preview | Result]:
        """Bursts, previews and results in one stream, each kind in its own order. Arguments as for ``bursts`` and
        ``results``; the time-out is for the next of any kind."""
        feeds: list[Feed[Any]] = []
        if bursts:
            feeds.append(self._bursts(link))
        if previews:
            feeds.append(self._previews())
        if results:
            feeds.append(self._results(receiver))
        if not feeds:
            raise SettingError("a stream of events takes bursts, previews or results")
        return self._stream(feeds, timeout_s, queue, on_refused, on_gap)

    # control

    def status(self, service: str, *, timeout_s: float | None = None) -> dict[str, Any]:
        """What a service has counted, and its settings, by name. Raises as ``ask``."""
        return self.ask(service, "status", timeout_s=timeout_s)

    def settings(self, service: str, *, link: int | str | None = None) -> dict[str, Setting]:
        """All live settings of a service by name, of one link of the channel where ``link`` is given. Raises as
        ``ask``."""
        return settings.settings_of(self.ask(service, "get", **_given(link=link)))

    def get(self, service: str, key: str, *, link: int | str | None = None) -> Value:
        """The value of a setting now; None means "auto". Raises as ``ask``."""
        return settings.value_of(self.ask(service, "get", key=key, **_given(link=link)))

    def set(
        self, service: str, key: str, value: Value, *, from_seq: int | None = None, link: int | str | None = None
    ) -> Change:
        """Changes a setting, and returns (key, old, new, first_seq): it holds from burst ``first_seq`` on.

        Args:
            value: None means "auto" where the setting takes that.
            from_seq: the first burst that it holds for; default: the next one.
            link: only that link of the channel, by number or receiver's name; default: all, and those to come.

        Raises as ``ask``.
        """
        fields = {"key": key, "value": value, **_given(from_seq=from_seq, link=link)}
        return settings.change_of(self.ask(service, "set", **fields))

    def ramp(
        self,
        service: str,
        key: str,
        stop: float,
        seconds: float,
        *,
        start: float | None = None,
        link: int | str | None = None,
    ) -> Change:
        """Moves a number from ``start`` (default: where it is) to ``stop`` over ``seconds`` of wall time, linearly, a
        new value for each burst. Returns and raises as ``set``."""
        fields = {"key": key, "start": start, "stop": stop, "seconds": seconds, **_given(link=link)}
        return settings.change_of(self.ask(service, "ramp", **fields))

    def ask(self, service: str, op: str, *, timeout_s: float | None = None, **fields: Any) -> dict[str, Any]:
        """One control request with these fields, as docs/protocol.md has it; returns the reply's ``result``.

        Raises:
            SettingError: no service has that name.
            EndpointError: nobody answers within ``timeout_s`` seconds (default: the client's), or the client is closed.
            ProtocolError: a field or the reply is not as the protocol has it.
            GvscError: the service refuses, in its words.
        """
        if service not in CONTROLS:
            raise SettingError(f"no service is called {service!r}; there are: {', '.join(SERVICES)}")
        limit_s = check_seconds(self._timeout_s if timeout_s is None else timeout_s)
        address = self.address(CONTROLS[service])
        if self._closed:
            raise EndpointError("the client is closed")
        request = {"op": op, **{name: _plain(value) for name, value in fields.items()}}
        try:
            return control.ask(
                self._context, service, address, request, CONTROL_TIMEOUT_S if limit_s is None else limit_s
            )
        except zmq.ZMQError as error:
            why = "the client was closed" if self._closed else str(error)
            raise EndpointError(f"{service} control: {why}") from None

    def _stream(
        self,
        feeds: list[Feed[Any]],
        timeout_s: float | None,
        queue: int,
        on_refused: Refused | None,
        on_gap: Missed | None,
    ) -> Stream[Any]:
        with self._lock:
            if self._closed:
                raise EndpointError("the client is closed")
            stream: Stream[Any] = Stream(
                self._context, feeds, timeout_s=timeout_s, queue=queue, on_refused=on_refused, on_gap=on_gap
            )
            self._streams.add(stream)
        return stream

    def _bursts(self, link: int | str | None) -> Feed[TappedBurst]:
        return Feed(TAP, self.address(TAP), "tap", "burst", tapped.from_message, _of_link(link))

    def _previews(self) -> Feed[Preview]:
        return Feed(PREVIEW, self.address(PREVIEW), "preview", "preview", preview.from_message)

    def _results(self, receiver: str | None) -> Feed[Result]:
        if receiver is not None and not wire.is_name(receiver):
            raise SettingError(f"no receiver can be called {receiver!r}")
        return Feed(
            RESULTS,
            self.address(RESULTS),
            "result",
            "result",
            result.from_message,
            lambda header: receiver in (None, header["receiver"]),
        )


def _given(**fields: Any) -> dict[str, Any]:
    """Those that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def _plain(value: Any) -> Any:
    """A numpy scalar as Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def _of_link(link: int | str | None) -> Callable[[Mapping[str, Any]], bool]:
    """Selects the headers of one link. Raises SettingError for what is neither a number of a link nor a name."""
    if link is None:
        return lambda header: True
    number = isinstance(link, int) and not isinstance(link, bool) and 1 <= link <= wire.MAX_LINKS
    if not number and not wire.is_name(link):
        raise SettingError(f"a link is a number of 1 … {wire.MAX_LINKS} or a receiver's name, not {link!r}")
    if number:
        return lambda header: bool(header["link"] == link)
    return lambda header: link in (str(header["link"]), header["receiver"])

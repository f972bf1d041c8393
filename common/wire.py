"""Wire protocol version 3: the one module that builds, checks and opens messages. Specified in docs/protocol.md.

A message is ``[header, payload, ...]``: a small msgpack map, then raw frames that are never copied or interpreted here
beyond their length. Everything that arrives is hostile until it has passed ``receive`` or ``decode``: frame count,
header size, version, kind, the type and range of every field, and the length of every payload are checked before any
array is made. A message that fails raises ProtocolError; the caller counts it and goes on.

This module imports neither torch nor scipy, so that the channel process stays small.
"""

from __future__ import annotations

import math
import re
import reprlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgpack
import numpy as np
import zmq
from numpy.typing import NDArray

from common.errors import ProtocolError

VERSION: Final = 3

MAX_SAMPLES: Final = 1 << 22
"""Most complex samples in one message (32 MiB)."""

MAX_HEADER_BYTES: Final = 16384
"""Largest msgpack header."""

MAX_FRAME_BYTES: Final = 64 << 20
"""ZMQ_MAXMSGSIZE of every socket that receives: libzmq closes a connection that sends a larger frame."""

MAX_TEXT: Final = 1024
"""Characters of a description, or of a message for a person."""

MAX_NAME: Final = 64
"""Characters of the name of a section, a scheme, a mode, a generator, a task."""

MAX_LINKS: Final = 64
"""Most receivers that one channel serves."""

SAMPLE_DTYPE: Final = np.dtype("<c8")
"""Payload samples: little-endian complex64, interleaved I and Q ("cf32_le")."""

_BYTES_PER_SAMPLE: Final = 8
MAX_SECTIONS: Final = 16
"""Most sections of a burst that a result tells of."""

_MAX_PAYLOADS: Final = 1 + MAX_SECTIONS
_MAX_SEQUENCE: Final = (1 << 63) - 1

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Check = Callable[[Any], bool]


def _integer(low: int, high: int) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _number_or_nil(value: Any) -> bool:
    return value is None or _number(value)


def _text(limit: int) -> Check:
    return lambda value: isinstance(value, str) and len(value) <= limit


def _text_or_nil(limit: int) -> Check:
    return lambda value: value is None or (isinstance(value, str) and len(value) <= limit)


def _session(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 16 and all(c in "0123456789abcdef" for c in value)


def is_name(value: Any) -> bool:
    """Whether a receiver may be called so: 1 to 64 letters, digits, ".", "_" or "-", the first a letter or a digit."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _list_of(check: Check, limit: int) -> Check:
    return lambda value: isinstance(value, list) and len(value) <= limit and all(map(check, value))


def _scalar(value: Any) -> bool:
    return _flag(value) or _number_or_nil(value) or _text(256)(value)


def _durations(value: Any) -> bool:
    return isinstance(value, dict) and len(value) <= 32 and all(_text(32)(k) and _number(v) for k, v in value.items())


def _result(value: Any) -> bool:
    return isinstance(value, dict) and _plain(value, 8)


def _plain(value: Any, depth: int) -> bool:
    """Whether a value is text, a number, a switch, nil, or lists and maps of these, at most ``depth`` deep."""
    if isinstance(value, dict):
        return depth > 0 and all(isinstance(k, str) and _plain(v, depth - 1) for k, v in value.items())
    if isinstance(value, list):
        return depth > 0 and all(_plain(v, depth - 1) for v in value)
    return _flag(value) or _number_or_nil(value) or isinstance(value, str)


_SEQUENCE = _integer(0, _MAX_SEQUENCE)
_SAMPLES = _integer(0, MAX_SAMPLES)
_SHAPE = _list_of(_integer(0, 4096), 4)


@dataclass(frozen=True)
class Kind:
    """What one kind of message holds: its fields, those that may be left out, the length of each payload in bytes."""

    fields: Mapping[str, Check]
    optional: Mapping[str, Check] = field(default_factory=dict)
    payload_bytes: Callable[[Mapping[str, Any]], tuple[int, ...]] = lambda header: ()


def _samples_payload(count: int) -> Callable[[Mapping[str, Any]], tuple[int, ...]]:
    return lambda header: (header["samples"] * _BYTES_PER_SAMPLE,) * count


def _video_payload(header: Mapping[str, Any]) -> tuple[int, ...]:
    return (_bytes_of(header["shape"]),)


def _result_payloads(header: Mapping[str, Any]) -> tuple[int, ...]:
    """The video, then the picture of each section that has one."""
    pictures = [section["shape"] for section in header["sections"] if section["shape"]]
    return tuple(map(_bytes_of, (header["shape"], *pictures)))


def _bytes_of(shape: Sequence[int]) -> int:
    return math.prod(shape) if shape else 0


def _modes(value: Any) -> bool:
    return (
        isinstance(value, dict) and len(value) <= MAX_SECTIONS and all(map(_text(MAX_NAME), (*value, *value.values())))
    )


_SECTION: Final[Mapping[str, Check]] = {
    "name": _text(MAX_NAME),
    "modality": _text(32),
    "snr_db": _number_or_nil,
    "failed": _flag,
    "shape": _list_of(_integer(1, 65536), 3),
}


def _section(value: Any) -> bool:
    """Whether a map tells of one section that arrived, with exactly these fields."""
    return isinstance(value, dict) and value.keys() == _SECTION.keys() and all(c(value[k]) for k, c in _SECTION.items())


_CF32 = {"dtype": lambda value: value == "cf32_le"}
_ABOUT_A_BURST = {"session": _session, "seq": _SEQUENCE}
_LINK = _integer(1, MAX_LINKS)
_NAMES = _list_of(is_name, MAX_LINKS)

DISMISSALS: Final = ("replaced", "full")
"""Why a channel sends a receiver away: a newer one has joined under its name; there is no link left."""

KINDS: Final[Mapping[str, Kind]] = {
    # transmitter -> channel -> receiver
    "burst": Kind({**_ABOUT_A_BURST, "samples": _SAMPLES, **_CF32}, payload_bytes=_samples_payload(1)),
    "probe": Kind({"session": _session, "probe": _SEQUENCE, "links": _NAMES}),
    # receiver -> channel, and back
    "join": Kind({"name": is_name, "life": _session}),
    "joined": Kind({"link": _LINK}),
    "dismissed": Kind({"reason": lambda value: value in DISMISSALS}),
    # receiver -> transmitter
    "hello": Kind({"name": is_name}),
    "ack": Kind(
        {
            **_ABOUT_A_BURST,
            "name": is_name,
            "snr_db": _number_or_nil,
            "failed": _list_of(_text(MAX_NAME), MAX_SECTIONS + 4),
            "gaps": _SEQUENCE,
        }
    ),
    "pong": Kind(
        {
            "session": _session,
            "probe": _SEQUENCE,
            "name": is_name,
            "links": _NAMES,
            "holding": _list_of(_SEQUENCE, 1024),
            "gaps": _SEQUENCE,
        }
    ),
    # channel -> anyone: the samples before and after one receiver's link
    "tap": Kind(
        {
            **_ABOUT_A_BURST,
            "samples": _SAMPLES,
            **_CF32,
            "link": _LINK,
            "receiver": is_name,
            "snr_set_db": _number,
            "gain_db": _number_or_nil,
            "model": _text(MAX_NAME),
        },
        payload_bytes=_samples_payload(2),
    ),
    # transmitter -> viewers: the source clip
    "preview": Kind(
        {
            **_ABOUT_A_BURST,
            "clip": _SEQUENCE,
            "name": _text(256),
            "caption": _text(MAX_TEXT),
            "sent": _text(MAX_TEXT),
            "scheme": _text(MAX_NAME),
            "modes": _modes,
            "tx_snr_db": _number,
            "seconds": _durations,
            "shape": _SHAPE,
        },
        payload_bytes=_video_payload,
    ),
    # receiver -> viewers: the reconstruction, what arrived of each section, pictures of those that are (else no shape)
    "result": Kind(
        {
            **_ABOUT_A_BURST,
            "receiver": is_name,
            "clip": _number_or_nil,
            "scheme": _text_or_nil(MAX_NAME),
            "snr_db": _number_or_nil,
            "text": _text_or_nil(MAX_TEXT),
            "text_ok": _flag,
            "failed": _list_of(_text(MAX_NAME), MAX_SECTIONS + 4),
            "generator": _text_or_nil(MAX_NAME),
            "task": _text_or_nil(MAX_NAME),
            "seconds": _durations,
            "gaps": _SEQUENCE,
            "shape": _SHAPE,
            "sections": _list_of(_section, MAX_SECTIONS),
        },
        payload_bytes=_result_payloads,
    ),
    # anyone -> any of the three, and back
    "request": Kind(
        {"op": lambda value: value in ("get", "set", "ramp", "status")},
        optional={
            "key": _text(MAX_NAME),
            "value": _scalar,
            "start": _number_or_nil,
            "stop": _number,
            "seconds": _number,
            "from_seq": _SEQUENCE,
            "link": lambda value: _LINK(value) or is_name(value),
        },
    ),
    "reply": Kind({"ok": _flag}, optional={"error": _text(MAX_TEXT), "result": _result}),
}


@dataclass(frozen=True)
class Message:
    """A checked message: ``header`` holds exactly the fields of its kind; payloads are read-only views, not copies."""

    kind: str
    header: Mapping[str, Any]
    payloads: tuple[memoryview, ...] = ()
    packed: memoryview | bytes = b""
    """The header frame as it came, for whoever hands the message on as it is."""

    def samples(self, index: int = 0) -> NDArray[np.complex64]:
        """Payload ``index`` as complex64 (n,), a view on the message's own memory."""
        return np.frombuffer(self.payloads[index], dtype=SAMPLE_DTYPE)

    def video(self) -> NDArray[np.uint8] | None:
        """Of a preview or a result: its video, uint8 (F, H, W, 3), or None where the shape is empty."""
        return self._picture(0, self.header["shape"]) if self.header["shape"] else None

    def section_pictures(self) -> dict[str, NDArray[np.uint8]]:
        """Of a result: the picture of each section that has one, by its name, uint8 (H, W) or (H, W, 3)."""
        shown = [section for section in self.header["sections"] if section["shape"]]
        return {part["name"]: self._picture(number, part["shape"]) for number, part in enumerate(shown, 1)}

    def _picture(self, index: int, shape: Sequence[int]) -> NDArray[np.uint8]:
        return np.frombuffer(self.payloads[index], dtype=np.uint8).reshape(shape)


def new_session() -> str:
    """A name for one life of a transmitter: 16 hexadecimal digits."""
    return secrets.token_hex(8)


def encode_header(kind: str, fields: Mapping[str, Any]) -> bytes:
    """The header frame of one message. Fields are checked on the way out too, so that no process can send what it
    would not accept. Raises ProtocolError."""
    header = {"v": VERSION, "kind": kind, **fields}
    _check_fields(header)
    packed: bytes = msgpack.packb(header)
    if len(packed) > MAX_HEADER_BYTES:
        raise ProtocolError(f"a {kind} header of {len(packed)} bytes is larger than {MAX_HEADER_BYTES}")
    return packed


def encode(kind: str, fields: Mapping[str, Any], payloads: Sequence[Any] = ()) -> list[Any]:
    """All frames of one message. ``payloads`` are C-contiguous arrays or bytes, handed on without a copy."""
    frames = [encode_header(kind, fields), *payloads]
    # A message has at least one payload frame, so that every reader can rely on [header, payload].
    return frames if payloads else [*frames, b""]


def decode(frames: Sequence[Any], allowed: Sequence[str]) -> Message:
    """Checks the frames (bytes or zmq.Frame) of one message and opens it. Raises ProtocolError.

    ``allowed`` names the kinds that this socket accepts.
    """
    if not 2 <= len(frames) <= 1 + _MAX_PAYLOADS:
        raise ProtocolError(f"a message has 2 to {1 + _MAX_PAYLOADS} frames, not {len(frames)}")
    buffers = [memoryview(f.buffer if isinstance(f, zmq.Frame) else f) for f in frames]
    header = _unpack_header(buffers[0])
    if header.get("v") != VERSION:
        raise ProtocolError(f"protocol version {reprlib.repr(header.get('v'))}: this side speaks version {VERSION}")
    kind = header.get("kind")
    if not isinstance(kind, str) or kind not in allowed:
        raise ProtocolError(f"a message of kind {reprlib.repr(kind)} on a socket that takes {', '.join(allowed)}")
    _check_fields(header)
    want = KINDS[kind].payload_bytes(header) or (0,)
    have = tuple(buffer.nbytes for buffer in buffers[1:])
    if have != want:
        raise ProtocolError(f"{kind}: payloads of {list(have)} bytes where the header says {list(want)}")
    payloads = tuple(buffers[1:]) if KINDS[kind].payload_bytes(header) else ()
    return Message(kind, header, payloads, buffers[0])


def receive(socket: zmq.Socket[bytes], allowed: Sequence[str], flags: int = 0) -> Message:
    """Receives and checks one message, without copying its payload. Raises ProtocolError, zmq.Again as the socket does.

    Frames beyond the most that a message may have are read and dropped one at a time, not gathered.
    """
    return decode(_receive_frames(socket, 1 + _MAX_PAYLOADS, flags), allowed)


def receive_from(socket: zmq.Socket[bytes], allowed: Sequence[str], flags: int = 0) -> tuple[bytes, Message]:
    """As ``receive``, from a ROUTER: the connection that the message came over, and the message."""
    peer, *frames = _receive_frames(socket, 2 + _MAX_PAYLOADS, flags)
    return peer.bytes, decode(frames, allowed)


def _receive_frames(socket: zmq.Socket[bytes], limit: int, flags: int) -> list[zmq.Frame]:
    """All frames of one message, but at most one more than ``limit``."""
    frames = [socket.recv(flags, copy=False)]
    while socket.getsockopt(zmq.RCVMORE):
        frame = socket.recv(copy=False)
        if len(frames) <= limit:
            frames.append(frame)
    return frames


def send(
    socket: zmq.Socket[bytes], kind: str, fields: Mapping[str, Any], payloads: Sequence[Any] = (), flags: int = 0
) -> None:
    """Sends one message without copying its payload: the arrays must not be written to afterwards."""
    socket.send_multipart(encode(kind, fields, payloads), flags=flags, copy=False)


def send_to(socket: zmq.Socket[bytes], peer: bytes, kind: str, fields: Mapping[str, Any], flags: int = 0) -> None:
    """Sends one message without a payload from a ROUTER over the connection ``peer``."""
    socket.send_multipart([peer, *encode(kind, fields)], flags=flags)


def _unpack_header(buffer: memoryview) -> dict[str, Any]:
    if not 0 < buffer.nbytes <= MAX_HEADER_BYTES:
        raise ProtocolError(f"a header has 1 to {MAX_HEADER_BYTES} bytes, not {buffer.nbytes}")
    try:
        header = msgpack.unpackb(
            buffer, max_str_len=MAX_HEADER_BYTES, max_bin_len=0, max_ext_len=0, max_array_len=1024, max_map_len=256
        )
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise ProtocolError(f"the header is not valid msgpack: {type(error).__name__}") from None
    if not isinstance(header, dict) or not all(isinstance(key, str) for key in header):
        raise ProtocolError("the header is not a map with text keys")
    return header


def _check_fields(header: Mapping[str, Any]) -> None:
    kind = KINDS[header["kind"]]
    for name, check in kind.fields.items():
        if name not in header:
            raise ProtocolError(f"{header['kind']}: field {name!r} is missing")
        if not check(header[name]):
            raise ProtocolError(f"{header['kind']}: field {name!r} may not be {reprlib.repr(header[name])}")
    for name, value in header.items():
        if name in kind.fields or name in ("v", "kind"):
            continue
        if name not in kind.optional:
            raise ProtocolError(f"{header['kind']}: unknown field {name[:60]!r}")
        if not kind.optional[name](value):
            raise ProtocolError(f"{header['kind']}: field {name!r} may not be {reprlib.repr(value)}")

"""H.264 and H.265: a clip to at most so many bytes, and back from as many of them as arrived.

The encoders are x264 and x265 through FFmpeg, single-threaded: the same bytes every time. Their settings (:data:`H264`,
:data:`H265`) are the same for every clip, and so are the parameter sets (SPS, PPS, VPS) for clips of one shape. Both
ends make these from a grey clip; on the air are slices alone, one NAL unit for each frame, in the order of decoding:

    check (1 byte) | F·length + number, NAL unit | F·length + number, NAL unit | … | zeros

``check`` is a sum over settings and parameter sets: ends with other versions of an encoder notice. In front of each NAL
unit stands its length, with which of the F frames it is, in base 128, least significant part first, the high bit
telling that there is more. SEI is not sent.

**Rate control** is a search over one level of quality (:data:`LEVELS`): up to 51 it is the constant rate factor, beyond
it the least quantiser rises until every block has the coarsest. A clip that even then does not fit is sent as far as it
fits.

**Errors.** What arrives is a prefix (:class:`common.coding.transport.Decoded`), decoded as far as it is whole; each
frame that is missing shows the one before it, or else the one after it, or mid-grey. Parameter sets from the air are
not listened to, so nothing that arrives can make the decoder allocate more than frames of the shape that is asked for.
"""

from __future__ import annotations

import math
import re
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

import av
import av.error
import numpy as np
from av.codec.codec import UnknownCodecError
from av.codec.context import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from common.codecs import yuv
from common.conventions import FPS
from common.errors import PackageError, SchemeError

Video = NDArray[np.uint8]

GREY: Final = 128

COARSEST: Final = 51.0
"""Largest constant rate factor, and largest quantiser."""

LEVELS: Final = (*np.arange(4.0, COARSEST, 0.125).tolist(), *np.arange(COARSEST, 64.0).tolist())
"""Levels of quality, finest first. Below a rate factor of 4 x264 nears lossless coding, which has other parameter sets.
Beyond COARSEST the least quantiser rises, from 40 to 51."""

ENOUGH: Final = 0.985
"""The search for a level ends where this part of the budget is used."""

_FIRST_LEVEL: Final = 40.0
_HALVES_EVERY: Final = 6.0
"""Levels that halve the bytes, roughly: six steps of the quantiser double its width. The next level is guessed so …"""
_GUESSES: Final = 6
"""… for so many encodings, and then found by halving what is left."""

_FORMAT: Final = "yuv420p"
_START_CODE: Final = re.compile(b"\x00\x00\x00\x01|\x00\x00\x01")
_MOST_LENGTH_BYTES: Final = 5


@dataclass(frozen=True)
class Standard:
    """``options`` are FFmpeg's for the encoder; ``parameters`` the encoder's own, joined by colons."""

    name: str
    encoder: str
    decoder: str
    options: tuple[tuple[str, str], ...]
    parameters: str

    def nal_type(self, unit: bytes) -> int:
        """nal_unit_type of a NAL unit."""
        return unit[0] & 31 if self.decoder == "h264" else unit[0] >> 1 & 63

    def is_slice(self, unit: bytes) -> bool:
        """Whether a NAL unit is a slice, of any picture."""
        kind = self.nal_type(unit)
        return kind in (1, 5) if self.decoder == "h264" else kind < 32

    def is_parameter_set(self, unit: bytes) -> bool:
        """Whether a NAL unit is an SPS, PPS or VPS."""
        return self.nal_type(unit) in ((7, 8) if self.decoder == "h264" else (32, 33, 34))


_OPTIONS: Final = (("preset", "slow"), ("tune", "psnr"))
"""For the finest picture by mean square error, as it is PSNR that is compared."""
_ADAPTIVE: Final = "aq-mode=1:aq-strength=0.2"
"""So little that it costs no PSNR, but blocks round the quantiser differently: quality then moves in fine steps, where
the one quantiser of a picture moves the bytes by 12 % a step."""

# Key frames at cuts alone. `stitchable` keeps what differs between clips out of x264's parameter sets.
H264: Final = Standard("h264", "libx264", "h264", _OPTIONS, f"{_ADAPTIVE}:keyint=infinite:stitchable=1:threads=1")
H265: Final = Standard(
    "h265",
    "libx265",
    "hevc",
    _OPTIONS,
    f"{_ADAPTIVE}:keyint=-1:info=0:pools=none:frame-threads=1:wpp=0:log-level=none",
)
STANDARDS: Final = {standard.name: standard for standard in (H264, H265)}


@dataclass(frozen=True)
class Coded:
    """``data`` has at most as many bytes as were asked for. ``fits`` is False where frames had to be left out.

    ``level`` is the one of LEVELS at which the clip was coded.
    """

    data: bytes
    fits: bool
    level: float


@dataclass(frozen=True)
class Decoded:
    """``video`` is uint8 (F, H, W, 3). ``there``, bool (F,), tells which frames were decoded; others are concealed."""

    video: Video
    there: NDArray[np.bool_]


@dataclass(frozen=True)
class _Stream:
    """``order[i]`` is the number of the frame in the i-th slice; ``parameter_sets`` are NAL units."""

    order: tuple[int, ...]
    slices: tuple[bytes, ...]
    parameter_sets: tuple[bytes, ...]

    @property
    def parts(self) -> list[bytes]:
        """What stands on the air of each slice."""
        frames = len(self.order)
        return [
            _base_128(frames * len(unit) + number) + unit for number, unit in zip(self.order, self.slices, strict=True)
        ]


def encode(video: Video, standard: Standard, budget_bytes: int) -> Coded:
    """The clip, uint8 (F, H, W, 3) with sides that are multiples of 16, in at most ``budget_bytes`` bytes.

    As fine as the search finds. Raises SchemeError where the encoder refuses such a clip or there is
    no room for a byte, PackageError where FFmpeg came without the encoder.
    """
    if budget_bytes < 1:
        raise SchemeError(f"a {standard.name} stream needs 1 byte or more, not {budget_bytes}")
    frames, height, width, _ = video.shape
    planes = yuv.from_rgb(video)
    stream, level = _search(lambda level: _encode(planes, standard, height, width, level), budget_bytes)
    agreed = _agreed(standard, frames, height, width)
    if stream.parameter_sets != agreed:
        raise SchemeError(f"the {standard.encoder} of this FFmpeg changes its parameter sets from clip to clip")
    data = bytes([_check(standard, agreed)])
    for part in stream.parts:
        if len(data) + len(part) > budget_bytes:
            return Coded(data, fits=False, level=level)
        data += part
    return Coded(data, fits=True, level=level)


def decode(data: bytes, standard: Standard, frames: int, height: int, width: int) -> Decoded:
    """A clip of that shape from the first bytes of a stream; zeros may follow it.

    Never raises for what ``data`` holds. Raises PackageError where FFmpeg came without the encoder or the decoder.
    """
    agreed = _agreed(standard, frames, height, width)
    found: dict[int, NDArray[np.uint8]] = {}
    if data[:1] == bytes([_check(standard, agreed)]):
        units = [unit for unit, _ in zip(_units(data[1:], frames), range(frames), strict=False)]
        found = _pictures(units, agreed, standard, height, width)
    planes = np.full((frames, height * width * 3 // 2), GREY, np.uint8)
    for number in range(frames):
        if found:
            before = [other for other in found if other <= number]
            planes[number] = found[max(before) if before else min(found)]
    there = np.array([number in found for number in range(frames)])
    return Decoded(yuv.to_rgb(planes, height, width), there)


def _search(encoded_at: Callable[[float], _Stream], budget_bytes: int) -> tuple[_Stream, float]:
    """The finest stream found that fits, or the coarsest of all; and its level."""
    low, high = -1, len(LEVELS)  # low and all that is finer do not fit, high and all that is coarser do
    place, tries = bisect_left(LEVELS, _FIRST_LEVEL), 0
    best: _Stream | None = None
    while high - low > 1:
        stream = encoded_at(LEVELS[place])
        used = (1 + sum(map(len, stream.parts))) / budget_bytes
        if used <= 1.0:
            best, high = stream, place
            if used >= ENOUGH:
                break
        else:
            low = place
        tries += 1
        place = (low + high) // 2
        if tries < _GUESSES:
            level = LEVELS[high if used <= 1.0 else low] + _HALVES_EVERY * math.log2(2.0 * used / (1.0 + ENOUGH))
            edge = (high - low) // 8  # the bytes do not fall evenly: some way off both ends
            place = min(max(bisect_left(LEVELS, level), low + 1 + edge), high - 1 - edge)
    if best is None:
        return encoded_at(LEVELS[-1]), LEVELS[-1]
    return best, LEVELS[high]


def _encode(planes: NDArray[np.uint8], standard: Standard, height: int, width: int, level: float) -> _Stream:
    """Frames of planes (F, H·W·3/2) at one level."""
    forced = f":qpmin={round(level - LEVELS[-1] + COARSEST)}" if level > COARSEST else ""
    try:
        context = CodecContext.create(standard.encoder, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = width, height, _FORMAT
        context.framerate, context.time_base = Fraction(FPS), 1 / Fraction(FPS)
        context.thread_count = 1
        context.options = {
            **dict(standard.options),
            "crf": f"{min(level, COARSEST):.3f}",
            f"{standard.encoder.removeprefix('lib')}-params": standard.parameters + forced,
        }
        packets: list[Packet] = []
        for number, frame in enumerate(planes):
            picture = VideoFrame.from_ndarray(frame.reshape(-1, width), format=_FORMAT)
            picture.pts = number
            packets += context.encode(picture)
        packets += context.encode(None)
    except UnknownCodecError:
        raise _missing(standard.encoder) from None
    except av.error.FFmpegError as error:
        raise SchemeError(f"{standard.encoder} refuses a clip of {width}×{height} ({error.strerror})") from None
    units = [unit for packet in packets for unit in _START_CODE.split(bytes(packet)) if unit]
    slices = tuple(unit for unit in units if standard.is_slice(unit))
    parameter_sets = tuple(dict.fromkeys(filter(standard.is_parameter_set, units)))  # again at each key frame
    order = tuple(-1 if packet.pts is None else packet.pts for packet in packets)
    if sorted(order) != list(range(len(planes))) or len(slices) != len(planes):
        raise SchemeError(f"the {standard.encoder} of this FFmpeg does not make one slice of each frame")
    return _Stream(order, slices, parameter_sets)


@lru_cache(maxsize=32)
def _agreed(standard: Standard, frames: int, height: int, width: int) -> tuple[bytes, ...]:
    """The parameter sets of all clips of that shape, from a grey one."""
    grey = np.full((frames, height * width * 3 // 2), GREY, np.uint8)
    return _encode(grey, standard, height, width, COARSEST).parameter_sets


def _check(standard: Standard, agreed: tuple[bytes, ...]) -> int:
    """One byte, not 0, that is likely another where the ends do not agree."""
    return 1 + zlib.crc32(b"".join(agreed) + repr(standard).encode()) % 255


def _base_128(value: int) -> bytes:
    made = []
    while value >= 128:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes([*made, value])


def _units(data: bytes, frames: int) -> Iterator[tuple[int, bytes]]:
    """Number and NAL unit of each frame, as far as they are whole; a length of 0 is the end."""
    start = 0
    while start < len(data):
        value = 0
        for place, byte in enumerate(data[start : start + _MOST_LENGTH_BYTES]):
            value |= (byte & 127) << 7 * place
            if byte < 128:
                break
        else:
            return
        start += place + 1
        count, number = divmod(value, frames)
        if count == 0 or start + count > len(data):
            return
        yield number, data[start : start + count]
        start += count


def _pictures(
    units: Sequence[tuple[int, bytes]], agreed: tuple[bytes, ...], standard: Standard, height: int, width: int
) -> dict[int, NDArray[np.uint8]]:
    """The planes (H·W·3/2,) of each frame that could be decoded, by its number."""
    try:
        context = CodecContext.create(standard.decoder, "r")
    except UnknownCodecError:
        raise _missing(standard.decoder) from None
    assert isinstance(context, VideoCodecContext)
    context.thread_count = 1
    # FFmpeg counts pixels with its padding. Damage is an error: frames with holes would else be shown.
    context.options = {"max_pixels": str((height + 64) * (width + 64)), "err_detect": "explode"}
    found: dict[int, NDArray[np.uint8]] = {}
    packets: list[Packet] = []
    for number, unit in units:
        if standard.is_slice(unit):  # nobody sends anything else
            sent = (unit,) if packets else (*agreed, unit)
            packet = Packet(b"".join(b"\0\0\0\1" + part for part in sent))
            packet.pts = number
            packets.append(packet)
    for taken in (*packets, None):  # None: what is still held back
        try:
            frames = context.decode(taken)
        except (av.error.FFmpegError, ValueError):
            break  # what follows refers to it
        for frame in frames:
            whole = (frame.width, frame.height, frame.format.name) == (width, height, _FORMAT)
            if whole and frame.pts is not None:
                found[frame.pts] = np.asarray(frame.to_ndarray().reshape(-1), np.uint8)
    return found


def _missing(codec: str) -> PackageError:
    return PackageError(f"this FFmpeg has no {codec}: install the av of PyPI, whose wheels bring it")

"""A video file, or a camera that has been opened, as a stream of timed frames. Only the frame at hand is ever held."""

from __future__ import annotations

import logging
import math
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from common.errors import ClipError

log = logging.getLogger(__name__)

MAX_PIXELS = 8192 * 4352
"""Largest frame that is decoded (8K fits). It bounds memory to some hundred MB, whatever a file claims to hold."""

FALLBACK_FPS = 25
"""Frame rate assumed where a file names neither timestamps nor a rate."""

JUMP_S = 1.0
"""A timestamp that falls back by more than this begins a new count (streams joined, a counter that wrapped round); one
that falls back by less is jitter, and the frame keeps the time of the one before."""

LEAP_S = 600.0
"""A timestamp in a file that leaps ahead by more than this is broken, and the frame follows the one before."""

LONGEST_STEP_S = 10.0
"""A frame rate below one frame in ten seconds is a broken header, not a rate."""

MISSING_S = 1.0
"""A file that ends earlier than its index says, by more than this, lost its end on the way; below it is rounding."""


@dataclass(frozen=True)
class TimedFrame:
    """A decoded frame, ``time_s`` seconds after the video's first, shown for about ``step_s`` seconds."""

    frame: VideoFrame
    time_s: float
    step_s: float
    pixel_aspect: float
    """Width of a pixel over its height."""
    number: int
    """Counts the frames in the order of decoding."""


def decode(path: Path, start_s: float = 0.0) -> Generator[TimedFrame]:
    """The frames of the first video in the file, in order of time; from the key frame before ``start_s`` on.

    Frames without a timestamp, or with one that starts again or leaps, follow the frame before by one frame duration.
    Packets that cannot be decoded are skipped, and how many is logged. Raises ClipError where the file cannot be
    opened, holds no video, or is larger than ``MAX_PIXELS`` a frame.
    """
    with ExitStack() as closing:
        container, stream = _open(path, closing)
        origin_s = 0.0
        sought = False
        if start_s > 0.0 and stream.start_time is not None and stream.time_base:
            origin_s = float(stream.start_time * stream.time_base)
            sought = _seek(container, stream, origin_s + start_s)
        frames = _frames(path, container, stream)
        first = next(frames, None)
        # Some files seek past what was asked for, or not at all; those are read from their beginning.
        if sought and (first is None or first.pts is None or _time_s(first, stream) > origin_s + start_s):
            sought = False
            container, stream = _open(path, closing)
            frames = _frames(path, container, stream)
            first = next(frames, None)
        if first is None:
            return
        if not sought:
            origin_s = _time_s(first, stream)
        yield from _timed(first, frames, stream, origin_s, LEAP_S)


def decode_live(name: str, container: InputContainer) -> Generator[TimedFrame]:
    """The frames of an opened device, by its own clock, from its first frame on; however long it paused in between.

    ``name`` is what messages call it. Raises ClipError where it has no video.
    """
    stream = _video_of(name, container)
    frames = _frames(name, container, stream)
    first = next(frames, None)
    if first is not None:
        yield from _timed(first, frames, stream, _time_s(first, stream), math.inf)


def _timed(
    first: VideoFrame, rest: Iterator[VideoFrame], stream: VideoStream, origin_s: float, leap_s: float
) -> Generator[TimedFrame]:
    step_s = _step_s(stream)
    pixel_aspect = _pixel_aspect(stream)
    time_s = _time_s(first, stream) - origin_s
    yield TimedFrame(first, time_s, step_s, pixel_aspect, 0)
    shift_s = -origin_s
    for number, frame in enumerate(rest, 1):
        if frame.pts is None:
            next_s = time_s + step_s
        else:
            next_s = _time_s(frame, stream) + shift_s
            if not time_s - JUMP_S <= next_s <= time_s + leap_s:
                shift_s += time_s + step_s - next_s
                next_s = time_s + step_s
        time_s = max(time_s, next_s)
        yield TimedFrame(frame, time_s, step_s, pixel_aspect, number)


def check(path: Path) -> None:
    """Looks whether there is a file with anything in it, and opens nothing. Raises ClipError where there is none."""
    try:
        if not path.is_file():
            raise ClipError(f"{path}: no such file" if not path.exists() else f"{path}: not a file")
        if path.stat().st_size == 0:
            raise ClipError(f"{path}: the file is empty")
    except OSError as error:  # a folder that may not be searched, a name longer than the file system takes
        raise ClipError(f"{path}: cannot be opened ({reason(error)})") from None


def _open(path: Path, closing: ExitStack) -> tuple[InputContainer, VideoStream]:
    """The opened container and its video stream."""
    check(path)
    try:
        # An open file instead of a name, and no protocols: a playlist inside cannot make this read other files, and a
        # name such as "http:x" or "%03d.png" means itself.
        file = closing.enter_context(path.open("rb"))
        limits = {"protocol_whitelist": "none", "max_pixels": str(MAX_PIXELS)}
        container = closing.enter_context(av.open(file, mode="r", options=limits, metadata_errors="replace"))
    except av.error.FFmpegError as error:
        raise ClipError(f"{path}: not a video that can be read ({reason(error)})") from None
    except (OSError, ValueError) as error:
        raise ClipError(f"{path}: cannot be opened ({reason(error)})") from None
    return container, _video_of(path, container)


def _video_of(name: str | Path, container: InputContainer) -> VideoStream:
    """The first real video stream (a song's cover picture is none), ready to be decoded. Raises ClipError."""
    stream = next((s for s in container.streams.video if not s.disposition & Disposition.attached_pic), None)
    if stream is None:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
        raise ClipError(f"{name}: holds no video (only {kinds})")
    if stream.codec_context is None:
        raise ClipError(f"{name}: there is no decoder for its video")
    if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
        size = f"{stream.codec_context.width}×{stream.codec_context.height}"
        raise ClipError(f"{name}: {size} is too large; at most {MAX_PIXELS} pixels a frame are decoded")
    # Holds for a picture size that changes midway, too. One thread: a damaged packet then fails by itself.
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    stream.codec_context.thread_count = 1
    return stream


def _seek(container: InputContainer, stream: VideoStream, time_s: float) -> bool:
    try:
        container.seek(int(Fraction(time_s) / (stream.time_base or 1)), stream=stream, backward=True)
    except (av.error.FFmpegError, OverflowError):
        return False
    return True


def _frames(name: str | Path, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Every frame that can be decoded. Tells about what could not, at the end."""
    damaged = 0
    last: VideoFrame | None = None
    try:
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                _tell_missing(name, container, stream, last)
                break
            except (av.error.FFmpegError, OSError, ValueError) as error:
                log.warning("%s: breaks off (%s); the frames up to there are used", name, reason(error))
                break
            try:
                frames = packet.decode()
            except av.error.EOFError:
                continue
            except (av.error.FFmpegError, ValueError):
                damaged += 1
                continue
            for frame in frames:
                if isinstance(frame, VideoFrame) and frame.width > 0 and frame.height > 0:
                    last = frame
                    yield frame
    finally:
        if damaged:
            log.warning("%s: %d damaged packets skipped", name, damaged)


def _tell_missing(name: str | Path, container: InputContainer, stream: VideoStream, last: VideoFrame | None) -> None:
    """Logs that the file ends before its index does: FFmpeg takes a cut between two packets for the end of the file.

    Only where the length stands in an index (mp4, mov): elsewhere FFmpeg may have guessed it from the bit rate.
    """
    indexed = "mp4" in container.format.name.split(",")
    if not indexed or last is None or last.pts is None or not stream.duration or not stream.time_base:
        return
    held_s = _time_s(last, stream) + _step_s(stream) - float((stream.start_time or 0) * stream.time_base)
    promised_s = float(stream.duration * stream.time_base)
    if promised_s - held_s > max(MISSING_S, float(last.duration * stream.time_base)):
        log.warning("%s: breaks off at %.2f s of %.2f s; the frames up to there are used", name, held_s, promised_s)


def _time_s(frame: VideoFrame, stream: VideoStream) -> float:
    """The frame's own timestamp in seconds, 0 where it has none."""
    base = frame.time_base or stream.time_base
    return float(frame.pts * base) if frame.pts is not None and base else 0.0


def _step_s(stream: VideoStream) -> float:
    """How long a frame lasts, in seconds, as far as the file tells."""
    rate = stream.average_rate or stream.guessed_rate
    step_s = float(1 / rate) if rate and rate > 0 else 1.0 / FALLBACK_FPS
    return step_s if step_s <= LONGEST_STEP_S else 1.0 / FALLBACK_FPS


def _pixel_aspect(stream: VideoStream) -> float:
    """Pixel aspect ratio; 1 where the file names none or one that no camera has."""
    aspect = float(stream.sample_aspect_ratio or 1)
    return aspect if 0.25 <= aspect <= 4.0 else 1.0


def reason(error: BaseException) -> str:
    """What the operating system or FFmpeg says, without the number and the name it was given."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]

"""Files to clips: which frames are taken, and what is done where a video is too short or damaged."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import av.error
import numpy as np
from numpy.typing import NDArray

from common.clip import Clip
from common.conventions import FPS, FRAMES, SIZE
from common.errors import ClipError, SettingError
from transmitter.clips.caption import sidecar_caption
from transmitter.clips.decode import TimedFrame, decode
from transmitter.clips.fit import fit
from transmitter.clips.listing import list_clips

log = logging.getLogger(__name__)

TIE_S = 1e-6
"""Two frames that are equally near up to this are a tie, and rounding does not decide it."""


def read_clip(
    path: str | Path,
    *,
    frames: int = FRAMES,
    size: tuple[int, int] = (SIZE, SIZE),
    fps: float = FPS,
    start_s: float = 0.0,
    caption: str | None = None,
    name: str | None = None,
    number: int = 0,
) -> Clip:
    """``frames`` frames at ``fps`` from a video file, the first at ``start_s`` seconds, as a clip of ``size`` = (H, W).

    For each moment ``start_s + k / fps`` the frame with the nearest timestamp is taken (of two equally near ones the
    earlier), whatever the file's own frame rate and however it varies. Rotation flags and pixel aspect are honoured;
    the centre is cropped to the wanted aspect and scaled, up where the video is smaller (both are logged when drastic).

    A video that ends early repeats its last frame, and a still picture is its one frame throughout; both are logged.
    Damaged packets are skipped and counted in the log. Decoding streams: memory is a few frames, not the video.

    ``caption`` None looks for a text file of the same name beside the video; where there is none the caption is empty.
    ``name`` defaults to the file's name without its suffix.

    Raises ClipError (one line) where the file is missing, empty, no video, too large, without a frame that can be
    decoded, or over before ``start_s``; SettingError where an argument makes no sense.
    """
    path = Path(path)
    _check(frames, size, fps, start_s)
    video = _sample(path, [start_s + k / fps for k in range(frames)], size, fps)
    if caption is None:
        caption = sidecar_caption(path)
        if not caption:
            log.warning("%s: no caption", path)
    return Clip(video=video, caption=caption, name=path.stem if name is None else name, number=number, fps=fps)


def read_clips(
    source: str | Path,
    *,
    frames: int = FRAMES,
    size: tuple[int, int] = (SIZE, SIZE),
    fps: float = FPS,
    caption: str | None = None,
) -> Iterator[Clip]:
    """Every clip of ``list_clips(source)``, read one after the other. ``caption`` takes the place of each one's own.

    In a folder, a file that cannot be read is logged and left out and the next one follows; its number is not given
    to another. Raises ClipError for a single file that cannot be read, and where not one clip of a folder could be.
    """
    single = Path(source).is_file()
    count = 0
    for ref in list_clips(source):
        try:
            clip = read_clip(
                ref.path,
                frames=frames,
                size=size,
                fps=fps,
                start_s=ref.start_s,
                caption=ref.caption if caption is None else caption,
                name=ref.name,
                number=ref.number,
            )
        except ClipError as error:
            if single:
                raise
            log.warning("left out: %s", error)
            continue
        count += 1
        yield clip
    if count == 0:
        raise ClipError(f"{source}: not one of its clips could be read")


def _check(frames: int, size: tuple[int, int], fps: float, start_s: float) -> None:
    if frames < 1:
        raise SettingError(f"a clip needs at least one frame, not {frames}")
    if len(size) != 2 or min(size) < 1:
        raise SettingError(f"a clip's size is (height, width) in pixels, not {size!r}")
    if not math.isfinite(fps) or fps <= 0:
        raise SettingError(f"fps must be a positive number, not {fps!r}")
    if not math.isfinite(start_s) or start_s < 0:
        raise SettingError(f"a clip's start must be a number of seconds from 0 on, not {start_s!r}")


def _sample(path: Path, moments: list[float], size: tuple[int, int], fps: float) -> NDArray[np.uint8]:
    """The frames nearest to ``moments`` (seconds, ascending) as uint8 (F, H, W, 3)."""
    taken: list[NDArray[np.uint8]] = []
    last: TimedFrame | None = None
    fitted: tuple[TimedFrame, NDArray[np.uint8]] | None = None
    decoded = 0

    def take(timed: TimedFrame) -> None:
        nonlocal fitted
        if fitted is None or fitted[0] is not timed:
            try:
                fitted = timed, fit(timed.frame, size, timed.pixel_aspect)
            except (av.error.FFmpegError, ValueError) as error:
                raise ClipError(f"{path}: its pictures cannot be converted to RGB ({error})") from None
        taken.append(fitted[1])

    with closing(decode(path, moments[0])) as timed_frames:
        for timed in timed_frames:
            decoded += 1
            while len(taken) < len(moments) and (moment := moments[len(taken)]) <= timed.time_s:
                nearer_last = last is not None and moment - last.time_s <= timed.time_s - moment + TIE_S
                take(last if last is not None and nearer_last else timed)
            last = timed
            if len(taken) == len(moments):
                break
    if last is None:
        raise ClipError(f"{path}: not one frame can be decoded")
    if len(taken) < len(moments):
        _tell_end(path, last, moments, fps, single=decoded == 1 and last.time_s == 0.0)
        while len(taken) < len(moments):
            take(last)
    if 2 * min(last.frame.width, last.frame.height) < min(size):
        held, wanted = f"{last.frame.width}×{last.frame.height}", f"{size[1]}×{size[0]}"
        log.warning("%s: only %s pixels, scaled up to %s", path, held, wanted)
    return np.stack(taken)


def _tell_end(path: Path, last: TimedFrame, moments: list[float], fps: float, *, single: bool) -> None:
    """Says how the clip is filled from a video that is over. Raises ClipError where it was over before the start."""
    end_s = last.time_s + last.step_s
    if moments[0] >= end_s:
        raise ClipError(f"{path}: ends at {end_s:.2f} s, before the clip's start at {moments[0]:.2f} s")
    repeated = sum(moment >= end_s for moment in moments)
    if single:
        log.warning("%s: a single picture; all %d frames of the clip are the same", path, len(moments))
    elif repeated:
        what = f"its last frame is repeated for {repeated} of {len(moments)} frames at {fps:g} fps"
        log.warning("%s: ends at %.2f s; %s", path, end_s, what)

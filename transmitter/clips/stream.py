"""Frames to clips, one after the other: how a long video is cut up.

Clip k of a video shows its seconds k·F/fps to (k + 1)·F/fps, so that played one after the other the clips last as long
as the video, and time never runs away. A clip shows one shot: the one that most of its moments fall into; moments
beyond a cut repeat the nearest picture of that shot. So a cut is seen at the border of two clips, at most
half a clip from where it was, and a shot shorter than half a clip may not be seen at all. The end of a video is such a
border too: what is left behind the last whole clip is one more clip if it fills at least half of it.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count, groupby
from pathlib import Path
from typing import Final

import av.error
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from common.clip import Clip
from common.errors import ClipError
from transmitter.clips.caption import caption_of
from transmitter.clips.cuts import THUMBNAIL, CutDetector
from transmitter.clips.decode import TimedFrame, decode
from transmitter.clips.fit import picture_of, tell_scale
from transmitter.clips.nearest import nearest
from transmitter.clips.wanted import Wanted

log = logging.getLogger(__name__)

PAUSE_S: Final = 1.0
"""A camera that gave nothing for so long was not listened to, and what comes then begins a new clip."""


@dataclass(frozen=True)
class Moment:
    """The picture nearest to one moment, uint8 (H, W, 3), and the number of the shot that it is from."""

    picture: NDArray[np.uint8]
    shot: int


def read_stream(
    path: str | Path, wanted: Wanted, *, caption: str | None, name: str, start_s: float = 0.0
) -> Generator[Clip]:
    """The clips of a video file from ``start_s`` on, decoded once from there to its end; a few frames are in memory.

    ``caption`` is that of all of them; None looks for a text file beside the video. Clips are numbered from 0; one that
    begins S seconds after ``start_s`` is called ``name@Ss``, the first ``name``. What was repeated at cuts and at the
    end, or left out there, is logged. Raises ClipError (one line) where the file cannot be read, or is over before
    ``start_s``.
    """
    shots = _Shots(str(path))
    crossed = repeated = 0
    words = ""
    try:
        with closing(decode(Path(path), start_s)) as frames:
            for number, window in enumerate(_windows(_moments(shots, frames, wanted, start_s), wanted.frames)):
                if number == 0:
                    words = caption_of(Path(path), caption)
                elif 2 * len(window) < wanted.frames:
                    rest_s = len(window) / wanted.fps
                    log.warning("%s: its last %.2f s, less than half a clip, are left out", path, rest_s)
                    break
                if len(window) < wanted.frames:
                    window += shots.ending(len(window), wanted)
                places = shown([moment.shot for moment in window])
                held = sum(place != k for k, place in enumerate(places))
                crossed, repeated = crossed + (held > 0), repeated + held
                seconds = number * wanted.frames / wanted.fps
                yield _clip(window, places, wanted, words, f"{name}@{seconds:.9g}s" if number else name, number)
    finally:
        if crossed:
            what = f"a cut fell into {crossed} of the clips; {repeated} frames there repeat one of the longer shot"
            log.warning("%s: %s", path, what)


def read_live(source: str, frames: Iterable[TimedFrame], wanted: Wanted, *, caption: str, name: str) -> Generator[Clip]:
    """The clips of a camera's frames, for as long as they come.

    Clips follow each other without gaps while the caller keeps up. After a pause of more than ``PAUSE_S`` the clip that
    was begun is dropped and the next begins with what is to be seen then, so that a slow caller does not fall behind.
    """
    number = 0
    for began_s, stretch in groupby(frames, key=_Began()):
        for window in _windows(_moments(_Shots(source), stretch, wanted, began_s), wanted.frames):
            if len(window) == wanted.frames:
                places = shown([moment.shot for moment in window])
                yield _clip(window, places, wanted, caption, name, number)
                number += 1


def shown(shots: Sequence[int]) -> list[int]:
    """Which of its moments each frame of a clip shows; ``shots`` are those of its moments, ascending.

    Only moments of the shot that has the most of them, of equally long ones the first: where a moment is of another
    shot, the nearest of this one.
    """
    longest, moments = Counter(shots).most_common(1)[0]
    first = shots.index(longest)
    return [min(max(k, first), first + moments - 1) for k in range(len(shots))]


def _clip(
    window: Sequence[Moment], places: Sequence[int], wanted: Wanted, caption: str, name: str, number: int
) -> Clip:
    video = np.stack([window[place].picture for place in places])
    return Clip(video=video, caption=caption, name=name, number=number, fps=wanted.fps)


def _windows(moments: Iterable[Moment], frames: int) -> Iterator[list[Moment]]:
    """So many moments each, the last perhaps fewer."""
    window: list[Moment] = []
    for moment in moments:
        window.append(moment)
        if len(window) == frames:
            yield window
            window = []
    if window:
        yield window


def _moments(shots: _Shots, frames: Iterable[TimedFrame], wanted: Wanted, start_s: float) -> Iterator[Moment]:
    """The moments ``start_s`` + k / fps for as long as there are frames. Raises ClipError where there is none."""
    waiting: deque[tuple[int, NDArray[np.uint8]]] = deque()
    fitted: tuple[int, NDArray[np.uint8]] | None = None
    for timed in nearest(shots.watch(frames), (start_s + k / wanted.fps for k in count())):
        if fitted is None:
            tell_scale(shots.source, timed.frame, wanted.size)
        if fitted is None or fitted[0] != timed.number:
            fitted = timed.number, picture_of(shots.source, timed, wanted.size)
        waiting.append(fitted)
        while waiting and (shot := shots.of(waiting[0][0])) is not None:
            yield Moment(waiting.popleft()[1], shot)
    shots.finish(start_s)
    while waiting and (shot := shots.of(waiting[0][0])) is not None:
        yield Moment(waiting.popleft()[1], shot)


class _Shots:
    """Numbers the shots of frames that go by."""

    def __init__(self, source: str) -> None:
        """``source`` is what messages call it."""
        self.source = source
        self._last: TimedFrame | None = None
        self._detector = CutDetector()
        self._scaler = VideoReformatter()
        self._begins: deque[bool] = deque()
        self._next = 0
        self._shot = 0

    def watch(self, frames: Iterable[TimedFrame]) -> Iterator[TimedFrame]:
        """The frames as they are, seen on their way. Raises ClipError where one cannot be converted to RGB."""
        for timed in frames:
            if self._last is None:
                self._next = timed.number
            self._last = timed
            self._begins.extend(self._detector.push(self._thumbnail(timed)))
            yield timed

    def finish(self, start_s: float) -> None:
        """No more frames come. Raises ClipError where none came, or all before ``start_s``."""
        if self._last is None:
            raise ClipError(f"{self.source}: not one frame can be decoded")
        end_s = self._last.time_s + self._last.step_s
        if start_s >= end_s:
            raise ClipError(f"{self.source}: ends at {end_s:.2f} s, before the clip's start at {start_s:.2f} s")
        self._begins.extend(self._detector.finish())

    def ending(self, moments: int, wanted: Wanted) -> list[Moment]:
        """The very last frame as often as a clip of so many ``moments`` lacks; tells of it."""
        assert self._last is not None
        if self._last.number == 0:
            log.warning("%s: a single picture; all %d frames of the clip are the same", self.source, wanted.frames)
        else:
            end_s = self._last.time_s + self._last.step_s
            missing = f"{wanted.frames - moments} of {wanted.frames} frames at {wanted.fps:g} fps"
            log.warning("%s: ends at %.2f s; its last frame is repeated for %s", self.source, end_s, missing)
        shot = self.of(self._last.number)
        assert shot is not None
        return [Moment(picture_of(self.source, self._last, wanted.size), shot)] * (wanted.frames - moments)

    def of(self, number: int) -> int | None:
        """The shot of the frame of that number, None where it is not certain yet. Asked in ascending order."""
        while self._next <= number and self._begins:
            self._shot += self._begins.popleft()
            self._next += 1
        return self._shot if number < self._next else None

    def _thumbnail(self, timed: TimedFrame) -> NDArray[np.uint8]:
        width, height = THUMBNAIL
        try:
            small = self._scaler.reformat(timed.frame, width=width, height=height, format="rgb24", threads=1)
        except (av.error.FFmpegError, ValueError) as error:
            raise ClipError(f"{self.source}: its pictures cannot be converted to RGB ({error})") from None
        return np.asarray(small.to_ndarray(), dtype=np.uint8)


class _Began:
    """A key for groupby: when the frames began to come that the frame belongs to, without a pause."""

    def __init__(self) -> None:
        self._began_s: float | None = None
        self._last_s = 0.0

    def __call__(self, timed: TimedFrame) -> float:
        if self._began_s is None or timed.time_s - self._last_s > PAUSE_S + timed.step_s:
            self._began_s = timed.time_s
        self._last_s = timed.time_s
        return self._began_s

"""Which frames of a video are taken: for each moment the one with the nearest timestamp."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from transmitter.clips.decode import TimedFrame

TIE_S: Final = 1e-6
"""Two frames that are equally near up to this are a tie, and rounding does not decide it."""


def nearest(frames: Iterable[TimedFrame], moments: Iterable[float]) -> Iterator[TimedFrame]:
    """For each of ``moments`` (seconds, ascending) the frame nearest to it, of two equally near ones the earlier.

    Ends where the moments do, or with the last moment that lies within the duration of the last frame. Reads one frame
    beyond what it gives, and holds two.
    """
    awaited = iter(moments)
    moment = next(awaited, None)
    last: TimedFrame | None = None
    for timed in frames:
        while moment is not None and moment <= timed.time_s:
            nearer_last = last is not None and moment - last.time_s <= timed.time_s - moment + TIE_S
            yield last if last is not None and nearer_last else timed
            moment = next(awaited, None)
        if moment is None:
            return
        last = timed
    while last is not None and moment is not None and moment < last.time_s + last.step_s:
        yield last
        moment = next(awaited, None)

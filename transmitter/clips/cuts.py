"""Where a video cuts from one shot to the next, found as its frames go by."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

THUMBNAIL: Final = (32, 18)
"""Width and height of the tiny pictures that are compared: enough to see a cut."""

AHEAD: Final = 12
"""Frames before and after a place that tell how calm the video is there; so late a cut is certain."""

_SOFT_CUT: Final = 9.0
_SOFT_RATIO: Final = 4.0
_HARD_CUT: Final = 25.0
_HARD_RATIO: Final = 2.0


class CutDetector:
    """Tells of each frame whether it begins a new shot, ``AHEAD`` frames late. Holds one thumbnail and 25 numbers.

    A cut is a change of the thumbnail by more than 25 of 255 in the mean and twice the median change of the frames
    around it, or by more than 9 and four times that median. The ratios keep steady motion, noise and videos of few
    frames a second, where every frame differs much from the one before, from being cut to pieces.
    """

    def __init__(self) -> None:
        self._last: NDArray[np.int16] | None = None
        self._changes: deque[float] = deque(maxlen=2 * AHEAD + 1)
        self._undecided = 0

    def push(self, thumbnail: NDArray[np.uint8]) -> list[bool]:
        """Takes the next frame, uint8 (18, 32, 3). Returns what is certain by now of the next frames in order."""
        picture = thumbnail.astype(np.int16)
        last, self._last = self._last, picture
        if last is None:
            return [False]
        self._changes.append(float(np.abs(picture - last).sum()) / picture.size)
        self._undecided += 1
        if self._undecided <= AHEAD:
            return []
        return [self._decide()]

    def finish(self) -> list[bool]:
        """What the last frames are, once there are no more."""
        return [self._decide() for _ in range(self._undecided)]

    def _decide(self) -> bool:
        """Whether the first frame that is not decided yet begins a shot."""
        place = len(self._changes) - self._undecided
        self._undecided -= 1
        change = self._changes[place]
        if change <= _SOFT_CUT:
            return False
        median = float(np.median(list(islice(self._changes, max(0, place - AHEAD), place + AHEAD + 1))))
        return change > _SOFT_RATIO * median or (change > _HARD_CUT and change > _HARD_RATIO * median)


def cuts(thumbnails: Iterable[NDArray[np.uint8]]) -> list[int]:
    """Numbers of the frames that begin a new shot, of a whole video given as thumbnails uint8 (18, 32, 3)."""
    detector = CutDetector()
    begins = [begin for thumbnail in thumbnails for begin in detector.push(thumbnail)]
    return [number for number, begin in enumerate([*begins, *detector.finish()]) if begin]

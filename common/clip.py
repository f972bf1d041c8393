"""A clip: the video that goes in at one end, with what is known about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.conventions import FPS
from common.errors import ClipError

MULTIPLE = 32
"""Height and width must be multiples of this, so that every codec's grid fits."""

MAX_SIDE = 512
"""Largest height or width that the burst header can name (4 bits of 32 pixels)."""


@dataclass(frozen=True)
class Clip:
    """``video`` is uint8 (F, H, W, 3) RGB; ``caption`` may be empty; ``number`` counts clips of a run from 0."""

    video: NDArray[np.uint8]
    caption: str = ""
    name: str = "clip"
    number: int = 0
    fps: float = FPS

    def __post_init__(self) -> None:
        video = self.video
        if not isinstance(video, np.ndarray) or video.dtype != np.uint8 or video.ndim != 4 or video.shape[3] != 3:
            raise ClipError(f"clip {self.name!r}: video must be uint8 (frames, height, width, 3)")
        frames, height, width, _ = video.shape
        if frames == 0:
            raise ClipError(f"clip {self.name!r} has no frames")
        if height % MULTIPLE or width % MULTIPLE or not 0 < height <= MAX_SIDE or not 0 < width <= MAX_SIDE:
            raise ClipError(
                f"clip {self.name!r} is {width}×{height}: both sides must be multiples of {MULTIPLE} up to {MAX_SIDE}"
            )
        if self.number < 0:
            raise ClipError(f"clip {self.name!r}: number must not be negative")

    @property
    def shape(self) -> tuple[int, int, int]:
        """(frames, height, width)."""
        frames, height, width, _ = self.video.shape
        return frames, height, width

"""What an edge extractor is: frames in, line drawings out."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from common.errors import ClipError

LEAST_SIDE: Final = 16
"""Pixels. The networks halve their pictures up to four times."""


class EdgeExtractor(Protocol):
    """Draws the contours of frames, white on black. The sketch of a frame does not depend on the other frames."""

    name: str

    def extract(self, video: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Sketches (F, H, W) in [0, 1] of frames (F, H, W, 3) RGB. Raises ClipError where the video is not that."""
        ...


def check_video(video: NDArray[np.uint8]) -> None:
    """Raises ClipError unless ``video`` is uint8 (F, H, W, 3) with sides of at least `LEAST_SIDE`."""
    if video.dtype != np.uint8 or video.ndim != 4 or video.shape[3] != 3:
        raise ClipError(f"frames must be uint8 (frames, height, width, 3), not {video.dtype} {video.shape}")
    if min(video.shape[1:3]) < LEAST_SIDE:
        raise ClipError(f"frames of {video.shape[2]}×{video.shape[1]} are too small to sketch: {LEAST_SIDE} at least")

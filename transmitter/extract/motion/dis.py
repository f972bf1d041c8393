"""Dense optical flow by DIS (T. Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016; OpenCV)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from common.errors import PackageError

PRESETS: Final = {"ultrafast": 0, "fast": 1, "medium": 2}
"""OpenCV's presets. "fast" is 4 times as fast as "medium"; the encoder's own search makes up for what it misses."""


class DisFlow:
    """Backward fields from each frame to the first. Each frame is matched with the one before, these fields are chained
    to a guess, and from the guess the frame is matched with the first: large motion is found step by step, and errors
    do not add up."""

    name = "dis"

    def __init__(self, preset: str = "fast") -> None:
        """Raises PackageError where OpenCV is not there, KeyError for no name of PRESETS."""
        try:
            import cv2
        except ImportError as error:
            raise PackageError("motion needs the package opencv-python-headless; reinstall gvsc") from error
        # the same bytes on any number of cores, and no threads beside torch's
        cv2.setNumThreads(1)
        self._cv2: Any = cv2
        self._preset = PRESETS[preset]

    def extract(self, source: NDArray[np.uint8], *, tracked: bool = True) -> NDArray[np.float32]:
        """Fields, float32 (F − 1, 2, H, W) in pixels, of a video uint8 (F, H, W, 3).

        Frame t at (y, x) shows what the first frame shows at (y + v, x + u); component 0 is u. Not beyond the video's
        sides, however flat the picture is. Not ``tracked``, each frame is matched with the first at once, to compare.
        """
        cv2 = self._cv2
        frames, height, width, _ = source.shape
        grey = [cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY) for frame in source]
        matcher = cv2.DISOpticalFlow_create(self._preset)
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        limits = np.array([width, height], np.float32)
        found = np.zeros((frames - 1, 2, height, width), np.float32)
        before: NDArray[np.float32] | None = None
        for t in range(1, frames):
            if not tracked:
                found[t - 1] = _finite(matcher.calc(grey[t], grey[0], None), limits).transpose(2, 0, 1)
                continue
            guess = _finite(matcher.calc(grey[t], grey[t - 1], None), limits)
            if before is not None:
                where = columns + guess[..., 0], rows + guess[..., 1]
                chained = cv2.remap(before, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                guess = _finite(guess + chained, limits)
            before = _finite(matcher.calc(grey[t], grey[0], guess.copy()), limits)
            found[t - 1] = before.transpose(2, 0, 1)
        return found


def _finite(field: NDArray[np.float32], limits: NDArray[np.float32]) -> NDArray[np.float32]:
    """A field (H, W, 2) without displacements beyond ``limits`` (2,)."""
    return np.clip(np.nan_to_num(field), -limits, limits)

"""Whether somebody looks at the camera, by the cascade of local binary patterns that scikit-image ships."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from skimage.feature import Cascade

SMALLEST: Final = 36
"""Side of the smallest face that is looked for, in pixels."""

NEIGHBOURS: Final = 6
"""Detections that must overlap, so that it counts as a face."""


@cache
def _cascade() -> Cascade:
    from skimage import data
    from skimage.feature import Cascade

    return Cascade(data.lbp_frontal_face_cascade_filename())


def count(frame: NDArray[np.uint8]) -> int:
    """How many faces are found in a picture, uint8 (H, W, 3) RGB, from the front; overlapping ones count apart."""
    longest = min(frame.shape[:2])
    if longest <= SMALLEST:
        return 0
    found = _cascade().detect_multi_scale(
        img=frame,
        scale_factor=1.2,
        step_ratio=1.3,
        min_size=(SMALLEST, SMALLEST),
        max_size=(longest, longest),
        min_neighbor_number=NEIGHBOURS,
    )
    return len(found)

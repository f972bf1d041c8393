"""The first frame: the visual anchor of the clip (paper, II-A)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from common.clip import Clip


def extract(clip: Clip) -> NDArray[np.float32]:
    """The clip's first frame as float32 (3, H, W) in [0, 1]."""
    return np.ascontiguousarray(clip.video[0].transpose(2, 0, 1), dtype=np.float32) / np.float32(255.0)

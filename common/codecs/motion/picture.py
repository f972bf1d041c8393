"""Fields of displacement as colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def colours(fields: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Fields (T, 2, H, W) in pixels as uint8 (T, H, W, 3).

    Hue is the direction (red to the right, then green-yellow down), white is no displacement, full colour the largest
    of all fields, or one pixel where all are smaller.
    """
    u, v = fields[:, 0].astype(np.float64), fields[:, 1].astype(np.float64)
    length = np.hypot(u, v)
    strength = length / max(float(length.max(initial=0.0)), 1.0)
    hue = np.arctan2(v, u) / (2.0 * np.pi)
    channels = [np.clip(np.abs((hue + shift) % 1.0 * 6.0 - 3.0) - 1.0, 0.0, 1.0) for shift in (0.0, 2 / 3, 1 / 3)]
    shown = 1.0 - strength[..., None] * (1.0 - np.stack(channels, axis=3))
    return np.rint(255.0 * shown).astype(np.uint8)

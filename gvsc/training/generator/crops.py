"""Crops of photos: pictures that no clip belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common.conventions import SIZE

_STREAM: Final = 3
"""Of the seed."""


def numbered(photos: Sequence[NDArray[np.uint8]], number: int, each: int, seed: int) -> NDArray[np.uint8]:
    """Crop ``number`` of so many of ``each`` photo, those of a photo one after another."""
    return crop(photos[number // each], np.random.default_rng([seed, _STREAM, number]))


def crop(photo: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A random square of a photo (H, W, 3), both sides at least 256, as a picture (256, 256, 3)."""
    side = int(rng.integers(SIZE, min(photo.shape[:2]) + 1))
    top, left = (int(rng.integers(length - side + 1)) for length in photo.shape[:2])
    square = Image.fromarray(photo[top : top + side, left : left + side])
    return np.array(square.resize((SIZE, SIZE), Image.Resampling.BOX if side > SIZE else Image.Resampling.BILINEAR))

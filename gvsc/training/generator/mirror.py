"""Mirror images of what is trained on: latents, motions and captions as they are with left and right exchanged."""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_OPPOSITE: Final = {"left": "right", "right": "left", "leftwards": "rightwards", "rightwards": "leftwards"}
_SIDES: Final = re.compile(r"\b(leftwards|rightwards|left|right)\b")


def caption(text: str) -> str:
    """What the mirror image of what ``text`` tells of would be told as."""
    return _SIDES.sub(lambda found: _OPPOSITE[found[0]], text)


def parity(basis: Tensor, patch: int) -> NDArray[np.float32]:
    """For each axis (C, 3·patch²) of a basis fitted with `latent.fit_basis`: 1 where it is even, -1 where it is odd."""
    flipped = basis.view(len(basis), 3, patch, patch).flip(3).reshape(len(basis), -1)
    return torch.where((basis * flipped).sum(1) < 0, -1.0, 1.0).numpy()


def latents(cells: NDArray[np.float32], signs: NDArray[np.float32]) -> NDArray[np.float32]:
    """The latents (C, h, w) of the mirror image of the picture that has the latents ``cells``."""
    return np.ascontiguousarray(cells[:, :, ::-1] * signs[:, None, None])


def moves(motion: NDArray[np.float32]) -> NDArray[np.float32]:
    """The moves (…, 4) of mover.Motion in the mirror image: x and the angle change their sign."""
    return motion * np.array([-1, 1, 1, -1], np.float32)


def picture(pixels: NDArray[Any]) -> NDArray[Any]:
    """A picture (H, W) or (H, W, C) from right to left."""
    return pixels[:, ::-1]

"""Fields of displacement as coefficients: a cosine transform of each component and frame, then a transform in time.

A backward field says for each pixel of frame t where in frame 1 it comes from. With the continuous cosines
φ_0 = 1, φ_k(y) = √2·cos(πky) on [0, 1], the component c of frame t is

    u_c(t, y, x) = Σ_k Σ_i Σ_j  V[t, k] · a[k, c, i, j] · φ_i(y) · φ_j(x)

in 256ths of the picture's width (c = 0) or height (c = 1), so the same coefficients serve every size, and Σ a² is the
sum over frames of the mean square displacement. V is orthonormal, 7×7, for frames 2 … 8; for other numbers of frames
its rows are read at the same share of the clip.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from common.conventions import FRAMES

ORDER = 16
"""Cosines in each direction."""

STEPS = FRAMES - 1
"""Fields of a clip of 8 frames, and vectors of the transform in time."""

UNIT = 256.0
"""A displacement of 1 is 1 / UNIT of the side."""


@lru_cache(maxsize=32)
def cosines(length: int) -> Tensor:
    """φ_k at the centres of ``length`` pixels: float32 (ORDER, length). Row k has mean square 1 where k < length."""
    centres = (torch.arange(length, dtype=torch.float64) + 0.5) / length
    table = torch.cos(math.pi * torch.arange(ORDER, dtype=torch.float64)[:, None] * centres) * math.sqrt(2.0)
    table[0] = 1.0
    return table.float()


def synthesise(coefficients: Tensor, time: Tensor, height: int, width: int) -> Tensor:
    """Coefficients (K, 2, ORDER, ORDER) to fields (T, 2, height, width) in 256ths of a side; ``time`` is V, (T, K)."""
    over_time = torch.tensordot(time, coefficients, dims=1)
    return cosines(height).T @ over_time @ cosines(width)


def analyse(fields: Tensor, time: Tensor) -> Tensor:
    """The coefficients (K, 2, ORDER, ORDER) of the nearest smooth fields to ``fields`` (T, 2, height, width).

    The mean square error over pixels is least where ``time`` (T, K) is orthonormal; for others it is over frames, too.
    """
    height, width = fields.shape[2:]
    spectrum = cosines(height) @ fields @ cosines(width).T / (height * width)
    return torch.tensordot(torch.linalg.pinv(time), spectrum, dims=1)


def at_frames(time: Tensor, frames: int) -> Tensor:
    """V for a clip of ``frames`` frames, (frames − 1, K), from V (STEPS, K) for 8: linear between its rows.

    Frame 1 has no displacement; frame t stands where the same share of 8 frames has passed.
    """
    if frames == len(time) + 1:
        return time
    rows = torch.cat([torch.zeros_like(time[:1]), time])
    place = torch.arange(1, frames, dtype=time.dtype) * (len(time) / max(frames - 1, 1))
    below = place.long().clamp_max(len(time) - 1)
    weight = (place - below)[:, None]
    return rows[below] * (1.0 - weight) + rows[below + 1] * weight


def to_pixels(fields: Tensor) -> Tensor:
    """Fields (T, 2, H, W) in 256ths of a side as pixels."""
    height, width = fields.shape[2:]
    return fields * torch.tensor([width / UNIT, height / UNIT]).view(1, 2, 1, 1)


def from_pixels(fields: Tensor) -> Tensor:
    """Fields (T, 2, H, W) in pixels as 256ths of a side."""
    height, width = fields.shape[2:]
    return fields * torch.tensor([UNIT / width, UNIT / height]).view(1, 2, 1, 1)

"""Sharp edges for a painted picture: the latents are too coarse to say to the pixel where an object ends, its cover is
not."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from receiver.generators.mini.mover import UNIT

UNSURE = 6.0
"""So far around an edge the painting mixes both sides. Pixels of a picture of UNIT."""
REACH = 4.5
"""Deviation of the Gaussian by which each side is carried on to the edge, in the same pixels."""


def edged(picture: Tensor, cover: Tensor) -> Tensor:
    """``picture`` (1, C, H, W), where ``cover`` (1, 1, H, W) in [0, 1] is how much of each pixel an object covers.

    Near an edge both the object and what is behind it are carried on from where they are pure, and mixed by the cover.
    """
    scale = min(picture.shape[-2:]) / UNIT
    unsure, deviation = max(1, round(UNSURE * scale)), max(0.5, REACH * scale)
    inside, outside = (_carried_on(picture, side, unsure, deviation) for side in (cover, 1 - cover))
    return torch.lerp(outside, inside, cover)


def _carried_on(picture: Tensor, side: Tensor, unsure: int, deviation: float) -> Tensor:
    """One side of the edge, everywhere. Where nothing of it is pure, what there is of it counts."""
    pure = -functional.max_pool2d(-side, 2 * unsure + 1, 1, unsure)
    weight = pure + 1e-4 * side + 1e-8
    return torch.lerp(_blurred(weight * picture, deviation) / _blurred(weight, deviation), picture, pure)


def _blurred(x: Tensor, deviation: float) -> Tensor:
    half = math.ceil(3 * deviation)
    places = torch.arange(-half, half + 1, dtype=x.dtype)
    kernel = torch.exp(-places.square() / (2 * deviation**2))
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, 1, -1)
    across = functional.conv2d(functional.pad(x, (half, half, 0, 0), "replicate"), kernel, groups=x.shape[1])
    padded = functional.pad(across, (0, 0, half, half), "replicate")
    return functional.conv2d(padded, kernel.transpose(2, 3), groups=x.shape[1])

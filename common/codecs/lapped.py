"""A lapped orthonormal transform: blockwise cosine transform behind filters over the borders of blocks.

The filter of a border rotates the ``OVERLAP`` samples on either side of it, so that what both blocks have in common
lands in one of them, and no basis function ends abruptly. It is the pre-filter of the type-II fast lapped orthogonal
transform, here over a part of the block: H. S. Malvar and D. H. Staelin, "The LOT: transform coding without blocking
effects", 1989; T. D. Tran, J. Liang, C. Tu, "Lapped transform via time-domain pre- and post-filtering", 2003.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from common.codecs.linear import cosines

BLOCK = 32
"""Side of a block in pixels."""

OVERLAP = 8
"""Samples on either side of a border that its filter changes."""


@cache
def matrix(length: int) -> Tensor:
    """The transform of ``length`` samples, a multiple of BLOCK, as an orthonormal matrix, float32 (length, length).

    Row BLOCK·b + u is the basis function of frequency u in block b.
    """
    # kept for later calls, which may be under autograd even if this one is not
    with torch.inference_mode(False), torch.no_grad():
        filters = torch.eye(length, dtype=torch.float64)
        border = _border_filter(OVERLAP)
        for start in range(BLOCK, length, BLOCK):
            part = slice(start - OVERLAP, start + OVERLAP)
            filters[part, part] = border
        transform = torch.block_diag(*[_cosines_2(BLOCK)] * (length // BLOCK))
        return (transform @ filters).float()


def _border_filter(reach: int) -> Tensor:
    """float64 (2·reach, 2·reach): butterflies around a rotation of the differences across the border."""
    identity = torch.eye(reach, dtype=torch.float64)
    mirror = identity.flip(0)
    butterfly = torch.cat([torch.cat([identity, mirror], dim=1), torch.cat([mirror, -identity], dim=1)])
    rotation = mirror @ _cosines_2(reach).T @ _cosines_4(reach) @ mirror
    return 0.5 * butterfly @ torch.block_diag(identity, rotation) @ butterfly


def _cosines_2(length: int) -> Tensor:
    return cosines(length).double()


def _cosines_4(length: int) -> Tensor:
    """The orthonormal DCT-IV, float64 (length, length)."""
    place = torch.arange(length, dtype=torch.float64) + 0.5
    return torch.cos(math.pi / length * place[:, None] * place[None, :]) * math.sqrt(2.0 / length)

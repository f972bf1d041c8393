"""Where the objects of a frame are, as channels beside the latents of its picture.

The cover of each cell of 4x4 places goes through a cosine transform, of which the lowest six coefficients are kept: how
much of the cell is covered, and roughly where. Photos have no objects that the world knows of: an empty outline.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

CHANNELS: Final = 6
STEP: Final = 4
"""Places of a cell."""
VARIANCE: Final = (9.0, 3.0, 3.0, 1.0, 1.0, 1.0)
"""What the coefficients are scaled to: the larger, the earlier they are settled."""

_ORDERS: Final = ((0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0))
_MEAN: Final = (0.2025, 0.0, 0.0, 0.0, 0.0, 0.0)
_DEVIATION: Final = (0.7839, 0.1953, 0.1954, 0.0916, 0.0815, 0.0831)
"""Of the coefficients of 1500 rendered first frames."""


def encode(cover: Tensor) -> Tensor:
    """How much of each place objects cover, (B, 4·h, 4·w) in [0, 1], to the channels (B, CHANNELS, h, w)."""
    coefficients = functional.conv2d(cover[:, None], _waves(), stride=STEP)
    mean, deviation, variance = (torch.tensor(one).view(1, -1, 1, 1) for one in (_MEAN, _DEVIATION, VARIANCE))
    return (coefficients - mean) * variance.sqrt() / deviation


def _waves() -> Tensor:
    places = torch.arange(STEP) + 0.5
    waves = [torch.cos(torch.pi * order * places / STEP) * (2.0 if order else 1.0) ** 0.5 / 2 for order in range(3)]
    return torch.stack([torch.outer(waves[down], waves[across]) for down, across in _ORDERS])[:, None]

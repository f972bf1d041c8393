"""Classes of blocks: what a 32×32 block can look like, as a level for each of its 3 · 1024 coefficients.

A class is a zero-mean Gaussian with independent coefficients; a picture is described by one class for each block, or
for each square of 2×2, 4×4 … blocks, or one for all. The coefficient of frequency zero belongs to no class: these form
a small picture of their own, *the plane*, which is cosine transformed as a whole and has levels by frequency alone.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from common.codecs.djscc import levels
from common.codecs.lapped import BLOCK

GROUPS: Final = (1, 2, 4, 64)
"""Sides, in blocks, of the squares that have one class. The last one covers any picture."""

ACTIVITIES: Final = 8
"""Groups of classes by how much is in them: the context that a neighbour is for a class."""

PLANE: Final = 32
"""Side of the table of the plane's levels."""

FLOOR: Final = 1e-3
"""What is added to variances when a block is classified: what is far weaker is not sent, and does not matter."""


class BlockClasses(nn.Module):
    """The classes and the plane's levels: fitted on photos (``gvsc.training.block_classes``), not trained."""

    level: Tensor
    plane_level: Tensor
    activity: Tensor
    frequencies: Tensor

    def __init__(self, level: Tensor, plane_level: Tensor, activity: Tensor, frequencies: Tensor) -> None:
        """``level`` int8 (C, 3, BLOCK, BLOCK); ``plane_level`` int8 (3, PLANE, PLANE), of a plane of that side;
        ``activity`` uint8 (C,), the group of each class; ``frequencies`` int32 ((ACTIVITIES + 1)², C), of classes
        behind a left and an upper neighbour, ACTIVITIES where there is none; each row adds up to 2^16."""
        super().__init__()
        self.register_buffer("level", level)
        self.register_buffer("plane_level", plane_level)
        self.register_buffer("activity", activity)
        self.register_buffer("frequencies", frequencies)
        self._weights: tuple[Tensor, Tensor, Tensor] | None = None

    @property
    def count(self) -> int:
        """Classes."""
        return len(self.level)

    def _cost_tables(self) -> tuple[Tensor, Tensor, Tensor]:
        if self._weights is None or self._weights[0].device != self.level.device:
            with torch.inference_mode(False), torch.no_grad():
                variances = levels.variance(self.level.long()).float().flatten(1) + FLOOR
                variances[:, :: BLOCK * BLOCK] = 1.0
                shares = self.frequencies.double().sum(dim=0)
                costs = variances.log().sum(dim=1) - 2.0 * (shares / shares.sum()).log().float()
                bits = 16.0 - self.frequencies.double().log2()
                self._weights = (1.0 / variances).T.contiguous(), costs, bits.float()
        return self._weights

    def costs(self, coefficients: Tensor) -> Tensor:
        """Of coefficients (B, bh, bw, 3, BLOCK, BLOCK), −2·log likelihood of each class: (B, bh, bw, C)."""
        inverse, constant, _ = self._cost_tables()
        squares = coefficients.detach().float().square().flatten(3)
        squares[..., :: BLOCK * BLOCK] = 0.0
        found: Tensor = squares @ inverse + constant
        return found

    def classify(self, costs: Tensor, group: int) -> Tensor:
        """The best class of each square of ``group``×``group`` blocks, int64 (B, ⌈bh/group⌉, ⌈bw/group⌉)."""
        if group == 1:
            return costs.argmin(dim=3)
        height, width = (min(group, size) for size in costs.shape[1:3])
        pad = (0, 0, 0, -costs.shape[2] % width, 0, -costs.shape[1] % height)
        padded = F.pad(costs, pad)
        summed = padded.unflatten(2, (-1, width)).unflatten(1, (-1, height)).sum(dim=(2, 4))
        return summed.argmin(dim=3)

    def contexts(self, classes: Tensor) -> Tensor:
        """The row of ``frequencies`` for each of the classes int64 (B, h, w)."""
        activity = self.activity.long()[classes]
        left = F.pad(activity, (1, 0), value=ACTIVITIES)[:, :, :-1]
        upper = F.pad(activity, (0, 0, 1, 0), value=ACTIVITIES)[:, :-1]
        return left * (ACTIVITIES + 1) + upper

    def bits(self, classes: Tensor) -> Tensor:
        """What classes (B, h, w) take, coded ideally: (B,)."""
        table = self._cost_tables()[2]
        return table[self.contexts(classes), classes].sum(dim=(1, 2)).double()

    def levels(self, classes: Tensor, group: int, rows: int, columns: int) -> Tensor:
        """Of each coefficient of a picture of rows × columns blocks: int64 (B, rows, columns, 3, BLOCK, BLOCK)."""
        spread = classes.repeat_interleave(min(group, rows), 1).repeat_interleave(min(group, columns), 2)
        found = self.level[spread[:, :rows, :columns]].long()
        found[..., 0, 0] = self.plane_levels(rows, columns)
        return found

    def plane_levels(self, rows: int, columns: int) -> Tensor:
        """Of the plane of rows × columns blocks, int64 (rows, columns, 3)."""
        row = torch.arange(rows, device=self.level.device) * PLANE // rows
        column = torch.arange(columns, device=self.level.device) * PLANE // columns
        return self.plane_level.long()[:, row][:, :, column].permute(1, 2, 0)

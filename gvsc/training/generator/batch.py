"""What the parts have in common: their batches, and the precision of their networks."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Tensors:
    """An ``engine.Batch`` whose fields are all tensors."""

    def to(self, device: torch.device) -> Self:
        """The same on another device."""
        return replace(self, **{each.name: getattr(self, each.name).to(device) for each in fields(self)})


def normal(rng: np.random.Generator, *shape: int) -> Tensor:
    """Unit normal numbers, float32."""
    return torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))


def uniform(rng: np.random.Generator, *shape: int) -> Tensor:
    """Numbers in [0, 1), float32."""
    return torch.from_numpy(rng.random(shape, dtype=np.float32))


def stacked(rows: list[NDArray[np.float32]]) -> Tensor:
    """Arrays of one shape as a batch."""
    return torch.from_numpy(np.stack(rows))

"""Variances as integers: levels of 1.5 dB. Both ends of a codec compute with them, so they agree on every machine."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

STEP_DB: Final = 1.5

LEAST: Final = -44
MOST: Final = 43
"""Levels that are used run from LEAST to MOST. LEAST also stands for everything below it."""

COUNT: Final = MOST - LEAST + 1


def of(variances: Tensor) -> Tensor:
    """Variances, float, to their levels, int64, within LEAST … MOST."""
    level = torch.round(10.0 / STEP_DB * variances.double().clamp_min(1e-12).log10())
    return level.clamp(LEAST, MOST).long()


def variance(level: Tensor) -> Tensor:
    """Levels to variances, float64."""
    return 10.0 ** (0.1 * STEP_DB * level.double())


def variances(device: torch.device | str = "cpu") -> Tensor:
    """The variance of each level from LEAST on, float64 (COUNT,)."""
    return variance(torch.arange(LEAST, MOST + 1, device=device))

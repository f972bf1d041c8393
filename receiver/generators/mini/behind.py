"""What is behind the objects of a painted picture: its surroundings, carried on."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

AROUND = 5
"""Places, of 64, that edges are kept away from."""


def behind(picture: Tensor, cover: Tensor) -> Tensor:
    """``picture`` (B, C, H, W) as it may look without what ``cover`` (B, 1, H, W) in [0, 1] covers.

    H and W are powers of 2. Push and pull: every place takes its colour from the smallest square around it that shows
    some background.
    """
    shown = 1 - functional.max_pool2d(cover, AROUND, 1, AROUND // 2)
    levels = [(picture * shown, shown)]
    while min(levels[-1][0].shape[-2:]) > 1:
        colours, weight = (functional.avg_pool2d(one, 2) for one in levels[-1])
        levels.append((colours, weight))
    made = torch.zeros_like(levels[-1][0])
    for colours, weight in reversed(levels):
        smooth = functional.interpolate(made, colours.shape[-2:], mode="bilinear", align_corners=False)
        made = torch.lerp(smooth, colours / weight.clamp_min(1e-6), weight.clamp_max(1.0).sqrt())
    return made

"""Moving pictures along a backward flow."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def warp(pictures: Tensor, flow: Tensor) -> Tensor:
    """Pictures (B, C, H, W) as flow (B, F, 2, h, w) carries them into every frame, (B, F, C, H, W).

    The flow holds (x, y) in pixels of the picture, from each place to where its content comes from; it is enlarged
    to the pictures' size. Beyond the border the border's colour goes on.
    """
    batch, frames = flow.shape[:2]
    height, width = pictures.shape[-2:]
    dense = functional.interpolate(flow.flatten(0, 1), size=(height, width), mode="bilinear", align_corners=False)
    ys = (torch.arange(height, device=flow.device) + 0.5) * (2.0 / height) - 1.0
    xs = (torch.arange(width, device=flow.device) + 0.5) * (2.0 / width) - 1.0
    grid = torch.stack([xs[None, :] + dense[:, 0] * (2.0 / width), ys[:, None] + dense[:, 1] * (2.0 / height)], -1)
    source = pictures[:, None].expand(-1, frames, -1, -1, -1).flatten(0, 1)
    moved = functional.grid_sample(source, grid, padding_mode="border", align_corners=False)
    return moved.unflatten(0, (batch, frames))

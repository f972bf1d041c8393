"""Frames displaced by backward fields."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def warp(frame: Tensor, fields: Tensor, mode: str = "bilinear") -> Tensor:
    """``frame`` (3, H, W) as each of ``fields`` (T, 2, H, W) in pixels displaces it: (T, 3, H, W).

    Pixel (y, x) of the result is the frame at (y + v, x + u), (u, v) the field there, between pixels by ``mode``,
    "bilinear" or "bicubic" (Keys, a = −0.75; may overshoot by a little). Beyond the border the nearest pixel inside is
    taken. Differentiable in both.
    """
    count, _, height, width = fields.shape
    columns = torch.arange(width, dtype=fields.dtype) + fields[:, 0]
    rows = torch.arange(height, dtype=fields.dtype)[:, None] + fields[:, 1]
    # grid_sample's own coordinates: −1 and 1 are the outer edges of the outer pixels
    grid = torch.stack([(2.0 * columns + 1.0) / width - 1.0, (2.0 * rows + 1.0) / height - 1.0], dim=3)
    frames = frame.expand(count, -1, -1, -1)
    return F.grid_sample(frames, grid, mode=mode, padding_mode="border", align_corners=False)

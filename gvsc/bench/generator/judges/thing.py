"""Colour and kind of the object: asked of what is cut out around it."""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gvsc.bench.generator.judges import scene
from gvsc.bench.generator.judges.blocks import Down, Residual, brighter, perceptron
from gvsc.bench.generator.judges.labels import LABELS

SIDE: Final = 48
"""Pixels a side of what is cut out."""

REACH: Final = 1.35
"""How far it reaches from the object's centre, in radii."""

_WIDTHS: Final = (32, 64, 96)


class ThingNetwork(nn.Module):
    """Every object is as large as any other here, and in the middle: what is left is what it is."""

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse = _WIDTHS
        self.stages = nn.Sequential(
            Down(3, fine, 5),
            Residual(fine),
            Down(fine, middle),
            Residual(middle),
            Down(middle, coarse),
            Residual(coarse),
        )
        self.known = nn.Sequential(nn.Linear(9 * coarse, 128), nn.ReLU())
        self.kind = nn.Linear(128, len(LABELS["kind"]))
        self.off = perceptron(9 * coarse, 64, 3)
        self.colour = perceptron(128 + scene.WIDTH, 96, len(LABELS["colour"]))

    def forward(self, cuts: Tensor, around: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Cuts (N, 3, SIDE, SIDE) in [0, 1], what is known of their scenes (N, scene.WIDTH) → logits of colour and
        kind, and how far `off` its place each of them is (N, 3)."""
        seen = self._seen(cuts)
        known = self.known(seen)
        return self.colour(torch.cat([known, around], -1)), self.kind(known), self.off(seen)

    def nearer(self, frames: Tensor, places: Tensor) -> Tensor:
        """Places (N, 3) of frames (N, 3, h, w), looked at and set right."""
        return moved(places, self.off(self._seen(cut(frames, places))).float().clamp(-1.0, 1.0))

    def _seen(self, cuts: Tensor) -> Tensor:
        seen = self.stages(brighter(cuts).contiguous(memory_format=torch.channels_last))
        return F.adaptive_avg_pool2d(seen, 3).flatten(1)


def off(places: Tensor, true: Tensor) -> Tensor:
    """How far (..., 3) ``true`` places are from others: right and down in radii, and the logarithm of the sizes."""
    radius = places[..., 2:]
    return torch.cat([(true[..., :2] - places[..., :2]) / radius, (true[..., 2:] / radius).log()], -1)


def moved(places: Tensor, by: Tensor) -> Tensor:
    """Places (..., 3) moved ``by`` what `off` says."""
    radius = places[..., 2:]
    return torch.cat([places[..., :2] + by[..., :2] * radius, radius * by[..., 2:].exp()], -1)


def cut(frames: Tensor, places: Tensor) -> Tensor:
    """What is around a place of each frame: frames (N, 3, h, w), places (N, 3) x, y, radius → (N, 3, SIDE, SIDE).

    Beyond the edge the edge goes on.
    """
    corner = F.affine_grid(torch.eye(2, 3)[None], [1, 3, 2 * SIDE, 2 * SIDE], align_corners=False)
    x, y, radius = places[:, None, None].unbind(-1)
    grid = corner * (2 * REACH * radius)[..., None] + 2 * torch.stack([x, y], -1) - 1
    # twice as fine, then smaller: large things are not to be jagged
    return F.avg_pool2d(F.grid_sample(frames, grid, padding_mode="border", align_corners=False), 2)

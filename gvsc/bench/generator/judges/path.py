"""Where the object is in each frame, how it moves, and how the camera does: asked of a whole clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from common.conventions import FRAMES
from gvsc.bench.generator.judges.blocks import Down, Residual, brighter, perceptron
from gvsc.bench.generator.judges.labels import LABELS

SIDE: Final = 64
"""Pixels a side of what the network sees: enough for places and steps, too few for sharpness to matter."""

CELLS: Final = SIDE // 4
"""A side of the grid of places."""

_WIDTHS: Final = (32, 48, 64)
_HIDDEN: Final = 96


@dataclass(frozen=True)
class Seen:
    """``places`` logits (B, FRAMES, CELLS² + 1), the last one for nowhere; ``path`` (B, FRAMES, 3): x, y and the
    logarithm of the radius, parts of a side; logits of ``motion`` and ``camera`` (B, answers)."""

    places: Tensor
    path: Tensor
    motion: Tensor
    camera: Tensor


class PathNetwork(nn.Module):
    """Every frame with its changes goes through the same layers: one place looked at a time, eight times a clip."""

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse = _WIDTHS
        self.fine = Down(9, fine, 5)
        self.middle = nn.Sequential(Down(fine, middle), Residual(middle))
        self.coarse = nn.Sequential(Down(middle, coarse), Residual(coarse), Residual(coarse))
        self.beside = nn.Conv2d(middle, coarse, 1)
        self.fused = Residual(coarse)
        self.there = nn.Conv2d(coarse, 1, 1)
        self.nowhere = nn.Linear(coarse, 1)
        self.radius = nn.Linear(coarse, 1)
        self.around = perceptron(4 * coarse, _HIDDEN, _HIDDEN)
        self.camera = nn.Linear(_HIDDEN, len(LABELS["camera"]))
        self.motion = perceptron(4 * FRAMES + coarse + _HIDDEN, _HIDDEN, len(LABELS["motion"]))

    def forward(self, clips: Tensor) -> Seen:
        """Clips (B, FRAMES, 3, SIDE, SIDE) in [0, 1]."""
        count = len(clips)
        frames = changes(clips).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        middle = self.middle(self.fine(frames))
        coarse = self.coarse(middle)
        fused = self.fused(self.beside(middle) + F.interpolate(coarse, scale_factor=2.0))
        there, nowhere = self.there(fused).float().flatten(1), self.nowhere(coarse.mean((2, 3))).float()
        found = fused.flatten(2).float() @ there.softmax(-1).unsqueeze(-1)  # what is at the place
        features = found.squeeze(-1)
        path = torch.cat([centre(there), self.radius(features).float() - 2.0], -1).unflatten(0, (count, FRAMES))
        around = self.around(F.adaptive_avg_pool2d(coarse, 2).flatten(1).unflatten(0, (count, FRAMES)).mean(1)).relu()
        places = torch.cat([there, nowhere], -1).unflatten(0, (count, FRAMES))
        gone = path - path.mean(1, keepdim=True)
        told = [gone.flatten(1) * 4.0, places.softmax(-1)[..., -1], features.unflatten(0, (count, FRAMES)).mean(1)]
        return Seen(places, path, self.motion(torch.cat([*told, around.float()], -1)), self.camera(around))


def centre(there: Tensor) -> Tensor:
    """The mean place (N, 2), x and y as parts of a side, of logits (N, CELLS²)."""
    share = there.softmax(-1).unflatten(1, (CELLS, CELLS))
    middle = (torch.arange(CELLS) + 0.5) / CELLS
    return torch.stack([share.sum(1) @ middle, share.sum(2) @ middle], -1)


def changes(clips: Tensor) -> Tensor:
    """Clips (B, FRAMES, 3, h, w) in [0, 1] as the network takes them: each frame, what has changed, what is to change.

    (B, FRAMES, 9, h, w).
    """
    seen = brighter(clips)
    steps = F.pad((seen[:, 1:] - seen[:, :-1]) * 2.0, (0, 0, 0, 0, 0, 0, 1, 1))  # none before the first, after the last
    return torch.cat([seen, steps[:, :-1], steps[:, 1:]], 2)

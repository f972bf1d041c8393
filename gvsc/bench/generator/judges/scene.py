"""Background and light: asked of whole frames."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from gvsc.bench.generator.judges.blocks import Down, Residual, brighter, perceptron
from gvsc.bench.generator.judges.labels import LABELS

SIDE: Final = 128
"""Pixels a side of what the network sees: at half of it dots are zigzags."""

WIDTH: Final = 96
"""Of what is known of a frame."""


class SceneNetwork(nn.Module):
    """What is known of a frame is passed on: to say which colour a thing has, one has to know the light."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.Sequential(
            Down(3, 24, 5), Down(24, 32), Residual(32), Down(32, 48), Residual(48), Down(48, WIDTH), Residual(WIDTH)
        )
        self.known = nn.Sequential(nn.Linear(2 * WIDTH, WIDTH), nn.ReLU())
        self.background = nn.Linear(WIDTH, len(LABELS["background"]))
        self.light = perceptron(WIDTH, WIDTH, len(LABELS["light"]))

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Frames (N, 3, SIDE, SIDE) in [0, 1] → what is known of them (N, WIDTH), logits of background and light."""
        seen = self.stages(brighter(frames).contiguous(memory_format=torch.channels_last))
        known = self.known(torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], -1))
        return known, self.background(known), self.light(known)

"""The judges' networks: small convolutional ones that see pictures, or differences of pictures, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gvsc.bench.generator.judges.labels import LABELS, LOOK, MOVEMENT

LOOK_SIDE: Final = 96
MOVEMENT_SIDE: Final = 64
"""Pixels a side of what each network sees: enough to tell a cat from a flower, too few for sharpness to matter."""

FRAMES: Final = 8

_WIDTHS: Final = (32, 48, 72, 104)
_GROUP: Final = 8


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.first_norm = nn.GroupNorm(width // _GROUP, width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = nn.GroupNorm(width // _GROUP, width)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.relu(self.first_norm(self.first(x)))
        return F.relu(x + self.second_norm(self.second(hidden)))


class _Down(nn.Module):
    def __init__(self, inputs: int, width: int, kernel: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, width, kernel, stride=2, padding=kernel // 2, bias=False)
        self.norm = nn.GroupNorm(width // _GROUP, width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.convolution(x)))


class Network(nn.Module):
    """Pictures of any number of channels to the logits of some questions, each looking where it wants to."""

    def __init__(self, channels: int, questions: Sequence[str]) -> None:
        super().__init__()
        stages: list[nn.Module] = [_Down(channels, _WIDTHS[0], 5)]
        for before, width in pairwise(_WIDTHS):
            stages += [_Down(before, width, 3), _Residual(width)]
        self.stages = nn.Sequential(*stages)
        self.where = nn.Conv2d(_WIDTHS[-1], len(questions), 1)
        self.heads = nn.ModuleDict({question: nn.Linear(_WIDTHS[-1], len(LABELS[question])) for question in questions})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(B, channels, side, side) → by question (B, answers)."""
        return self.looked(x)[0]

    def looked(self, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The same, and the logits of where each question was looked into: (B, questions, side/16, side/16)."""
        seen = self.stages(x)
        where = self.where(seen).float()
        pooled = torch.einsum("bqn,bcn->bqc", where.flatten(2).softmax(-1), seen.flatten(2).float())
        return {question: head(pooled[:, i]) for i, (question, head) in enumerate(self.heads.items())}, where


class JudgeNetworks(nn.Module):
    """Both networks: ``look`` sees one frame, ``movement`` the first frame and what changes from each to the next."""

    def __init__(self) -> None:
        super().__init__()
        self.look = Network(3, LOOK)
        self.movement = Network(3 * FRAMES, MOVEMENT)


def look_input(frames: Tensor) -> Tensor:
    """Frames (N, 3, H, W) in [0, 1] as ``look`` sees them: (N, 3, LOOK_SIDE, LOOK_SIDE)."""
    return F.interpolate(frames, (LOOK_SIDE, LOOK_SIDE), mode="area")


def movement_input(clip: Tensor) -> Tensor:
    """A clip (FRAMES, 3, H, W) in [0, 1] at the size that ``movement`` sees: (FRAMES, 3, side, side)."""
    return F.interpolate(clip, (MOVEMENT_SIDE, MOVEMENT_SIDE), mode="area")


def changes(clips: Tensor) -> Tensor:
    """Clips (B, FRAMES, 3, side, side) as ``movement`` takes them: (B, 3·FRAMES, side, side)."""
    differences = (clips[:, 1:] - clips[:, :-1]) * 3.0  # as large as the first frame is
    return torch.cat([clips[:, :1] - 0.5, differences], 1).flatten(1, 2)


def from_tensors(tensors: Mapping[str, Tensor]) -> JudgeNetworks:
    """From a state dict of any precision. Raises RuntimeError unless every tensor fits."""
    networks = JudgeNetworks()
    networks.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return networks.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

"""What the judges' networks are built of."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_MOMENTUM = 0.05


class Norm(nn.Module):
    """Over the batch: to norm each picture by itself would take away its tone, which tells colours and light."""

    mean: Tensor
    variance: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.mean, self.variance, self.weight, self.bias, self.training, _MOMENTUM)


class Residual(nn.Module):
    """(B, width, h, w) → the same, plus what two convolutions find in it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.first_norm = Norm(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = Norm(width)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.relu(self.first_norm(self.first(x)))
        return F.relu(x + self.second_norm(self.second(hidden)))


class Down(nn.Module):
    """(B, inputs, h, w) → (B, width, h/2, w/2)."""

    def __init__(self, inputs: int, width: int, kernel: int = 3) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, width, kernel, stride=2, padding=kernel // 2, bias=False)
        self.norm = Norm(width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.convolution(x)))


def brighter(x: Tensor) -> Tensor:
    """Pictures in [0, 1] as networks see them, in [-1, 1]: the dark takes up more room, so that nights have colours."""
    return x.clamp(0, 1).sqrt() * 2 - 1


def perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))

"""The two colours of a picture of a pattern."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_SIDE = 64
_ROUNDS = 8


def two_colours(picture: Tensor) -> Tensor:
    """The means (2, 3) of two clusters of the colours of a picture (1, 3, H, W): 2-means, from the ends of the line
    along which they differ most."""
    colours = functional.interpolate(picture, (_SIDE, _SIDE), mode="area")[0].flatten(1).T
    off = colours - colours.mean(0)
    along = off @ torch.linalg.eigh(off.T @ off).eigenvectors[:, -1]
    order = along.argsort()
    means = torch.stack([colours[part].mean(0) for part in (order[: len(order) // 5], order[-(len(order) // 5) :])])
    for _ in range(_ROUNDS):
        nearest = torch.cdist(colours, means).argmin(1)
        means = torch.stack([_mean(colours[nearest == number], mean) for number, mean in enumerate(means)])
    return means


def _mean(some: Tensor, else_: Tensor) -> Tensor:
    return some.mean(0) if len(some) else else_

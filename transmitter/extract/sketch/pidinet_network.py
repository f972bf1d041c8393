"""PiDiNet, the pixel difference network for edges (Su et al., ICCV 2021), as the paper's sketch extractor (II-A).

Every block is a depthwise convolution of differences between pixels: a linear map, so it is one ordinary depthwise
convolution whose kernel is worked out from the weights. Parameter names are those of the authors' checkpoints.
"""

from __future__ import annotations

from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Kind = Literal["cd", "ad", "rd", "cv"]

WIDTHS: Final = {"tiny": (20, 8), "small": (30, 12), "full": (60, 24)}
"""Channels of the first stage, and of the side branches."""

_KINDS: Final[tuple[Kind, ...]] = ("cd", "ad", "rd", "cv")
_BLOCKS: Final = (3, 4, 4, 4)  # of the four stages; the first convolution stands for the first block of stage 1
_DILATIONS: Final = (5, 7, 9, 11)
_MEAN: Final = (0.485, 0.456, 0.406)
_DEVIATION: Final = (0.229, 0.224, 0.225)

# 3×3 kernels as rows of nine: each outer pixel against its neighbour on the ring, in the direction of the clock.
_NEXT_ON_THE_RING: Final = (3, 0, 1, 6, 4, 2, 7, 8, 5)
# A 5×5 kernel: outer pixels less the inner ones in the same direction.
_OUTER: Final = (0, 2, 4, 10, 14, 20, 22, 24)
_INNER: Final = (6, 7, 8, 11, 13, 16, 17, 18)


def difference_kernel(weight: Tensor, kind: Kind) -> Tensor:
    """The ordinary kernel of a pixel difference convolution: (C, I, 3, 3) in, (C, I, 3, 3) or for "rd" (…, 5, 5) out.

    "cd" central, "ad" angular, "rd" radial differences (the paper's section 3.1); "cv" is a convolution as it is.
    """
    if kind == "cv":
        return weight
    flat = weight.flatten(2)
    if kind == "cd":
        centre = torch.zeros_like(flat)
        centre[..., 4] = flat.sum(-1)
        return (flat - centre).view_as(weight)
    if kind == "ad":
        return (flat - flat[..., list(_NEXT_ON_THE_RING)]).view_as(weight)
    wide = flat.new_zeros(*flat.shape[:2], 25)
    wide[..., list(_OUTER)] = flat[..., 1:]
    wide[..., list(_INNER)] = -flat[..., 1:]
    return wide.view(*flat.shape[:2], 5, 5)


class _DifferenceConv(nn.Module):
    def __init__(self, channels: int, out: int, kind: Kind, groups: int) -> None:
        super().__init__()
        self.kind: Kind = kind
        self.groups = groups
        self.weight = nn.Parameter(torch.empty(out, channels // groups, 3, 3))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def forward(self, x: Tensor) -> Tensor:
        kernel = difference_kernel(self.weight, self.kind)
        return functional.conv2d(x, kernel, padding=kernel.shape[-1] // 2, groups=self.groups)

    def fused(self) -> nn.Conv2d:
        """The ordinary convolution that this is."""
        kernel = difference_kernel(self.weight.detach(), self.kind)
        out, _, side, _ = kernel.shape
        made = nn.Conv2d(kernel.shape[1] * self.groups, out, side, padding=side // 2, groups=self.groups, bias=False)
        made.weight = nn.Parameter(kernel.contiguous())
        return made


class _Block(nn.Module):
    def __init__(self, channels: int, out: int, kind: Kind, pool: bool) -> None:
        super().__init__()
        self.pool = pool
        if pool:
            self.shortcut = nn.Conv2d(channels, out, 1)
        self.conv1 = _DifferenceConv(channels, channels, kind, groups=channels)
        self.conv2 = nn.Conv2d(channels, out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.pool:
            x = functional.max_pool2d(x, 2)
        y: Tensor = self.conv2(functional.relu(self.conv1(x)))
        return y + (self.shortcut(x) if self.pool else x)


class _Dilated(nn.Module):
    """CDCM: context at four dilations."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 1)
        first, second, third, fourth = (
            nn.Conv2d(out, out, 3, padding=dilation, dilation=dilation, bias=False) for dilation in _DILATIONS
        )
        self.conv2_1, self.conv2_2, self.conv2_3, self.conv2_4 = first, second, third, fourth

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(functional.relu(x))
        made: Tensor = self.conv2_1(x) + self.conv2_2(x) + self.conv2_3(x) + self.conv2_4(x)
        return made


class _Attention(nn.Module):
    """CSAM: one weight a pixel, which keeps out the background."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 4, 1)
        self.conv2 = nn.Conv2d(4, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.conv2(self.conv1(functional.relu(x))))


class _Reduce(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.conv(x)
        return made


class PiDiNet(nn.Module):
    """Pictures to edge maps. ``size`` is one of `WIDTHS`."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, size: str = "tiny") -> None:
        super().__init__()
        width, side = WIDTHS[size]
        self.register_buffer("mean", torch.tensor(_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(3, 1, 1), persistent=False)
        self.init_block = _DifferenceConv(3, width, _KINDS[0], groups=1)
        stages = (width, 2 * width, 4 * width, 4 * width)
        self._names: list[list[str]] = []
        channels, number = width, 1
        for stage, (out, count) in enumerate(zip(stages, _BLOCKS, strict=True), 1):
            names = []
            for index in range(1, count + 1):
                name = f"block{stage}_{index}"
                setattr(self, name, _Block(channels, out, _KINDS[number % 4], pool=stage > 1 and index == 1))
                names.append(name)
                channels, number = out, number + 1
            self._names.append(names)
        self.dilations = nn.ModuleList(_Dilated(c, side) for c in stages)
        self.attentions = nn.ModuleList(_Attention(side) for _ in stages)
        self.conv_reduces = nn.ModuleList(_Reduce(side) for _ in stages)
        self.classifier = nn.Conv2d(4, 1, 1)

    def logits(self, pictures: Tensor) -> list[Tensor]:
        """Five maps (B, 1, H, W) before the sigmoid, from RGB (B, 3, H, W) in [0, 1]; the last one is the result.

        The other four are the stages', which training supervises too.
        """
        size = pictures.shape[-2:]
        x = self.init_block((pictures - self.mean) / self.deviation)
        maps = []
        for names, dilated, attention, reduce in zip(
            self._names, self.dilations, self.attentions, self.conv_reduces, strict=True
        ):
            for name in names:
                x = getattr(self, name)(x)
            side = reduce(attention(dilated(x)))
            maps.append(functional.interpolate(side, size, mode="bilinear", align_corners=False))
        return [*maps, self.classifier(torch.cat(maps, 1))]

    def forward(self, pictures: Tensor) -> Tensor:
        """Edge maps (B, 1, H, W) in [0, 1] from RGB (B, 3, H, W) in [0, 1]."""
        return torch.sigmoid(self.logits(pictures)[-1])

    def fused(self) -> PiDiNet:
        """This network for use, not for training: its difference convolutions become ordinary ones, in place."""
        self.init_block = self.init_block.fused()  # type: ignore[assignment]
        for module in self.modules():
            if isinstance(module, _Block):
                module.conv1 = module.conv1.fused()  # type: ignore[assignment]
        return self.eval()

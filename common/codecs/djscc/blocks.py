"""What the analogue picture codecs are built of: residual blocks that are gated by the SNR.

J. Xu et al., "Wireless image transmission using deep source channel coding with attention modules", 2022.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class AttentionFeature(nn.Module):
    """Gates channels by what the picture is like and how noisy the channel is (AF module).

    Global average pool, joined with the conditions (two SNRs in tens of dB, or more of that size), → Dense(C/16), ReLU
    → Dense(C), sigmoid → multiply.
    """

    def __init__(self, channels: int, conditions: int = 2) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels + conditions, channels // 16)
        self.excite = nn.Linear(channels // 16, channels)

    def forward(self, x: Tensor, snrs: Tensor) -> Tensor:
        """``x`` (B, C, H, W), ``snrs`` (B, conditions)."""
        pooled = torch.cat([x.mean(dim=(2, 3)), snrs.to(x.dtype)], dim=1)
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(pooled))))
        return x * gate[:, :, None, None]


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer with zeros for weights: what it is added to starts unchanged."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class Residual(nn.Module):
    """x + AF(conv(ReLU(conv(x)))), 3×3 convolutions of one width."""

    def __init__(self, channels: int, conditions: int = 2) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.attention = AttentionFeature(channels, conditions)

    def forward(self, x: Tensor, snrs: Tensor) -> Tensor:
        return x + self.attention(self.second(F.relu(self.first(x))), snrs)


class Stage(nn.Module):
    """Residual blocks of one width, one after the other."""

    def __init__(self, channels: int, count: int, conditions: int = 2) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Residual(channels, conditions) for _ in range(count))

    def forward(self, x: Tensor, snrs: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x, snrs)
        return x

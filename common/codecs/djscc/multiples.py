"""What the multiples of the quantiser's step are like: tables by level − Δ², for coding and for what is left over.

A multiple m is coded as its magnitude's class, a sign, and bits as they are. Coefficients up to ``TABLES`` levels above
the least ratio have a table each; of wider ones the last bits (one for each 6 dB) are coded as they are, and the rest
by a table.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from common.codecs.djscc.allocation import LEAST_RATIO

TABLES: Final = 20
"""Tables: of ratios LEAST_RATIO … LEAST_RATIO + TABLES − 1."""

MAGNITUDES: Final = 16
"""Magnitudes 0 … 14, and 15 for all above."""

TOTAL: Final = 1 << 16
"""What the frequencies of a table add up to."""


class Multiples(nn.Module):
    """The tables, fitted on photos: no part of them is trained."""

    frequencies: Tensor
    remainder: Tensor
    mean_bits: Tensor

    def __init__(self, frequencies: Tensor, remainder: Tensor, mean_bits: Tensor) -> None:
        """``frequencies`` int32 (TABLES, MAGNITUDES), rows adding up to TOTAL; ``remainder`` int8 (TABLES,), the level
        of what is left over less Δ²; ``mean_bits`` float32 (TABLES,), what a multiple takes on average."""
        super().__init__()
        self.register_buffer("frequencies", frequencies)
        self.register_buffer("remainder", remainder)
        self.register_buffer("mean_bits", mean_bits)

    def place(self, ratio: Tensor) -> tuple[Tensor, Tensor]:
        """Of level − Δ² ≥ LEAST_RATIO, int64: the table, and how many last bits are coded as they are."""
        index = ratio - LEAST_RATIO
        plain = ((index - (TABLES - 4)).clamp_min(0) + 3) // 4
        return index - 4 * plain, plain

    def residual(self, ratio: Tensor) -> Tensor:
        """Of level − Δ² ≥ LEAST_RATIO: the level of what is left over, less Δ²."""
        return self.remainder.long()[(ratio - LEAST_RATIO).clamp_max(TABLES - 1)]

    def likely(self, ratio: Tensor) -> Tensor:
        """What to multiply the estimate of what was left over by where the multiple is not known: a wide coefficient
        is hardly ever its remainder alone. The share of zeros, float32."""
        table, plain = self.place(ratio)
        zeros = self.frequencies[table, 0].float() / TOTAL
        return torch.where(plain > 0, 0.0, zeros)

    def bits(self, ratio: Tensor, multiples: Tensor) -> Tensor:
        """What each multiple takes, coded ideally, float32."""
        table, plain = self.place(ratio)
        magnitude = multiples.abs().long()
        high = magnitude >> plain
        kept = high.clamp_max(MAGNITUDES - 1)
        costs = (16.0 - self.frequencies.double().log2()).float()
        escaped = 2.0 * (high - MAGNITUDES + 2).clamp_min(1).float().log2().floor() + 1.0
        return costs[table, kept] + (magnitude > 0) + plain + (kept == MAGNITUDES - 1) * escaped

"""Linear joint source-channel coding: KLT of image blocks, with power given to coefficients to suit the SNR.

The KLT (principal components) of 32×32×3 blocks keeps the strongest coefficients. Sent uncoded, coefficient k of
variance λ_k is scaled so that it has power p_k; the receiver takes the linear minimum-mean-square-error estimate.
The best p_k for a noise of variance n per real is p_k = max(0, θ·√λ_k − n) with θ set by the total power: K.-H. Lee and
D. P. Petersen, "Optimal linear coding for vector channels", IEEE Trans. Commun. 24(12), 1976.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCK = 32
"""Side of a block in pixels: pictures have sides that are multiples of it."""

REALS = 244
"""Reals sent for a block: 61 for each 16×16 pixels, so 7808 complex symbols for a 256×256 picture."""

SNR_GRID_DB = (-10.0, 30.0)
"""Range of SNR that powers are tabled for; beyond it the ends hold."""
_GRID_POINTS = 81


def power_allocation(variances: Tensor, noise: float, power: float) -> Tensor:
    """Powers p_k that minimise the mean square error of a linear code under Σ p_k = ``power``.

    ``variances`` (K,) are the coefficients' variances, descending; ``noise`` is the variance per real. Returns (K,).
    """
    deviations = variances.double().sqrt()
    count = torch.arange(1, len(deviations) + 1, dtype=torch.float64)
    theta = (power + count * noise) / deviations.cumsum(0)
    # the coefficients in use are the first m, the largest m for which the weakest still gets power
    active = int((deviations * theta > noise).nonzero().max()) + 1
    powers = (theta[active - 1] * deviations - noise).clamp_min(0.0)
    powers[active:] = 0.0
    return powers.float()


class Klt(nn.Module):
    """Blocks to coefficients and back, and the tables of the linear code. All buffers; nothing here is trained on.

    ``basis`` (K, 3·BLOCK·BLOCK) has orthonormal rows, ``variances`` (K,) descend, ``mean`` is the one grey level that
    is taken off every sample. ``power`` is what the K coefficients of a block have together.
    """

    basis: Tensor
    variances: Tensor
    mean: Tensor
    powers: Tensor

    def __init__(self, basis: Tensor, variances: Tensor, mean: Tensor, power: float) -> None:
        super().__init__()
        self.register_buffer("basis", basis.float())
        self.register_buffer("variances", variances.float())
        self.register_buffer("mean", mean.float())
        low, high = SNR_GRID_DB
        grid = torch.linspace(low, high, _GRID_POINTS)
        table = [power_allocation(variances, 0.5 * 10.0 ** (-float(snr) / 10.0), power) for snr in grid]
        self.register_buffer("powers", torch.stack(table), persistent=False)

    def analyse(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] to coefficients (B, K, H/32, W/32)."""
        kernels = self.basis.view(-1, 3, BLOCK, BLOCK)
        return F.conv2d(pictures - self.mean, kernels, stride=BLOCK)

    def synthesise(self, coefficients: Tensor) -> Tensor:
        """Coefficients (B, K, h, w) to pictures (B, 3, 32·h, 32·w)."""
        kernels = self.basis.view(-1, 3, BLOCK, BLOCK)
        return F.conv_transpose2d(coefficients, kernels, stride=BLOCK) + self.mean

    def powers_at(self, snr_db: Tensor) -> Tensor:
        """The powers for each of (B,) SNRs in dB, linear between tabled ones: (B, K, 1, 1)."""
        low, high = SNR_GRID_DB
        position = ((snr_db - low) / (high - low)).clamp(0.0, 1.0) * (_GRID_POINTS - 1)
        below = position.floor().clamp_max(_GRID_POINTS - 2)
        weight = (position - below).unsqueeze(1)
        index = below.long()
        return ((1.0 - weight) * self.powers[index] + weight * self.powers[index + 1])[:, :, None, None]

    def gains_at(self, snr_db: Tensor) -> Tensor:
        """Factors that give the coefficients these powers: (B, K, 1, 1)."""
        return (self.powers_at(snr_db) / self.variances[None, :, None, None]).sqrt()

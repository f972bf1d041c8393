"""Linear joint source-channel coding of whole pictures: a cosine transform, with power given to suit the SNR.

The two-dimensional DCT of the whole picture, after a rotation of colours, packs pictures of all kinds far better than
that of small blocks does, and an error of one coefficient is spread over the whole picture. The coefficients that are
strongest in the mean of many photos are sent uncoded, coefficient k of variance λ_k scaled to the power p_k; the
receiver takes the linear minimum-mean-square-error estimate. For noise of variance n per real the best powers are
p_k = max(0, θ·√λ_k − n), with θ set by the total: K.-H. Lee and D. P. Petersen, "Optimal linear coding for vector
channels", IEEE Trans. Commun. 24(12), 1976. S. Jakubczak and D. Katabi, "SoftCast", 2010, carries video like this.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

GRID = 256
"""Side of the table of variances: frequencies in steps of 1/(2·GRID) cycles per pixel."""


def cosines(length: int) -> Tensor:
    """The orthonormal DCT-II as a matrix (length, length): row u is the basis function of frequency u."""
    position = torch.arange(length, dtype=torch.float64)
    matrix = torch.cos(math.pi / length * position[:, None] * (position[None, :] + 0.5)) * math.sqrt(2.0 / length)
    matrix[0] *= math.sqrt(0.5)
    return matrix.float()


def power_allocation(variances: Tensor, noise: Tensor, power: float) -> Tensor:
    """Powers (B, K) that minimise the mean square error of a linear code under Σ_k p_k = ``power``.

    ``variances`` (K,) are the coefficients', in descending order; ``noise`` (B,) is the variance per real.
    """
    deviations = variances.double().sqrt()
    noise = noise.double()[:, None]
    count = torch.arange(1, len(deviations) + 1, dtype=torch.float64, device=deviations.device)
    theta = (power + count * noise) / deviations.cumsum(0)
    # the coefficients in use are the first m, the largest m for which the weakest still gets power
    active = (deviations * theta > noise).sum(dim=1, keepdim=True)
    level = theta.gather(1, active - 1)
    return torch.where(count <= active, level * deviations - noise, 0.0).clamp_min(0.0).float()


class LinearCode(nn.Module):
    """Pictures to coefficients in descending order of mean variance, and back. Nothing here is trained on.

    ``colour`` (3, 3) has the colour axes as orthonormal columns, ``mean`` () is the grey level taken off every sample,
    ``log_variances`` (3, GRID, GRID) are natural logarithms by colour axis and vertical and horizontal frequency.
    """

    colour: Tensor
    mean: Tensor
    log_variances: Tensor

    def __init__(self, colour: Tensor, mean: Tensor, log_variances: Tensor) -> None:
        super().__init__()
        self.register_buffer("colour", colour.float())
        self.register_buffer("mean", mean.float())
        self.register_buffer("log_variances", log_variances.float())
        self._layouts: dict[tuple[int, int, torch.device], tuple[Tensor, Tensor]] = {}
        self._cosines: dict[tuple[int, torch.device], Tensor] = {}

    def layout(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Positions in the flattened (3, height, width) spectrum by descending variance, and these variances."""
        key = height, width, self.log_variances.device
        if key not in self._layouts:
            # kept for later calls, which may be under autograd even if this one is not
            with torch.inference_mode(False), torch.no_grad():
                table = _resampled(_resampled(self.log_variances, height, 1), width, 2)
                logarithms, order = torch.sort(table.flatten(), descending=True, stable=True)
                self._layouts[key] = order, logarithms.exp()
        return self._layouts[key]

    def analyse(self, pictures: Tensor, count: int) -> Tensor:
        """(B, 3, H, W) in [0, 1] to its ``count`` first coefficients (B, count)."""
        height, width = pictures.shape[2:]
        # a transform of sixteen bits would be noisier than a good channel
        with torch.autocast(pictures.device.type, enabled=False):
            rotated = torch.einsum("bchw,cd->bdhw", pictures.float() - self.mean, self.colour)
            spectrum = self._dct(height) @ rotated @ self._dct(width).T
        return spectrum.flatten(1)[:, self.layout(height, width)[0][:count]]

    def synthesise(self, coefficients: Tensor, height: int, width: int) -> Tensor:
        """Coefficients (B, count) to pictures (B, 3, height, width); the rest of the spectrum is zero."""
        order = self.layout(height, width)[0][: coefficients.shape[1]]
        spectrum = torch.zeros(len(coefficients), 3 * height * width, device=coefficients.device)
        spectrum = spectrum.index_copy(1, order, coefficients.float())
        with torch.autocast(coefficients.device.type, enabled=False):
            rotated = self._dct(height).T @ spectrum.view(-1, 3, height, width) @ self._dct(width)
            return torch.einsum("bdhw,cd->bchw", rotated, self.colour) + self.mean

    def _dct(self, length: int) -> Tensor:
        key = length, self.mean.device
        if key not in self._cosines:
            with torch.inference_mode(False):
                self._cosines[key] = cosines(length).to(self.mean.device)
        return self._cosines[key]


def _resampled(table: Tensor, length: int, dim: int) -> Tensor:
    """The table at ``length`` equally spaced frequencies along ``dim``, linear between its own."""
    position = torch.arange(length, dtype=torch.float64, device=table.device) * (GRID / length)
    below = position.floor().long().clamp_max(GRID - 2)
    shape = [1, 1, 1]
    shape[dim] = length
    weight = (position - below).clamp_max(1.0).float().view(shape)
    return (1.0 - weight) * table.index_select(dim, below) + weight * table.index_select(dim, below + 1)

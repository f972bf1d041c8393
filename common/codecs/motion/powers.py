"""Which coefficients are sent with which power, and what the receiver makes of them.

The ``count`` coefficients of largest expected variance λ_k are sent, with the powers p_k that minimise the expected
square error behind noise of variance n per real (Lee and Petersen; :func:`common.codecs.linear.power_allocation`).
All coefficients of a clip share a scale, so that the power is exactly due:

    z_k = √(p_k / λ_k) · a_k / S,   Σ z_k² = count / 2

The receiver knows S and the powers. Its estimate of a_k is that of least mean square error, for a Gaussian prior. How
the strength of a clip's coefficients falls with frequency differs from clip to clip, so the prior is corrected by what
was received: in each group of coefficients (a vector of the transform in time, an octave of spatial frequency) by the
received power above the noise against the expected one, with ``TRUST`` pseudo-observations of the expected one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from common.codecs.linear import power_allocation
from common.codecs.motion.basis import ORDER

TRUST: Final = 4.0

_LEAST_FACTOR: Final = 1e-3
_LEAST_POWER: Final = 1e-9
_TIME_GROUPS: Final = 4
_OCTAVES: Final = 5


@dataclass(frozen=True, eq=False)
class Allocation:
    """What is sent: of the n coefficients with power, their ``indices`` (n,) among all, flattened, by falling variance,
    ``weights`` √(p/λ), ``powers`` p, and the ``groups`` whose prior is corrected together. Σ p is ``energy``."""

    indices: Tensor
    variances: Tensor
    weights: Tensor
    powers: Tensor
    groups: Tensor
    energy: float

    def scale(self, sent: Tensor) -> Tensor:
        """S, (), for the values (n,) of the coefficients that are sent; 0 where all are 0."""
        return ((sent * self.weights).square().sum() / self.energy).sqrt()

    def send(self, sent: Tensor, scale: Tensor) -> Tensor:
        """The reals z (n,)."""
        return sent * self.weights / scale

    def estimate(self, received: Tensor, scale: Tensor, noise: float) -> Tensor:
        """The values (n,) of the coefficients from ``received`` = z + noise (n,) of variance ``noise`` each."""
        trusted = (self.powers / (self.powers + noise)).square()
        excess = (received.square() - noise) / self.powers
        found = _sums(trusted * excess, self.groups)
        factor = (found + TRUST) / (_sums(trusted, self.groups) + TRUST)
        powers = self.powers * factor.clamp_min(_LEAST_FACTOR)[self.groups]
        return received * (powers / (powers + noise)) * scale / self.weights


def allocate(variances: Tensor, count: int, noise: float) -> Allocation:
    """The allocation for ``count`` reals and coefficients of ``variances`` (K, 2, ORDER, ORDER) behind ``noise`` each.

    Fewer than ``count`` coefficients have power where the noise is strong.
    """
    ordered, indices = torch.sort(variances.flatten(), descending=True, stable=True)
    ordered, indices = ordered[:count], indices[:count]
    powers = power_allocation(ordered, torch.tensor([noise]), 0.5 * count)[0]
    active = powers > _LEAST_POWER
    ordered, indices, powers = ordered[active], indices[active], powers[active]
    rows, columns = indices // ORDER % ORDER, indices % ORDER
    octave = torch.log2(torch.maximum(rows, columns) + 1.0).floor().long()
    vector = (indices // (2 * ORDER * ORDER)).clamp_max(_TIME_GROUPS - 1)
    return Allocation(indices, ordered, (powers / ordered).sqrt(), powers, vector * _OCTAVES + octave, 0.5 * count)


def _sums(values: Tensor, groups: Tensor) -> Tensor:
    return torch.zeros(_TIME_GROUPS * _OCTAVES).index_add(0, groups, values)

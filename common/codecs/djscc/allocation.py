"""How a picture's symbols are ledger: which coefficients are quantised, which are sent as they are, with what power.

Every coefficient has a *level*, the integer for its expected variance (:mod:`common.codecs.djscc.levels`). One more
integer, the level Δ² of a quantiser's squared step, splits them:

- coefficients whose level is at least Δ² + LEAST_RATIO are rounded to multiples of Δ; the multiples are coded as bits,
  and what rounding left over has a smaller level, a function of level − Δ² alone;
- the strongest of all that is left, as many as there are reals in the section, are sent uncoded, with the powers of
  Lee and Petersen (:func:`common.codecs.linear.power_allocation`); the rest is not sent.

A wide step spends symbols on analogue values, a narrow one on bits. The transmitter computes from counts and energies
by level alone what each step would give, and takes the best. Levels are integers, so the receiver repeats the
allocation exactly; powers are functions of them.

Hybrid digital-analogue coding: U. Mittal, N. Phamdo, "Hybrid digital-analog (HDA) joint source-channel codes for
broadcasting and robust communications", IEEE Trans. Inf. Theory 48(5), 2002.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from common.codecs.djscc import levels

LEAST_RATIO: Final = -4
"""Coefficients of this level less Δ², or more, are quantised."""

ROUND_FROM: Final = 0.55
"""A magnitude is rounded up where its fraction is at least this: zeros are cheap."""

NO_STEP: Final = levels.MOST + 1 - LEAST_RATIO
"""A step's level that quantises nothing."""

STEPS: Final = (*range(-24, 25), NO_STEP)
"""Levels that Δ² can have."""


def quantised(values: Tensor, step: Tensor) -> Tensor:
    """Multiples of the step, as floats of whole numbers, that stand for ``values``."""
    scaled = values / step
    return torch.sign(scaled) * torch.floor(scaled.abs() + (1.0 - ROUND_FROM))


@dataclass(frozen=True)
class Spectrum:
    """What a picture holds at each level: how many coefficients, float64 (…, levels.COUNT), and their energy."""

    counts: Tensor
    energies: Tensor


def spectrum(level: Tensor, coefficients: Tensor) -> Spectrum:
    """Of levels, int64 (B, K), and coefficients (B, K)."""
    index = level - levels.LEAST
    counts = torch.zeros(len(level), levels.COUNT, dtype=torch.float64, device=level.device)
    energies = torch.zeros_like(counts)
    counts.scatter_add_(1, index, torch.ones_like(index, dtype=torch.float64))
    energies.scatter_add_(1, index, coefficients.detach().double().square())
    return Spectrum(counts, energies)


def counted(level: Tensor) -> Tensor:
    """How many of the levels, int64 (B, K), are each: int64 (B, levels.COUNT)."""
    counts = torch.zeros(len(level), levels.COUNT, dtype=torch.int64, device=level.device)
    return counts.scatter_add_(1, level - levels.LEAST, torch.ones_like(level))


@dataclass(frozen=True)
class Powers:
    """What is sent uncoded of the coefficients, by level, and how strongly.

    ``power`` (B, levels.COUNT): the mean square of each that is sent, float64. Sent are all of levels above
    ``boundary`` (B,), and of that level itself the first ``remaining`` (B,) in their order.
    """

    power: Tensor
    boundary: Tensor
    remaining: Tensor


def powers(counts: Tensor, reals: Tensor, noise: Tensor) -> Powers:
    """For ``counts`` int64 (B, levels.COUNT), ``reals`` int64 (B,) values to send and a variance per real (B,).

    Their powers add up to reals / 2.
    """
    share, above = _shares(counts, reals)
    power = _lee_petersen(share.double(), reals.double(), noise.double())
    full = (above < reals[:, None]) & (counts > 0)
    index = torch.arange(levels.COUNT, device=counts.device)
    boundary = torch.where(full, index, levels.COUNT).amin(dim=1).clamp_max(levels.COUNT - 1)
    remaining = share.gather(1, boundary[:, None])[:, 0]
    return Powers(power, boundary + levels.LEAST, remaining)


def sent(level: Tensor, found: Powers) -> Tensor:
    """Which of the coefficients of levels int64 (B, K) are sent, bool (B, K)."""
    at = level == found.boundary[:, None]
    return (level > found.boundary[:, None]) | (at & (at.cumsum(dim=1) <= found.remaining[:, None]))


def _shares(counts: Tensor, reals: Tensor) -> tuple[Tensor, Tensor]:
    """How many of each level are sent, and how many are of higher levels."""
    above = counts.flip(-1).cumsum(-1).flip(-1) - counts
    return torch.minimum(counts, (reals[..., None] - above).clamp_min(0)), above


def _lee_petersen(share: Tensor, reals: Tensor, noise: Tensor) -> Tensor:
    """Powers p = max(0, θ·√λ − noise), (…, levels.COUNT), of levels of which ``share`` are sent; Σ p = reals / 2."""
    deviations = levels.variances(share.device).sqrt()
    used = share.flip(-1).cumsum(-1).flip(-1)
    theta = (0.5 * reals[..., None] + used * noise[..., None]) / (
        (share * deviations).flip(-1).cumsum(-1).flip(-1).clamp_min(1e-300)
    )
    # the levels in use are the highest ones, down to the lowest that still gets power
    active = (deviations * theta > noise[..., None]) & (share > 0)
    index = torch.arange(levels.COUNT, device=share.device)
    lowest = torch.where(active, index, levels.COUNT).amin(dim=-1, keepdim=True).clamp_max(levels.COUNT - 1)
    power = theta.gather(-1, lowest) * deviations - noise[..., None]
    return torch.where((index >= lowest) & (share > 0), power, 0.0).clamp_min(0.0)


@dataclass(frozen=True)
class Rates:
    """What bits cost: symbols for a bit (B,) of the first, better protected part, and of the rest; float64."""

    first: Tensor
    second: Tensor


class Search:
    """Predicts the error of each step from counts and energies by level. Used by transmitters and in training."""

    def __init__(self, bits: Tensor, remainders: Tensor) -> None:
        """``bits`` float64 (R,): mean bits of a multiple at level − Δ² = LEAST_RATIO …; ``remainders`` int64 (R,): the
        levels of what is left over, less Δ². Beyond R a level's worth of bits is added for each."""
        index = torch.arange(levels.COUNT)
        steps = torch.tensor(STEPS)
        ratio = index + levels.LEAST - steps[:, None]
        self.steps = steps
        self.quantised = ratio >= LEAST_RATIO
        place = (ratio - LEAST_RATIO).clamp_min(0)
        last = len(bits) - 1
        more = (place - last).clamp_min(0) * (levels.STEP_DB / 6.0206)
        self.bits = torch.where(self.quantised, bits.double().cpu()[place.clamp_max(last)] + more, 0.0)
        left = remainders.cpu()[place.clamp_max(last)] + steps[:, None]
        self.mapped = torch.where(self.quantised, left.clamp(levels.LEAST, levels.MOST) - levels.LEAST, index)

    def best(
        self, coarse: Spectrum, rest: Spectrum, first_bits: Tensor, rates: Rates, symbols: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The best step for each picture, int64 (B,), and the squared error that it is predicted to leave, (B,).

        ``first_bits`` (B,) come on top in the first part, ``symbols`` (B,) are there for both parts and the analogue
        values; ``noise`` (B,) is the variance per real.
        """
        first = first_bits[:, None] + (coarse.counts[:, None] * self.bits).sum(-1)
        second = (rest.counts[:, None] * self.bits).sum(-1)
        coded = torch.ceil(first * rates.first[:, None]) + torch.ceil(second * rates.second[:, None])
        reals = 2.0 * (symbols[:, None] - coded)
        counts = (coarse.counts + rest.counts)[:, None].expand(-1, len(self.steps), -1)
        energies = (coarse.energies + rest.energies)[:, None].expand_as(counts)
        mapped = self.mapped.expand_as(counts)
        variances = levels.variances()
        kept = torch.where(self.quantised, counts * variances[self.mapped], energies)
        counts = torch.zeros_like(counts).scatter_add_(2, mapped, counts)
        energies = torch.zeros_like(counts).scatter_add_(2, mapped, kept)
        noises = noise.double()[:, None].expand_as(reals)
        share, _ = _shares(counts, reals.clamp_min(1.0))
        power = _lee_petersen(share, reals.clamp_min(1.0), noises)
        energy = energies * share / counts.clamp_min(1.0)
        gain = power / variances
        actual = (gain * energy).sum(-1).clamp_min(1e-12)
        noises = noises * actual / (0.5 * reals.clamp_min(1.0))
        wiener = (power * variances).sqrt() / (power + noises[..., None])
        error = (1.0 - wiener * gain.sqrt()).square() * energy + share * wiener.square() * noises[..., None]
        total = error.sum(-1) + (energies - energy).sum(-1)
        total = torch.where(reals >= 0.25 * symbols[:, None], total, torch.inf)
        total[:, -1] = torch.where(torch.isinf(total[:, -1]), 1e30, total[:, -1])
        least, place = total.min(dim=1)
        return self.steps[place], least

"""Flat fading: y = h·x + n, one tap, n ~ CN(0, σ²) with σ² = 10^(−snr_db/10). Most models are one of these."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from channel.models.base import Model, Report, State
from channel.noise import BLOCK
from common.conventions import noise_variance, snr_db_of

Gain = float | NDArray[np.complex64]
"""h of y = h·x + n: one number for all samples, or one for each."""


class FlatFading(Model):
    """A gain, constant or one for each sample, and white Gaussian noise; the gain is 1 where a model says no other.

    Bursts are processed in blocks, so that memory for gains does not grow with the burst, and may come in pieces.
    """

    in_pieces = True

    def gain(self, state: State, begin: int, count: int) -> Gain:
        """h for samples ``begin`` … ``begin + count − 1`` of the burst, counted from the burst's first."""
        return 1.0

    def apply(self, samples: NDArray[np.complex64], state: State) -> tuple[NDArray[np.complex64], Report]:
        """h·x + n; see :class:`Model`."""
        snr_db = self.snr_db(state)
        variance = noise_variance(snr_db)
        noise = state.draws.noise()
        out = np.empty(samples.size, np.complex64)
        powers: list[tuple[float, int]] = []
        for begin in range(0, max(samples.size, 1), BLOCK):
            part = samples[begin : begin + BLOCK]
            gain = self.gain(state, state.offset + begin, part.size)
            noise.add(
                _times(gain, part), state.sequence, variance, state.offset + begin, out=out[begin : begin + BLOCK]
            )
            powers.append((_power(gain), part.size))
        power = powers[0][0] if len(powers) == 1 else sum(mean * count for mean, count in powers) / samples.size
        gain_db = snr_db_of(power, 1.0)
        return out, {"snr_set_db": snr_db, "gain_db": gain_db if np.isfinite(gain_db) else None}


def _times(gain: Gain, samples: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """h·x, complex64 (n,)."""
    if not isinstance(gain, np.ndarray):
        return samples if gain == 1.0 else np.zeros_like(samples) if gain == 0.0 else samples * np.float32(gain)
    out = np.empty(samples.size, np.complex64)
    # By real products, each rounded once: a complex one may be fused or not, by the length of the stretch. What a
    # hostile burst holds (inf, nan) goes through, as it does without fading.
    with np.errstate(over="ignore", invalid="ignore"):
        out.real = gain.real * samples.real - gain.imag * samples.imag
        out.imag = gain.real * samples.imag + gain.imag * samples.real
    return out


def _power(gain: Gain) -> float:
    """Mean |h|²; 1 of no samples."""
    if not isinstance(gain, np.ndarray):
        return gain**2
    return float(np.vdot(gain, gain).real) / gain.size if gain.size else 1.0

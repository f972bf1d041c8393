"""Rician fading: Rayleigh fading beside a direct path, K = power of the direct path / power of the scattered ones."""

from __future__ import annotations

import cmath
import math

import numpy as np
from numpy.typing import NDArray

from channel.models.base import Settings, number
from channel.models.rayleigh import Rayleigh
from channel.noise import uniform
from common.knobs import Knob

K_FACTOR_DB = Knob(
    "k_factor_db",
    "power of the direct path over that of the scattered ones",
    unit="dB",
    low=-40.0,
    high=60.0,
    only_for=("rician",),
)


class Rician(Rayleigh):
    """A direct path whose phase is uniform over bursts and still within one, and scattered paths."""

    name = "rician"
    help = "flat fading beside a direct path"
    knobs = (*Rayleigh.knobs, (K_FACTOR_DB, 6.0))

    def gain(self, sequence: int, offset: int, count: int, settings: Settings) -> NDArray[np.complex64]:
        """√(K/(K+1))·e^{jθ} + √(1/(K+1))·g, so that E|h|² = 1."""
        k_factor = 10.0 ** (number(settings, K_FACTOR_DB) / 10.0)
        gain = super().gain(sequence, offset, count, settings)
        gain *= np.float32(math.sqrt(1.0 / (k_factor + 1.0)))
        phase = 2.0 * math.pi * uniform(self._seed, "direct path", sequence)
        gain += np.complex64(cmath.rect(math.sqrt(k_factor / (k_factor + 1.0)), phase))
        return gain

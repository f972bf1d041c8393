"""Rician fading: y = h·x + n, h a direct path of constant magnitude beside scattered ones, flat over frequency."""

from __future__ import annotations

import cmath
import math

import numpy as np
from numpy.typing import NDArray

from channel.models.base import MODELS, State
from channel.models.scatter import Scattered
from common.knobs import Knob

K_FACTOR_DB = Knob(
    "k_factor_db",
    "power of the direct path over that of the scattered ones",
    unit="dB",
    low=-40.0,
    high=60.0,
)


@MODELS.register("rician", "flat fading beside a direct path")
class Rician(Scattered):
    """A direct path whose phase is uniform over bursts and constant within one, and scattered paths."""

    knobs = (*Scattered.knobs, (K_FACTOR_DB, 6.0))

    def gain(self, state: State, begin: int, count: int) -> NDArray[np.complex64]:
        """√(K/(K+1))·e^{jθ} + √(1/(K+1))·g, so that E|h|² = 1; complex64 (count,)."""
        k_factor = 10.0 ** (state.number(K_FACTOR_DB) / 10.0)
        gain = super().gain(state, begin, count)
        gain *= np.float32(math.sqrt(1.0 / (k_factor + 1.0)))
        phase = 2.0 * math.pi * state.draws.uniform("direct path", state.sequence)
        gain += np.complex64(cmath.rect(math.sqrt(k_factor / (k_factor + 1.0)), phase))
        return gain

"""Rayleigh fading: y = h·x + n with h ~ CN(0, 1), flat over frequency, moving within a burst, new for each burst."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from channel.models.base import Model, Settings, number
from channel.models.scatter import scatter
from channel.noise import CounterNoise
from common.knobs import Knob, Value

COHERENCE_SYMBOLS = Knob(
    "coherence_symbols",
    "lag at which the gain's correlation has fallen to one half",
    unit="symbols",
    low=16.0,
    high=1e9,
    only_for=("rayleigh", "rician"),
)


class Rayleigh(Model):
    """Scattered paths without a direct one."""

    name = "rayleigh"
    help = "flat fading, no direct path"
    knobs: ClassVar[tuple[tuple[Knob, Value], ...]] = ((COHERENCE_SYMBOLS, 4000.0),)

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._knots = CounterNoise(seed, "fading")

    def gain(self, sequence: int, offset: int, count: int, settings: Settings) -> NDArray[np.complex64]:
        """E|h|² = 1 and E[h(i)·h*(i + τ)] = 2^(−(τ/L)²) over bursts, L the coherence length."""
        return scatter(self._knots, sequence, offset, count, number(settings, COHERENCE_SYMBOLS))

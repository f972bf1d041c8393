"""The gain of many scattered paths: a stationary complex Gaussian process that can be asked for anywhere.

White knots, one each σ_t = L/(2·√ln 2) symbols, are smoothed by a Gaussian kernel of standard deviation σ_t:
g(t) = Σ w_k·φ(t/σ_t − k) / √(Σ φ²), w_k ~ CN(0, 1) drawn by counter. So g is Gaussian and of unit power at every t,
with E[g(t)·g*(t + τ)] = exp(−τ²/(4·σ_t²)) = 2^(−(τ/L)²): a Gaussian Doppler spectrum, as each path of ITU-R F.1487 has
it. Clarke's J₀ would need all knots of a burst for each sample, as its kernel never ends; a sum of sinusoids forgets
nothing within a burst, and a Gauss-Markov chain cannot be entered in the middle.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from channel.models.base import State
from channel.models.flat import FlatFading
from channel.noise import CounterNoise
from common.knobs import Knob, Value

COHERENCE_SYMBOLS = Knob(
    "coherence_symbols",
    "lag at which the gain's correlation has fallen to one half",
    unit="symbols",
    low=16.0,
    high=1e9,
)

_REACH = 5
"""Knots to each side that count: the next would weigh at most e^(−5.5²/2) = 3e-7."""

_STEPS = 64
"""Points between two knots at which g is worked out; between points it is a line, good to −90 dB."""

_LONGEST_STEP = 1024
_PORTION = 8192


class Scattered(FlatFading):
    """Flat fading by many scattered paths, h = g, new for each burst: E|h|² = 1 and E[h(i)·h*(i + τ)] = 2^(−(τ/L)²)
    over bursts, L the coherence length."""

    knobs: ClassVar[tuple[tuple[Knob, Value], ...]] = ((COHERENCE_SYMBOLS, 4000.0),)

    def gain(self, state: State, begin: int, count: int) -> NDArray[np.complex64]:
        """g, complex64 (count,)."""
        return scatter(state.draws.noise("fading"), state.sequence, begin, count, state.number(COHERENCE_SYMBOLS))


def scatter(
    knots: CounterNoise, sequence: int, offset: int, count: int, coherence_symbols: float
) -> NDArray[np.complex64]:
    """g for samples ``offset`` … ``offset + count − 1`` of burst ``sequence``, complex64 (count,)."""
    spacing = coherence_symbols / (2.0 * math.sqrt(math.log(2.0)))
    step = min(max(1, int(spacing / _STEPS)), _LONGEST_STEP)
    out = np.empty(count, np.complex64)
    for begin in range(0, count, _PORTION):
        part = out[begin : begin + _PORTION]
        first, skip = divmod(offset + begin, step)
        points = _points(knots, sequence, first, -(-(skip + part.size) // step) + 1, step / spacing)
        # Real and imaginary part alone: each operation is then rounded once, wherever a stretch begins.
        for reals, into in zip(points, (part.real, part.imag), strict=True):
            rise = np.diff(reals)[:, None] * (np.arange(step) / step)
            into[:] = (reals[:-1, None] + rise).reshape(-1)[skip : skip + part.size]
    return out


def _points(knots: CounterNoise, sequence: int, first: int, count: int, step: float) -> NDArray[np.float64]:
    """g at points ``first`` … ``first + count − 1``, ``step`` knots apart: float64 (2, count), real and imaginary."""
    at = np.arange(first, first + count) * step
    nearest = np.rint(at)
    rest = at - nearest
    index = nearest.astype(np.int64)
    low = int(index[0])
    # Knot −5 has number 0 on the counter.
    drawn = knots.draw(int(index[-1]) - low + 2 * _REACH + 1, sequence, low)
    weights_of = np.stack((drawn.real, drawn.imag)).astype(np.float64)
    total = np.zeros((2, count))
    power = np.zeros(count)
    for knot in range(-_REACH, _REACH + 1):
        kernel = np.exp(-0.5 * (rest - knot) ** 2)
        total += weights_of[:, index - low + knot + _REACH] * kernel
        power += kernel**2
    return np.asarray(total / np.sqrt(power))

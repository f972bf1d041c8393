"""Counter-based draws: what burst ``q`` gets at sample ``i`` under seed ``s`` is a function of (s, q, i) alone.

Noise is drawn in blocks of ``BLOCK`` samples, each from its own SFC64 stream whose state is a hash of (seed, purpose,
sequence, block): so a burst gets the same noise whatever was sent before it, in whichever process, and the noise of
samples from the middle of a burst can be made alone. One 64-bit word makes one complex normal (Box and Muller 1958), so
that a counter points at a sample, and every step is one that numpy does in SIMD: a fifth of the time of a ziggurat.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 16384
"""Samples that share a stream. Part of what a seed means: another value gives other noise."""

_UNIT = np.float32(2.0**-32)
_HALF_UNIT = np.float32(2.0**-33)
_TURN = np.float32(2.0 * math.pi * 2.0**-32)


class CounterNoise:
    """A source of CN(0, σ²) samples that can be asked for any stretch of any burst, in any order. One thread at a time.

    ``purpose`` keeps draws for different ends apart that share a seed.
    """

    def __init__(self, seed: int, purpose: str = "noise") -> None:
        self._seed = seed
        self._purpose = purpose
        self._bits = np.random.SFC64(0)
        self._state: Any = self._bits.state

    def add(
        self,
        samples: NDArray[np.complex64],
        sequence: int,
        variance: float,
        offset: int = 0,
        out: NDArray[np.complex64] | None = None,
    ) -> NDArray[np.complex64]:
        """``samples`` + noise of total complex ``variance`` (half per real dimension), complex64 (n,), into ``out``
        or a new array.

        ``samples`` are those at ``offset`` … of burst ``sequence``.
        """
        out = np.empty(samples.size, np.complex64) if out is None else out
        done = 0
        while done < samples.size:
            block, skip = divmod(offset + done, BLOCK)
            count = min(BLOCK - skip, samples.size - done)
            part = out[done : done + count]
            self._draw(sequence, block, skip, variance, part)
            np.add(part, samples[done : done + count], out=part)
            done += count
        return out

    def draw(self, count: int, sequence: int, offset: int = 0) -> NDArray[np.complex64]:
        """CN(0, 1) alone, complex64 (count,)."""
        return self.add(np.zeros(count, np.complex64), sequence, 1.0, offset)

    def _draw(self, sequence: int, block: int, skip: int, variance: float, out: NDArray[np.complex64]) -> None:
        # SFC64's own seeding is three words and a counter of 1; a cryptographic hash needs no further mixing rounds.
        self._state["state"]["state"] = np.array(
            [*np.frombuffer(_digest(self._seed, self._purpose, sequence, block), np.uint64), 1], dtype=np.uint64
        )
        self._bits.state = self._state
        words = self._bits.random_raw(skip + out.size)[skip:].view(np.uint32)
        radius, angle, part = (np.empty(out.size, np.float32) for _ in range(3))
        # n = σ·√(−ln u)·e^{jθ}: |n|² is exponential with mean σ². u lies in [2⁻³³, 1]: |n|² reaches 22.9 σ².
        np.multiply(words[0::2], _UNIT, out=radius, casting="unsafe", dtype=np.float32)
        np.add(radius, _HALF_UNIT, out=radius)
        np.log(radius, out=radius)
        np.multiply(radius, np.float32(-variance), out=radius)
        np.sqrt(radius, out=radius)
        np.multiply(words[1::2], _TURN, out=angle, casting="unsafe", dtype=np.float32)
        np.cos(angle, out=part)
        np.multiply(part, radius, out=out.real)
        np.sin(angle, out=part)
        np.multiply(part, radius, out=out.imag)


class Draws:
    """All that is drawn at random on one link, by purpose. One thread at a time.

    What a purpose draws for burst ``q`` at sample ``i`` is a function of (seed, purpose, q, i) alone.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._sources: dict[str, CounterNoise] = {}

    def noise(self, purpose: str = "noise") -> CounterNoise:
        """The CN(0, σ²) source of that purpose; "noise" is the receiver noise that all models share."""
        source = self._sources.get(purpose)
        if source is None:
            source = self._sources[purpose] = CounterNoise(self._seed, purpose)
        return source

    def uniform(self, purpose: str, sequence: int) -> float:
        """One number in [0, 1) for burst ``sequence``."""
        return uniform(self._seed, purpose, sequence)


def uniform(seed: int, purpose: str, sequence: int) -> float:
    """One number in [0, 1) for burst ``sequence``, for ``purpose``."""
    return int.from_bytes(_digest(seed, purpose, sequence, 0)[:6], "little") / 2.0**48


def _digest(seed: int, purpose: str, sequence: int, block: int) -> bytes:
    return hashlib.blake2b(b"%d:%s:%d:%d" % (seed, purpose.encode(), sequence, block), digest_size=24).digest()

"""Counter-based complex Gaussian noise: sample ``i`` of burst ``q`` under seed ``s`` is a function of (s, q, i) alone.

Noise is drawn in blocks of ``BLOCK`` samples, each from its own SFC64 stream whose state is a hash of
(seed, sequence, block). So a burst gets the same noise whatever was sent before it, in whichever process, and the noise
of samples from the middle of a burst can be made alone; the price is one hash and one state a block, about 6 % of the
time that the draws take.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 8192
"""Samples that share a stream. Part of what a seed means: another value gives other noise."""


class CounterNoise:
    """A source of CN(0, σ²) samples that can be asked for any stretch of any burst, in any order."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._bits = np.random.SFC64(0)
        self._generator = np.random.Generator(self._bits)
        self._state: Any = self._bits.state

    def add(
        self, samples: NDArray[np.complex64], sequence: int, variance: float, offset: int = 0
    ) -> NDArray[np.complex64]:
        """``samples`` + noise of total complex ``variance`` (half per real dimension), as a new complex64 array (n,).

        ``samples`` are those at ``offset`` … of burst ``sequence``.
        """
        out = np.empty(samples.size, dtype=np.complex64)
        sigma = np.float32(math.sqrt(variance / 2.0))
        done = 0
        while done < samples.size:
            block, skip = divmod(offset + done, BLOCK)
            count = min(BLOCK - skip, samples.size - done)
            part = out[done : done + count].view(np.float32)
            self._draw(sequence, block, skip, part)
            np.multiply(part, sigma, out=part)
            np.add(part, samples[done : done + count].view(np.float32), out=part)
            done += count
        return out

    def _draw(self, sequence: int, block: int, skip: int, out: NDArray[np.float32]) -> None:
        digest = hashlib.blake2b(b"%d:%d:%d" % (self._seed, sequence, block), digest_size=24).digest()
        # SFC64's own seeding is three words and a counter of 1; a cryptographic hash needs no further mixing rounds.
        self._state["state"]["state"] = np.array([*np.frombuffer(digest, np.uint64), 1], dtype=np.uint64)
        self._bits.state = self._state
        if skip:
            self._generator.standard_normal(2 * skip, dtype=np.float32)
        self._generator.standard_normal(dtype=np.float32, out=out)

"""Where the burst's pilots stand and what they are: 48 in the preamble, 24 or more all over the rest.

The preamble's are a Zadoff-Chu sequence, exp(−jπ·25·n²/48): the first 24 in a row in front, the others evenly among the
header's symbols, so that a gain that moves is known there too. Their aperiodic autocorrelation, gaps and all, is at
most 0.13 of its peak. The rest, the same sequence from n = 0 on again and again, stands evenly among the sections'
symbols: with these the description is equalised when the channel fades.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

FRONT: Final = 24
PREAMBLE: Final = 48
"""Pilots of the preamble, the front ones included."""

SCATTERED: Final = 24
SYMBOLS_PER_SCATTERED: Final = 768
"""A burst has ``SCATTERED`` pilots behind the preamble, or one for so many symbols of its sections if that is more."""

_PERIOD: Final = 48
_ROOT: Final = 25


def sequence(count: int) -> NDArray[np.complex64]:
    """The first ``count`` pilots, complex64 (count,), |z| = 1. One period of 48 has no periodic autocorrelation."""
    n = np.arange(count) % _PERIOD
    return np.exp(-1j * np.pi * (_ROOT * n * n % (2 * _PERIOD)) / _PERIOD).astype(np.complex64)


def spread(count: int, length: int) -> NDArray[np.int64]:
    """``count`` places out of ``length``: the middles of ``count`` equal stretches. int64 (count,), ascending."""
    return (2 * np.arange(count, dtype=np.int64) + 1) * length // (2 * max(count, 1))


def preamble_places(header_symbols: int) -> NDArray[np.int64]:
    """Where the preamble's pilots stand, int64 (PREAMBLE,), ascending; the header's symbols are between them."""
    rest = PREAMBLE - FRONT
    return np.concatenate([np.arange(FRONT), FRONT + spread(rest, header_symbols + rest)])


def scattered_count(payload_symbols: int) -> int:
    """Pilots behind the preamble for that many symbols of sections: none where there are none."""
    return min(payload_symbols, max(SCATTERED, payload_symbols // SYMBOLS_PER_SCATTERED))

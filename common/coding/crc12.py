"""CRC-12 over words of a few bits, many at a time: x^12 + x^11 + x^3 + x^2 + x + 1 (0x80F).

The register starts at ones, so that a word of zeros, which a decoder without any signal may well produce, does not
pass.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LENGTH = 12
"""Check bits."""

POLYNOMIAL = 0x80F
"""g(x) without its leading term."""

_MASK = (1 << LENGTH) - 1


def compute(words: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The CRC of each row of ``words`` (…, n), bits, first one first: integers (…,) of 0 … 0xFFF."""
    register = np.full(words.shape[:-1], _MASK, dtype=np.int64)
    for bit in np.moveaxis(words, -1, 0):
        feedback = (register >> (LENGTH - 1)) ^ bit
        register = (register << 1 & _MASK) ^ feedback * POLYNOMIAL
    return register


def append(words: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``words`` (…, n) with their check bits behind them, most significant first: uint8 (…, n + 12)."""
    check_bits = compute(words)[..., None] >> np.arange(LENGTH - 1, -1, -1) & 1
    return np.concatenate([words, check_bits.astype(np.uint8)], axis=-1)


def check(words: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether each row of ``words`` (…, n + 12), as :func:`append` returns them, is intact as far as can be told."""
    return np.asarray(compute(words) == 0)

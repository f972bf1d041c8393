"""Gray-labelled 4-QAM: mapper and soft demapper.

Bit pair (b0, b1) -> ((1 − 2·b0) + j·(1 − 2·b1)) / √2, every symbol of power 1: the labelling of 3GPP TS 36.211, 7.1.2.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from common.coding import bits as bit_vectors

BITS_PER_SYMBOL = 2


def modulate(bits: ArrayLike) -> NDArray[np.complex64]:
    """Map an even number n of bits to complex64 (n / 2,). Raises ValueError where n is odd or values are not 0 or 1."""
    values = bit_vectors.checked(bits)
    if values.size % BITS_PER_SYMBOL:
        raise ValueError(f"4-QAM takes an even number of bits, not {values.size}")
    levels = (1.0 - 2.0 * values.astype(np.float32)) * np.float32(math.sqrt(0.5))
    return levels.view(np.complex64)


def llr(symbols: ArrayLike, noise_variance: float) -> NDArray[np.float32]:
    """Exact log P(bit = 0 | symbol) / P(bit = 1 | symbol) of each bit, equal priors, noise CN(0, ``noise_variance``).

    ``symbols`` complex (m,); ``noise_variance`` > 0 is that of the complex noise, half of it per real dimension. The
    two bits of a symbol ride on one real dimension each, so the exact LLR is linear: 2·√2·y / noise_variance. Returns
    float32 (2m,) in bit order. Raises ValueError where the noise variance is not positive and finite.
    """
    if not (math.isfinite(noise_variance) and noise_variance > 0.0):
        raise ValueError(f"the noise variance must be positive and finite, not {noise_variance}")
    received = np.ascontiguousarray(symbols, dtype=np.complex128)
    with np.errstate(over="ignore"):  # beyond single precision: as certain as infinity
        return (received.view(np.float64) * (2.0 * math.sqrt(2.0) / noise_variance)).astype(np.float32)

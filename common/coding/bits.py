"""What a vector of bits is: a 1-D array of zeros and ones, most significant bit of each byte first."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def checked(bits: ArrayLike) -> NDArray[np.uint8]:
    """``bits`` as uint8 (n,), values 0 and 1. Raises ValueError where it has another shape or other values."""
    array = np.asarray(bits)
    if array.ndim != 1:
        raise ValueError(f"bits must be a 1-D array, not of shape {array.shape}")
    if array.size and not bool(np.all((array == 0) | (array == 1))):
        raise ValueError("bits must be zeros and ones")
    return array.astype(np.uint8)


def from_bytes(data: bytes) -> NDArray[np.uint8]:
    """The bits of ``data``, uint8 (8 * len(data),), most significant bit of each byte first."""
    return np.unpackbits(np.frombuffer(data, dtype=np.uint8))


def to_bytes(bits: NDArray[np.uint8]) -> bytes:
    """Inverse of :func:`from_bytes`. Raises ValueError where the number of bits is not a multiple of 8."""
    if bits.size % 8:
        raise ValueError(f"{bits.size} bits are not a whole number of bytes")
    return np.packbits(bits).tobytes()

"""CRC-16 over bits.

The generator is x^16 + x^12 + x^5 + 1 (0x1021, CCITT; gCRC16 of 3GPP TS 36.212, 5.1.1), the register starts at 0xFFFF,
nothing is reflected or inverted at the end: the parameters known as CRC-16/CCITT-FALSE or CRC-16/IBM-3740, whose check
value over the ASCII digits "123456789" is 0x29B1. A register that starts at ones, not zeros, keeps an all-zero block,
which a decoder without any signal may well produce, from passing.

A CRC is linear over GF(2), so the remainder is the exclusive or of x^i mod g(x) over the positions of the ones: one
table of powers serves every block length, on whole bytes or not.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from common.coding import bits as bit_vectors

LENGTH = 16
"""Check bits."""

POLYNOMIAL = 0x1021
"""g(x) without its leading term."""

INITIAL = 0xFFFF
"""Register before the first bit."""

PERIOD = 32767
"""Order of x modulo g(x). In blocks of at most this many bits, check bits included, every 1- and 2-bit error is seen
(as are all odd numbers of errors, g(x) having the factor x + 1, and all bursts of at most 16 bits)."""


@cache
def _powers() -> NDArray[np.uint16]:
    """x^i mod g(x) for i = 0 … PERIOD − 1, coefficient of x^j in bit j."""
    powers = np.empty(PERIOD, dtype=np.uint16)
    remainder = 1
    for i in range(PERIOD):
        powers[i] = remainder
        remainder <<= 1
        if remainder >> LENGTH:
            remainder ^= (1 << LENGTH) | POLYNOMIAL
    return powers


def syndrome_terms(length: int) -> tuple[NDArray[np.uint16], int]:
    """What a block of ``length`` bits, check bits included, must add up to.

    Returns ``(terms, start)``: terms uint16 (length,). The block is intact where the exclusive or of ``start`` and of
    ``terms[i]`` over all i with bit i set is 0. Raises ValueError unless LENGTH <= length <= PERIOD.
    """
    if not LENGTH <= length <= PERIOD:
        raise ValueError(f"a CRC-16 block has {LENGTH} to {PERIOD} bits, not {length}")
    powers = _powers()
    # The initial register is worth the same as its bits added to the first 16 of the block.
    start = 0
    for k in range(LENGTH):
        if INITIAL >> k & 1:
            start ^= int(powers[length - LENGTH + k])
    return np.ascontiguousarray(powers[length - 1 :: -1]), start


def _syndrome(block: NDArray[np.uint8]) -> int:
    terms, start = syndrome_terms(block.size)
    return start ^ int(np.bitwise_xor.reduce(terms[block != 0], initial=0))


def compute(bits: ArrayLike) -> int:
    """The CRC of ``bits`` (n,), n <= PERIOD − 16, as an integer 0 … 0xFFFF."""
    message = bit_vectors.checked(bits)
    return _syndrome(np.concatenate([message, np.zeros(LENGTH, dtype=np.uint8)]))


def append(bits: ArrayLike) -> NDArray[np.uint8]:
    """``bits`` (n,) followed by their 16 check bits, most significant first: uint8 (n + 16,)."""
    message = bit_vectors.checked(bits)
    check_bits = bit_vectors.from_bytes(compute(message).to_bytes(LENGTH // 8, "big"))
    return np.concatenate([message, check_bits])


def check(block: ArrayLike) -> bool:
    """Whether ``block`` (n + 16,), as :func:`append` returns it, is intact as far as a CRC-16 can tell."""
    return _syndrome(bit_vectors.checked(block)) == 0

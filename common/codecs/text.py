"""The description on the air: UTF-8, one block of CRC-16, turbo code 1/3 and 4-QAM (:mod:`common.coding.block`).

A description is one line. Control characters (tab, line feed, escape …) and the line and paragraph separators become
spaces, CR LF a single one; spaces at the ends are dropped; a lone surrogate, which UTF-8 cannot carry, becomes U+FFFD.
Nothing else is changed. No text is sent as no symbols.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import ArrayLike, NDArray

from common.coding import bits as bit_vectors
from common.coding import block
from common.errors import BurstError, SchemeError

MAX_BYTES = 255
"""Longest description in bytes of UTF-8: one byte of the burst's header holds the length."""

# Unicode categories Cc, Zl and Zp: no line of text holds them, and a terminal may act on them.
_NOT_IN_A_LINE = re.compile("\r\n|[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def fit(text: str) -> tuple[bytes, bool]:
    """What of ``text`` can be sent: (UTF-8 of at most MAX_BYTES bytes, whether it was cut).

    Normalised as this module says and, where still too long, cut after the last whole character (code point) that fits.
    """
    line = _SURROGATE.sub("\ufffd", _NOT_IN_A_LINE.sub(" ", text)).strip(" ")
    data = line.encode("utf-8")
    if len(data) <= MAX_BYTES:
        return data, False
    whole = data[:MAX_BYTES].decode("utf-8", errors="ignore")
    return whole.rstrip(" ").encode("utf-8"), True


def symbol_count(byte_count: int) -> int:
    """Symbols that ``byte_count`` bytes take: 0 for 0, 1182 for 96. Raises SchemeError outside 0 … MAX_BYTES."""
    if not 0 <= byte_count <= MAX_BYTES:
        raise SchemeError(f"a description has 0 to {MAX_BYTES} bytes of UTF-8, not {byte_count}")
    return block.block_symbols(8 * byte_count) if byte_count else 0


def encode(data: bytes) -> NDArray[np.complex64]:
    """Code ``data``, as :func:`fit` returns it: complex64 (symbol_count(len(data)),), |z| = 1.

    Raises SchemeError where there are more than MAX_BYTES bytes.
    """
    if symbol_count(len(data)) == 0:
        return np.zeros(0, dtype=np.complex64)
    return block.encode_block(bit_vectors.from_bytes(data))


def decode(symbols: ArrayLike, byte_count: int, noise_variance: float) -> str | None:
    """The description, or None where it did not arrive whole; never a corrupted one, as far as can be told.

    ``symbols`` complex (symbol_count(byte_count),) at gain 1 in noise CN(0, ``noise_variance``). None stands for a
    block that :func:`common.coding.block.decode_block` gives up, and for bytes that :func:`fit` cannot have made: not
    UTF-8, or with control characters in them. "" where byte_count is 0. Raises BurstError where the number of symbols
    is another or the noise variance is negative or not finite, SchemeError outside 0 … MAX_BYTES bytes.
    """
    if symbol_count(byte_count) == 0:
        if np.size(symbols):
            raise BurstError(f"an empty description has no symbols, not {np.size(symbols)}")
        return ""
    bits = block.decode_block(symbols, 8 * byte_count, noise_variance)
    if bits is None:
        return None
    try:
        text = bit_vectors.to_bytes(bits).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if _NOT_IN_A_LINE.search(text) else text

"""Rate matching of the turbo code: which coded bits go on the air, and in what order (3GPP TS 36.212, 5.1.4.1).

Each of the three streams of the code word (bits, parities, parities of the interleaved block) is permuted by a
sub-block interleaver of 32 columns; the first, and then the other two alternating, fill a circular buffer. A code rate
is a number E of bits read from that buffer, two columns of the first stream behind its beginning (redundancy version
0): rates above 1/3 leave parities out, evenly, and lower ones go round more than once. Systematic bits of the zeros
that fill a block up are known to the receiver and skipped.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from common.coding import qpp, turbo

_COLUMNS = 32
_COLUMN_ORDER = (
    *(0, 16, 8, 24, 4, 20, 12, 28, 2, 18, 10, 26, 6, 22, 14, 30),
    *(1, 17, 9, 25, 5, 21, 13, 29, 3, 19, 11, 27, 7, 23, 15, 31),
)  # table 5.1.4-1

_NULL = -1


@cache
def _circular_buffer(K: int, used: int) -> NDArray[np.int64]:
    """The buffer from its start, as positions in the code word; bits of the block from ``used`` on are filling."""
    D = turbo.coded_length(K) // 3
    rows = -(-D // _COLUMNS)
    size = rows * _COLUMNS
    order = np.array(_COLUMN_ORDER)
    i = np.arange(size)
    # Where in its stream, which has nulls in front, each place was before; the third stream is shifted by one.
    places = order[i // rows] + _COLUMNS * (i % rows)
    first, third = places - (size - D), (places + 1) % size - (size - D)
    filling = (first >= used) & (first < K)
    buffer = np.empty(3 * size, dtype=np.int64)
    buffer[:size] = np.where((first >= 0) & ~filling, 3 * first, _NULL)
    buffer[size::2] = np.where(first >= 0, 3 * first + 1, _NULL)
    buffer[size + 1 :: 2] = np.where(third >= 0, 3 * third + 2, _NULL)
    buffer = np.roll(buffer, -2 * rows)
    return buffer[buffer != _NULL]


@cache
def positions(K: int, used: int, E: int) -> NDArray[np.int64]:
    """Position in the code word (:func:`common.coding.turbo.encode`) of each of the E bits on the air, in their order.

    ``K`` is the block's size, of which the first ``used`` bits are sent and the rest are zeros. int64 (E,), shared and
    read-only. Raises ValueError unless K is a block size, 1 <= used <= K and E >= 1.
    """
    if not (1 <= used <= K and E >= 1) or qpp.next_block_size(K) != K:
        raise ValueError(f"no rate matching of {used} of {K} bits to {E}")
    found = np.resize(_circular_buffer(K, used), E)
    found.flags.writeable = False
    return found

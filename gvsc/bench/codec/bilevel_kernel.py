"""Arithmetic coding of a bilevel picture by the neighbours of each cell, compiled with numba.

I. H. Witten, R. M. Neal, J. G. Cleary, "Arithmetic coding for data compression", Commun. ACM 30(6), 1987. A framed grid
is uint8 (side + 2, side + 4) of zeros and ones: two rows of zeros above it, two columns of them on either side.
``ones`` int64 (2^NEIGHBOURS,) is the probability of a one after each state of the neighbours, in parts of ONE.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numba import njit

NEIGHBOURS: Final = 10
ONE: Final = 1 << 16
LEAST: Final = 32
"""Least probability of either bit, in parts of ONE: nothing is impossible."""

_TOP: Final = 1 << 32
_HALF: Final = 1 << 31
_QUARTER: Final = 1 << 30


def _compiled(function: Callable[..., Any]) -> Any:
    """``function`` compiled when first called, and kept on disk where possible."""
    try:
        return njit(cache=True)(function)
    except RuntimeError:  # neither this folder nor the user's cache can be written: compile in every process
        return njit(function)


@_compiled
def _state(framed: Any, row: int, column: int) -> int:
    """The ten neighbours of a cell that come before it, as a number: three, five and two of the last three rows."""
    state = 0
    for i in range(column - 1, column + 2):
        state = 2 * state + framed[row - 2, i]
    for i in range(column - 2, column + 3):
        state = 2 * state + framed[row - 1, i]
    return 4 * state + 2 * framed[row, column - 2] + framed[row, column - 1]


@_compiled
def count(framed: Any, counts: Any) -> None:
    """Adds how often each state was followed by 0 and by 1."""
    for row in range(2, framed.shape[0]):
        for column in range(2, framed.shape[1] - 2):
            counts[_state(framed, row, column), framed[row, column]] += 1


@_compiled
def encode(framed: Any, ones: Any) -> Any:
    """The bits of a framed grid, uint8 (n,)."""
    out = np.empty(12 * framed.size + 64, np.uint8)  # a bit of LEAST / ONE costs eleven
    size, pending, low, high = 0, 0, 0, _TOP - 1
    for row in range(2, framed.shape[0]):
        for column in range(2, framed.shape[1] - 2):
            # ones on top, so that no bits at all mean an empty picture
            split = high + 1 - (high - low + 1) * ones[_state(framed, row, column)] // ONE
            if framed[row, column]:
                low = split
            else:
                high = split - 1
            while True:
                if high < _HALF or low >= _HALF:
                    bit = 1 if low >= _HALF else 0
                    out[size] = bit
                    out[size + 1 : size + 1 + pending] = 1 - bit
                    size += 1 + pending
                    pending = 0
                    low -= bit * _HALF
                    high -= bit * _HALF
                elif low >= _QUARTER and high < _HALF + _QUARTER:
                    pending += 1
                    low -= _QUARTER
                    high -= _QUARTER
                else:
                    break
                low, high = 2 * low, 2 * high + 1
    # a one names the middle, with zeros behind it as the decoder takes them; nothing at all names the bottom
    if low > 0 or pending:
        bit = 0 if low < _QUARTER else 1
        out[size] = bit
        out[size + 1 : size + 2 + pending] = 1 - bit
        size += 2 + pending
    return out[:size].copy()


@_compiled
def decode(framed: Any, bits: Any, ones: Any) -> None:
    """Fills in a framed grid of zeros from its bits; behind the last one there are zeros."""
    value, place, low, high = 0, 0, 0, _TOP - 1
    for _ in range(32):
        value = 2 * value + (bits[place] if place < bits.size else 0)
        place += 1
    for row in range(2, framed.shape[0]):
        for column in range(2, framed.shape[1] - 2):
            split = high + 1 - (high - low + 1) * ones[_state(framed, row, column)] // ONE
            if value >= split:
                framed[row, column] = 1
                low = split
            else:
                high = split - 1
            while True:
                if high < _HALF:
                    shift = 0
                elif low >= _HALF:
                    shift = _HALF
                elif low >= _QUARTER and high < _HALF + _QUARTER:
                    shift = _QUARTER
                else:
                    break
                value, low, high = 2 * (value - shift), 2 * (low - shift), 2 * (high - shift) + 1
                value += bits[place] if place < bits.size else 0
                place += 1

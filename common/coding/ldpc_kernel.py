"""The LDPC decoder's inner loops, compiled with numba. Import it where a block is decoded, not before.

Source: R. Gallager, "Low-density parity-check codes", 1962, in the layered schedule of D. Hocevar, "A reduced
complexity decoder architecture via layered decoding of LDPC codes", 2004: each check works on what the checks before it
have just made better, which takes about half the passes of updating all at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)
# log(1 + e^−|x|) as a line: the one of the turbo decoder
_SLOPE = np.float32(0.24904)
_REACH = np.float32(2.5068)


def _compiled(function: Callable[..., Any]) -> Any:
    """``function`` compiled when first called, without the interpreter lock, and kept on disk where possible."""
    try:
        return njit(nogil=True, fastmath=True, cache=True)(function)
    except RuntimeError:  # neither this folder nor the user's cache can be written: compile in every process
        return njit(nogil=True, fastmath=True)(function)


@_compiled
def _boxplus(a: Any, b: Any) -> Any:
    """LLR of the exclusive or of two bits: sign and least magnitude, with a line for the logarithmic correction."""
    far = abs(a + b)
    near = abs(a - b)
    correction = max(_SLOPE * (_REACH - far), _ZERO) - max(_SLOPE * (_REACH - near), _ZERO)
    return _HALF * (far - near) + correction


@_compiled
def decode(
    totals: NDArray[np.float32], starts: NDArray[np.int32], columns: NDArray[np.int32], iterations: int
) -> NDArray[np.bool_]:
    """Layered sum-product decoding of each row of ``totals``, in place, until its checks hold or ``iterations`` passes.

    ``totals`` (m, V): LLRs from the channel in, a-posteriori LLRs out, finite. Check r adds up the bits
    ``columns[starts[r]:starts[r + 1]]``, at least three. Returns bool (m,): whether all checks of that row hold.
    """
    checks = starts.size - 1
    degree = 0
    for r in range(checks):
        degree = max(degree, starts[r + 1] - starts[r])
    incoming = np.empty(degree, np.float32)
    forward = np.empty(degree, np.float32)
    messages = np.empty(columns.size, np.float32)
    satisfied = np.zeros(totals.shape[0], np.bool_)
    for block in range(totals.shape[0]):
        total = totals[block]
        messages[:] = _ZERO
        for _ in range(iterations):
            for r in range(checks):
                first = starts[r]
                last = starts[r + 1] - first - 1
                for i in range(last + 1):
                    incoming[i] = total[columns[first + i]] - messages[first + i]
                forward[0] = incoming[0]
                for i in range(1, last):
                    forward[i] = _boxplus(forward[i - 1], incoming[i])
                message = forward[last - 1]
                backward = incoming[last]
                messages[first + last] = message
                total[columns[first + last]] = backward + message
                for i in range(last - 1, 0, -1):
                    message = _boxplus(forward[i - 1], backward)
                    messages[first + i] = message
                    total[columns[first + i]] = incoming[i] + message
                    backward = _boxplus(backward, incoming[i])
                messages[first] = backward
                total[columns[first]] = incoming[0] + backward
            odd = False
            for r in range(checks):
                for edge in range(starts[r], starts[r + 1]):
                    odd ^= total[columns[edge]] < _ZERO
                if odd:
                    break
            if not odd:
                satisfied[block] = True
                break
    return satisfied

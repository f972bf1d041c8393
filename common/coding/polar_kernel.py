"""The polar list decoder's inner loops, compiled with numba. Import it where a header is decoded, not before.

Sources: I. Tal, A. Vardy, "List decoding of polar codes", 2015, in the logarithmic domain (A. Balatsoukas-Stimming,
M. Bastani Parizi, A. Burg, "LLR-based successive cancellation list decoding of polar codes", 2015). Subtrees without
information bits are passed over in one step, which is exact (G. Sarkis et al., "Fast polar decoders", 2014).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

_ZERO = np.float32(0.0)
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
def _check(a: Any, b: Any) -> Any:
    """LLR of a ⊕ b: sign and least magnitude, with a line for the logarithmic correction."""
    least = min(abs(a), abs(b))
    if (a < _ZERO) != (b < _ZERO):
        least = -least
    return least + max(_SLOPE * (_REACH - abs(a + b)), _ZERO) - max(_SLOPE * (_REACH - abs(a - b)), _ZERO)


@_compiled
def _penalty(x: Any) -> Any:
    """log(1 + e^x)."""
    return max(x, _ZERO) + np.float32(np.log1p(np.exp(-abs(x))))


@_compiled
def decode(
    llr: NDArray[np.float32], information: NDArray[np.bool_], width: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The ``width`` likeliest paths through the code tree, likeliest first.

    ``llr`` (N,), N a power of two, in the order of x = u·F^⊗n (no bit reversal); ``information`` (N,) tells which u
    are free, the others are 0. Returns (bits uint8 (paths, K), metrics float32 (paths,)): −log of each path's
    probability, up to a constant.
    """
    N = llr.size
    levels = 0
    while 1 << levels < N:
        levels += 1
    K = 0
    for i in range(N):
        K += information[i]
    # level s (nodes of 2^s values) of path p lies in alpha[p, 2^s : 2^(s+1)]; beta holds the finished left siblings
    alpha = np.zeros((width, N), dtype=np.float32)
    beta = np.zeros((width, N), dtype=np.uint8)
    found = np.zeros((width, K), dtype=np.uint8)
    metric = np.zeros(width, dtype=np.float32)
    done = np.empty(N, dtype=np.uint8)
    costs = np.empty(2 * width, dtype=np.float32)
    keep = np.empty(2 * width, dtype=np.bool_)
    choice = np.zeros(width, dtype=np.uint8)
    paths = 1
    k = 0
    i = 0
    while i < N:
        # the largest node that starts here and holds no information
        size = 0
        while size < levels and i % (2 << size) == 0:
            free = False
            for j in range(i, i + (2 << size)):
                if information[j]:
                    free = True
                    break
            if free:
                break
            size += 1
        leaf_free = information[i]
        top = levels - 1
        if i > 0:
            top = 0
            while not (i >> top) & 1:
                top += 1
        for p in range(paths):
            if i > 0 or size < levels:
                for s in range(top, size - 1, -1):
                    half = 1 << s
                    if s == levels - 1:
                        parent = llr
                        start = 0
                    else:
                        parent = alpha[p]
                        start = 2 * half
                    if s == top and i > 0:
                        for j in range(half):
                            a = parent[start + j]
                            b = parent[start + half + j]
                            alpha[p, half + j] = b - a if beta[p, half + j] else b + a
                    else:
                        for j in range(half):
                            alpha[p, half + j] = _check(parent[start + j], parent[start + half + j])
        if not leaf_free:
            for p in range(paths):
                cost = metric[p]
                for j in range(1 << size):
                    cost += _penalty(-alpha[p, (1 << size) + j])
                metric[p] = cost
                choice[p] = 0
        else:
            for p in range(paths):
                costs[2 * p] = metric[p] + _penalty(-alpha[p, 1])
                costs[2 * p + 1] = metric[p] + _penalty(alpha[p, 1])
            total = 2 * paths
            kept = min(total, width)
            if total <= width:
                keep[:total] = True
            else:
                order = np.argsort(costs[:total])
                keep[:total] = False
                for j in range(kept):
                    keep[order[j]] = True
            # paths with no continuation make room for the second continuation of others
            spare = paths
            hole = 0
            before = paths
            for p in range(before):
                if keep[2 * p] and keep[2 * p + 1]:
                    while hole < before and (keep[2 * hole] or keep[2 * hole + 1]):
                        hole += 1
                    if hole < before:
                        q = hole
                        hole += 1
                    else:
                        q = spare
                        spare += 1
                    alpha[q] = alpha[p]
                    beta[q] = beta[p]
                    found[q] = found[p]
                    metric[q] = costs[2 * p + 1]
                    choice[q] = 1
                    found[q, k] = 1
                    metric[p] = costs[2 * p]
                    choice[p] = 0
                    found[p, k] = 0
                elif keep[2 * p]:
                    metric[p] = costs[2 * p]
                    choice[p] = 0
                    found[p, k] = 0
                elif keep[2 * p + 1]:
                    metric[p] = costs[2 * p + 1]
                    choice[p] = 1
                    found[p, k] = 1
            paths = kept
            k += 1
        for p in range(paths):
            s = size
            for j in range(1 << s):
                done[j] = choice[p]
            while (i >> s) & 1:
                half = 1 << s
                for j in range(half):
                    done[half + j] = done[j]
                    done[j] ^= beta[p, half + j]
                s += 1
            if s < levels:
                half = 1 << s
                for j in range(half):
                    beta[p, half + j] = done[j]
        i += 1 << size
    order = np.argsort(metric[:paths])
    return found[:paths][order], metric[:paths][order]

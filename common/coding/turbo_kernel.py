"""The turbo decoder's inner loops, compiled with numba. Import it where a block is decoded, not before.

Source: L. Bahl, J. Cocke, F. Jelinek, J. Raviv, "Optimal decoding of linear codes for minimizing symbol error rate",
1974, in the logarithmic domain (P. Robertson, E. Villebrun, P. Hoeher, 1995); the trellis is that of 3GPP TS 36.212,
5.1.3.2.1: state (a1 a2 a3), newest first, register input f = u ^ a2 ^ a3, parity f ^ a1 ^ a3, next state (f a1 a2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

# Blocks wrong at K = 768 and −1.5 dB: exact max* 0.31, this line 0.33, a line from ln 2 with slope −1/4 0.36 (the same
# 1500 blocks), no correction and extrinsic LLRs scaled by 3/4 0.47 (1500 others, the line from ln 2 there 0.33). With
# the correction, scaling the extrinsic LLRs loses (0.9: 0.41 against 0.33), so they are passed on as they are.
_SLOPE = np.float32(0.24904)
_REACH = np.float32(2.5068)
_UNREACHABLE = np.float32(-1.0e6)


def _compiled(function: Callable[..., Any]) -> Any:
    """``function`` compiled when first called, without the interpreter lock, and kept on disk where possible."""
    try:
        return njit(nogil=True, fastmath=True, cache=True)(function)
    except RuntimeError:  # neither this folder nor the user's cache can be written: compile in every process
        return njit(nogil=True, fastmath=True)(function)


@_compiled
def _max_star(a: Any, b: Any) -> Any:
    """log(e^a + e^b), the correction log(1 + e^−|a−b|) replaced by a line: linear log-MAP (Valenti and Sun, 2001)."""
    return max(a, b) + max(_SLOPE * (_REACH - abs(a - b)), np.float32(0.0))


@_compiled
def constituent(
    systematic: NDArray[np.float32],
    parity: NDArray[np.float32],
    apriori: NDArray[np.float32],
    alpha: NDArray[np.float32],
    extrinsic: NDArray[np.float32],
) -> None:
    """Forward and backward recursion over one constituent code; writes its extrinsic LLRs.

    ``systematic`` and ``parity`` (K + 3,) with the tail, ``apriori`` and ``extrinsic`` (K,), ``alpha`` (K, 8) scratch.
    A branch with bits (u, z) has metric ±s ± p, s and p half the LLRs, plus where the bit is 0.
    """
    K = apriori.size
    half = np.float32(0.5)
    a0 = np.float32(0.0)
    a1 = a2 = a3 = a4 = a5 = a6 = a7 = _UNREACHABLE
    for k in range(K):
        alpha[k, 0] = a0
        alpha[k, 1] = a1
        alpha[k, 2] = a2
        alpha[k, 3] = a3
        alpha[k, 4] = a4
        alpha[k, 5] = a5
        alpha[k, 6] = a6
        alpha[k, 7] = a7
        s = half * (systematic[k] + apriori[k])
        p = half * parity[k]
        g = s + p
        h = s - p
        n0 = _max_star(a0 + g, a1 - g)
        n1 = _max_star(a3 + h, a2 - h)
        n2 = _max_star(a4 + h, a5 - h)
        n3 = _max_star(a7 + g, a6 - g)
        n4 = _max_star(a1 + g, a0 - g)
        n5 = _max_star(a2 + h, a3 - h)
        n6 = _max_star(a5 + h, a4 - h)
        n7 = _max_star(a6 + g, a7 - g)
        # only differences count: state 0 is the zero of the scale, so that sums stay small
        a0 = np.float32(0.0)
        a1 = n1 - n0
        a2 = n2 - n0
        a3 = n3 - n0
        a4 = n4 - n0
        a5 = n5 - n0
        a6 = n6 - n0
        a7 = n7 - n0

    b0 = np.float32(0.0)
    b1 = b2 = b3 = b4 = b5 = b6 = b7 = _UNREACHABLE
    for k in range(K + 2, -1, -1):
        p = half * parity[k]
        s = half * systematic[k]
        if k < K:
            s += half * apriori[k]
            f0, f1, f2, f3 = alpha[k, 0], alpha[k, 1], alpha[k, 2], alpha[k, 3]
            f4, f5, f6, f7 = alpha[k, 4], alpha[k, 5], alpha[k, 6], alpha[k, 7]
            zero_with_0 = _max_star(_max_star(f0 + b0, f1 + b4), _max_star(f6 + b7, f7 + b3))
            zero_with_1 = _max_star(_max_star(f2 + b5, f3 + b1), _max_star(f4 + b2, f5 + b6))
            one_with_0 = _max_star(_max_star(f2 + b1, f3 + b5), _max_star(f4 + b6, f5 + b2))
            one_with_1 = _max_star(_max_star(f0 + b4, f1 + b0), _max_star(f6 + b3, f7 + b7))
            zero = _max_star(zero_with_0 + p, zero_with_1 - p)
            one = _max_star(one_with_0 + p, one_with_1 - p)
            extrinsic[k] = zero - one
        g = s + p
        h = s - p
        n0 = _max_star(b0 + g, b4 - g)
        n1 = _max_star(b4 + g, b0 - g)
        n2 = _max_star(b5 + h, b1 - h)
        n3 = _max_star(b1 + h, b5 - h)
        n4 = _max_star(b2 + h, b6 - h)
        n5 = _max_star(b6 + h, b2 - h)
        n6 = _max_star(b7 + g, b3 - g)
        n7 = _max_star(b3 + g, b7 - g)
        b0 = np.float32(0.0)
        b1 = n1 - n0
        b2 = n2 - n0
        b3 = n3 - n0
        b4 = n4 - n0
        b5 = n5 - n0
        b6 = n6 - n0
        b7 = n7 - n0


@_compiled
def decode(
    systematic: NDArray[np.float32],
    parity: NDArray[np.float32],
    systematic_interleaved: NDArray[np.float32],
    parity_interleaved: NDArray[np.float32],
    interleaver: NDArray[np.int64],
    iterations: int,
    syndrome_terms: NDArray[np.uint16],
    syndrome_start: int,
) -> NDArray[np.uint8]:
    """Iterate both constituent decoders until the syndrome is zero, ``iterations`` times at most.

    The four LLR vectors are (K + 3,), tails included; ``syndrome_terms`` covers the first bits of the block, or is
    empty with a start other than 0, where there is nothing to check. Returns hard decisions, uint8 (K,).
    """
    K = interleaver.size
    alpha = np.empty((K, 8), dtype=np.float32)
    apriori = np.zeros(K, dtype=np.float32)
    apriori_interleaved = np.empty(K, dtype=np.float32)
    extrinsic = np.empty(K, dtype=np.float32)
    bits = np.empty(K, dtype=np.uint8)
    for _ in range(iterations):
        constituent(systematic, parity, apriori, alpha, extrinsic)
        for k in range(K):
            apriori_interleaved[k] = extrinsic[interleaver[k]]
        constituent(systematic_interleaved, parity_interleaved, apriori_interleaved, alpha, extrinsic)
        for k in range(K):
            apriori[interleaver[k]] = extrinsic[k]
            bits[interleaver[k]] = systematic_interleaved[k] + apriori_interleaved[k] + extrinsic[k] < 0.0
        syndrome = np.int64(syndrome_start)
        for k in range(syndrome_terms.size):
            if bits[k]:
                syndrome ^= np.int64(syndrome_terms[k])
        if syndrome == 0:
            break
    return bits

"""The turbo decoder's inner loops, compiled with numba. Import it where a block is decoded, not before.

Source: L. Bahl, J. Cocke, F. Jelinek, J. Raviv, "Optimal decoding of linear codes for minimizing symbol error rate",
1974, in the logarithmic domain (P. Robertson, E. Villebrun, P. Hoeher, 1995); the trellis is that of 3GPP TS 36.212,
5.1.3.2.1: state (a1 a2 a3), newest first, register input f = u ^ a2 ^ a3, parity f ^ a1 ^ a3, next state (f a1 a2).

Several blocks are decoded side by side, one in each SIMD lane; a lane whose block is done takes the next one. All that
a trellis step needs lies in one record of RECORD rows, one float32 a lane in each row, in a flat array:

    row 0      extrinsic LLR of the bit
    rows 1–7   metrics of the states 1 … 7: forward ones, overwritten by backward ones; state 0 is their zero
    row 8      LLR of the systematic bit
    row 9      LLR of the parity bit
    row 10     a-priori LLR of the bit

One array and offsets the compiler can tell apart are what makes it vectorise: with an array for each kind of value it
checks at each step whether they overlap, which takes longer than the step. Offsets are unsigned for the same reason.

The number of lanes is the length of the tuple ``lanes``: a constant to the compiler.
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
_INTERCEPT = np.float32(0.24904 * 2.5068)
_UNREACHABLE = np.float32(-1.0e6)
_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)

RECORD = 11
"""Rows of a record."""

TAIL_STEPS = 3


def _compiled(function: Callable[..., Any]) -> Any:
    """``function`` compiled when first called, without the interpreter lock, and kept on disk where possible."""
    try:
        return njit(nogil=True, fastmath=True, cache=True)(function)
    except RuntimeError:  # neither this folder nor the user's cache can be written: compile in every process
        return njit(nogil=True, fastmath=True)(function)


def records(K: int) -> int:
    """Records of a constituent decoder: the K + 3 steps and the state after them."""
    return K + TAIL_STEPS + 1


@_compiled
def _max_star(a: Any, b: Any) -> Any:
    """log(e^a + e^b), the correction log(1 + e^−|a−b|) replaced by a line: linear log-MAP (Valenti and Sun, 2001)."""
    return max(a, b) + max(_ZERO, _INTERCEPT - _SLOPE * abs(a - b))


@_compiled
def _forward(work: NDArray[np.float32], offset: Any, lanes: Any) -> None:
    """Forward metrics of the next record from those of the record at ``offset``."""
    W = np.uintp(len(lanes))
    here = offset
    there = offset + np.uintp(RECORD) * W
    r2, r3, r4, r5 = np.uintp(2) * W, np.uintp(3) * W, np.uintp(4) * W, np.uintp(5) * W
    r6, r7, r8, r9, r10 = np.uintp(6) * W, np.uintp(7) * W, np.uintp(8) * W, np.uintp(9) * W, np.uintp(10) * W
    for j in range(W):
        a1, a2, a3 = work[here + W + j], work[here + r2 + j], work[here + r3 + j]
        a4, a5, a6, a7 = work[here + r4 + j], work[here + r5 + j], work[here + r6 + j], work[here + r7 + j]
        # a branch with bits (u, z) has metric ±s ± p, s and p half the LLRs, plus where the bit is 0
        s = _HALF * (work[here + r8 + j] + work[here + r10 + j])
        p = _HALF * work[here + r9 + j]
        g = s + p
        h = s - p
        zero = _max_star(g, a1 - g)  # only differences count: state 0 is the zero of the scale, so that sums stay small
        work[there + W + j] = _max_star(a3 + h, a2 - h) - zero
        work[there + r2 + j] = _max_star(a4 + h, a5 - h) - zero
        work[there + r3 + j] = _max_star(a7 + g, a6 - g) - zero
        work[there + r4 + j] = _max_star(a1 + g, -g) - zero
        work[there + r5 + j] = _max_star(a2 + h, a3 - h) - zero
        work[there + r6 + j] = _max_star(a5 + h, a4 - h) - zero
        work[there + r7 + j] = _max_star(a6 + g, a7 - g) - zero


@_compiled
def _backward(work: NDArray[np.float32], offset: Any, lanes: Any) -> None:
    """Extrinsic LLR and backward metrics of the record at ``offset``, from its forward ones and the next one's."""
    W = np.uintp(len(lanes))
    here = offset
    there = offset + np.uintp(RECORD) * W
    r2, r3, r4, r5 = np.uintp(2) * W, np.uintp(3) * W, np.uintp(4) * W, np.uintp(5) * W
    r6, r7, r8, r9, r10 = np.uintp(6) * W, np.uintp(7) * W, np.uintp(8) * W, np.uintp(9) * W, np.uintp(10) * W
    for j in range(W):
        f1, f2, f3 = work[here + W + j], work[here + r2 + j], work[here + r3 + j]
        f4, f5, f6, f7 = work[here + r4 + j], work[here + r5 + j], work[here + r6 + j], work[here + r7 + j]
        b1, b2, b3 = work[there + W + j], work[there + r2 + j], work[there + r3 + j]
        b4, b5, b6, b7 = work[there + r4 + j], work[there + r5 + j], work[there + r6 + j], work[there + r7 + j]
        s = _HALF * (work[here + r8 + j] + work[here + r10 + j])
        p = _HALF * work[here + r9 + j]
        zero_with_0 = _max_star(_max_star(_ZERO, f1 + b4), _max_star(f6 + b7, f7 + b3))
        zero_with_1 = _max_star(_max_star(f2 + b5, f3 + b1), _max_star(f4 + b2, f5 + b6))
        one_with_0 = _max_star(_max_star(f2 + b1, f3 + b5), _max_star(f4 + b6, f5 + b2))
        one_with_1 = _max_star(_max_star(b4, f1), _max_star(f6 + b3, f7 + b7))
        work[here + j] = _max_star(zero_with_0 + p, zero_with_1 - p) - _max_star(one_with_0 + p, one_with_1 - p)
        g = s + p
        h = s - p
        zero = _max_star(g, b4 - g)
        work[here + W + j] = _max_star(b4 + g, -g) - zero
        work[here + r2 + j] = _max_star(b5 + h, b1 - h) - zero
        work[here + r3 + j] = _max_star(b1 + h, b5 - h) - zero
        work[here + r4 + j] = _max_star(b2 + h, b6 - h) - zero
        work[here + r5 + j] = _max_star(b6 + h, b2 - h) - zero
        work[here + r6 + j] = _max_star(b7 + g, b3 - g) - zero
        work[here + r7 + j] = _max_star(b3 + g, b7 - g) - zero


@_compiled
def constituent(work: NDArray[np.float32], K: int, lanes: Any) -> None:
    """Forward and backward recursion over one constituent code, both of whose ends are in state 0.

    ``work`` float32 (records(K) · RECORD · len(lanes),): reads the rows 8, 9 and 10, writes row 0. The rows 0 and 10
    of the tail's steps hold no values that matter, except that row 10 must be zero there.
    """
    W = len(lanes)
    size = RECORD * W
    end = (K + TAIL_STEPS) * size
    for i in range(W, 8 * W):
        work[i] = _UNREACHABLE
        work[end + i] = _UNREACHABLE
    for k in range(K):
        _forward(work, np.uintp(k * size), lanes)
    for i in range(K * size + W, (K + TAIL_STEPS) * size):  # no forward metrics there; what is left must be finite
        if i % size < 8 * W:
            work[i] = _ZERO
    for i in range(K + TAIL_STEPS):
        _backward(work, np.uintp((K + TAIL_STEPS - 1 - i) * size), lanes)


@_compiled
def _load(
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    lane: int,
    llr: NDArray[np.float32],
    interleaver: NDArray[np.int64],
    lanes: Any,
) -> None:
    """Puts a received word into one lane of both constituent decoders."""
    W = len(lanes)
    K = interleaver.size
    size = RECORD * W
    systematic, parity, apriori = 8 * W + lane, 9 * W + lane, 10 * W + lane
    for k in range(K):
        first[k * size + systematic] = llr[3 * k]
        first[k * size + parity] = llr[3 * k + 1]
        first[k * size + apriori] = _ZERO
        second[k * size + systematic] = llr[3 * interleaver[k]]
        second[k * size + parity] = llr[3 * k + 2]
    for i in range(TAIL_STEPS):
        step = (K + i) * size
        first[step + systematic] = llr[3 * K + 2 * i]
        first[step + parity] = llr[3 * K + 2 * i + 1]
        second[step + systematic] = llr[3 * K + 6 + 2 * i]
        second[step + parity] = llr[3 * K + 7 + 2 * i]


@_compiled
def decode(
    llr: NDArray[np.float32],
    interleaver: NDArray[np.int64],
    iterations: int,
    syndrome_terms: NDArray[np.uint16],
    syndrome_start: int,
    lanes: Any,
) -> NDArray[np.uint8]:
    """Iterate both constituent decoders until a block's syndrome is zero, ``iterations`` times at most.

    ``llr`` (B, 3K + 12), C-contiguous; ``syndrome_terms`` covers the first bits of a block, or is empty with a start
    other than 0, where there is nothing to check. Returns hard decisions, uint8 (B, K).
    """
    W = len(lanes)
    B = llr.shape[0]
    K = interleaver.size
    size = RECORD * W
    first = np.zeros((K + TAIL_STEPS + 1) * size, dtype=np.float32)
    second = np.zeros((K + TAIL_STEPS + 1) * size, dtype=np.float32)
    hard = np.zeros(K * W, dtype=np.uint8)
    syndromes = np.zeros(W, dtype=np.uint16)
    decided = np.empty((B, K), dtype=np.uint8)
    block_of = np.full(W, -1)
    done = np.zeros(W, dtype=np.int64)
    following = min(W, B)
    busy = following
    for j in range(busy):
        block_of[j] = j
        _load(first, second, j, llr[j], interleaver, lanes)
    while busy:
        constituent(first, K, lanes)
        for k in range(K):
            target, source = k * size + 10 * W, interleaver[k] * size
            for j in range(W):
                second[target + j] = first[source + j]
        constituent(second, K, lanes)
        for k in range(K):
            target, source = interleaver[k], k * size
            for j in range(W):
                extrinsic = second[source + j]
                first[target * size + 10 * W + j] = extrinsic
                hard[target * W + j] = second[source + 8 * W + j] + second[source + 10 * W + j] + extrinsic < _ZERO
        syndromes[:] = syndrome_start
        for k in range(syndrome_terms.size):
            term = syndrome_terms[k]
            for j in range(W):
                syndromes[j] ^= term * np.uint16(hard[k * W + j])
        for j in range(W):
            if block_of[j] < 0:
                continue
            done[j] += 1
            if done[j] < iterations and syndromes[j] != 0:
                continue
            for k in range(K):
                decided[block_of[j], k] = hard[k * W + j]
            if following < B:
                block_of[j] = following
                done[j] = 0
                _load(first, second, j, llr[following], interleaver, lanes)
                following += 1
            else:
                block_of[j] = -1
                busy -= 1
    return decided

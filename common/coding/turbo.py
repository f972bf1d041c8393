"""The turbo code of LTE, rate 1/3 (3GPP TS 36.212, 5.1.3): encoder and iterative decoder.

Two 8-state recursive systematic encoders with transfer function [1, g1/g0], g0 = 1 + D² + D³ and g1 = 1 + D + D³
(octal 13 and 15), the second behind the QPP interleaver, both driven back to state zero by 3 steps each.

Order of the 3K + 12 coded bits: x0 z0 z'0 x1 z1 z'1 … (bit, parity, parity of the interleaved block), then the tails
xK zK xK+1 zK+1 xK+2 zK+2 x'K z'K x'K+1 z'K+1 x'K+2 z'K+2. That is the three streams d(0), d(1), d(2) of 5.1.3.2.2 read
out in turn, d(0)_k d(1)_k d(2)_k, without LTE's sub-block interleaver and rate matching.

The decoder is compiled with numba, which is imported when the first block is decoded, not before; compiled code is
cached on disk, so only the first decoding after an installation waits for the compiler.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from common.coding import bits as bit_vectors
from common.coding import crc, qpp

TAIL_LENGTH = 12
"""Coded bits that drive both encoders back to state zero."""

LLR_LIMIT = 1000.0
"""Magnitude at which the decoder clips its input: certain beyond doubt, and single precision still tells sums apart."""

ITERATIONS = 8
"""Most iterations of the decoder, unless told otherwise."""

FEW_LANES = 8
LANES = 16
"""Blocks decoded side by side, the first number where there are no more than that: SIMD lanes of AVX2 and AVX-512.
16 suit both; with 32 the metrics of K = 768 no longer fit into a cache of 1 MiB, and a block takes twice as long."""


def coded_length(K: int) -> int:
    """Coded bits of a block of K bits: 3K + 12."""
    return 3 * K + TAIL_LENGTH


def _recursive_encode(bits: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """One constituent encoder, from state zero back to state zero: parity (K,) and tail (6,) as x z x z x z."""
    K = bits.size
    # The register sequence is a = u / g0. As g0·(1 + D² + D³ + D⁴) = 1 + D⁷ over GF(2), that is a short filter and a
    # running sum over every seventh sample: no loop over the bits.
    padded = np.zeros(4 + -(-K // 7) * 7, dtype=np.uint8)
    padded[4 : 4 + K] = bits
    filtered = padded[4:] ^ padded[2:-2] ^ padded[1:-3] ^ padded[:-4]
    register = np.zeros(3 + K, dtype=np.uint8)
    register[3:] = np.bitwise_xor.accumulate(filtered.reshape(-1, 7), axis=0).reshape(-1)[:K]
    parity = register[3:] ^ register[2:-1] ^ register[:-3]
    a3, a2, a1 = (int(a) for a in register[-3:])
    tail = []
    for _ in range(3):  # the input that makes the register take in a zero
        tail += [a2 ^ a3, a1 ^ a3]
        a1, a2, a3 = 0, a1, a2
    return parity, np.array(tail, dtype=np.uint8)


def encode(bits: ArrayLike) -> NDArray[np.uint8]:
    """Code a block.

    ``bits`` (K,) of 0 and 1, K one of the 188 block sizes. Returns uint8 (3K + 12,) in the order given at the top of
    this module. Raises ValueError for any other K or other values.
    """
    block = bit_vectors.checked(bits)
    interleaved = block[qpp.permutation(block.size)]
    parity, tail = _recursive_encode(block)
    parity_interleaved, tail_interleaved = _recursive_encode(interleaved)
    streams = np.stack([block, parity, parity_interleaved], axis=1)
    return np.concatenate([streams.reshape(-1), tail, tail_interleaved])


def decode(llr: ArrayLike, iterations: int = ITERATIONS, protected: int = 0) -> NDArray[np.uint8]:
    """Decode blocks by iterative log-MAP (BCJR) decoding, max* by its linear approximation.

    ``llr`` (3K + 12,) or, for B blocks of one size, (B, 3K + 12): log P(bit = 0) / P(bit = 1) of each coded bit, in the
    order of :func:`encode`; magnitudes above LLR_LIMIT are clipped. ``iterations`` >= 1 is the most that are run. Where
    ``protected`` > 0, the first ``protected`` bits of a block end in a CRC-16 (:mod:`common.coding.crc`) and its
    decoding stops as soon as that holds: the caller still has to check it. Returns the hard decisions, uint8 (K,) or
    (B, K). Many blocks at once take about a tenth of the time for each.

    Raises ValueError for a length that no block has, LLRs that are not finite, and values out of range.
    """
    from common.coding import turbo_kernel  # imports numba

    values = np.asarray(llr, dtype=np.float32)
    if values.ndim not in (1, 2) or values.shape[-1] < TAIL_LENGTH or (values.shape[-1] - TAIL_LENGTH) % 3:
        raise ValueError(f"a turbo code word has 3K + 12 LLRs, not the shape {values.shape}")
    if not bool(np.isfinite(values).all()):
        raise ValueError("LLRs must be finite")
    if iterations < 1:
        raise ValueError(f"a decoder needs at least one iteration, not {iterations}")
    K = (values.shape[-1] - TAIL_LENGTH) // 3
    interleaver = qpp.permutation(K)
    if not (protected == 0 or crc.LENGTH < protected <= K):
        raise ValueError(f"the protected part must be 0 or {crc.LENGTH + 1} to {K} bits, not {protected}")
    terms, start = crc.syndrome_terms(protected) if protected else (np.zeros(0, dtype=np.uint16), 1)
    words = np.clip(values, -LLR_LIMIT, LLR_LIMIT).reshape(-1, values.shape[-1])
    lanes = (0,) * (FEW_LANES if len(words) <= FEW_LANES else LANES)
    decided = turbo_kernel.decode(words, interleaver, iterations, terms, start, lanes)
    return decided.reshape(*values.shape[:-1], K)

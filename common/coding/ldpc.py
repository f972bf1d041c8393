"""The LDPC code of 5G: 3GPP TS 38.212, 5.3.2 (code), 5.4.2.1 (bit selection, version 0), 5.4.2.2 (interleaver).

The code itself (base graphs, lifting, encoder, rate matching) is Sionna's. Importing it takes
seconds, so that happens when the first :class:`Code` is made. The decoder is :mod:`common.coding.ldpc_kernel`: Sionna's
own (flooding, 20 passes) takes 116 ms a block of 6000/12000, this one 8, and at Es/N0 = 0.8 dB it loses 5 blocks of a
hundred where that one loses 95.

LLR = log P0/P1 as everywhere here; Sionna's decoder, the oracle in tests, takes log P1/P0.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.coding import sionna_phy
from common.errors import SchemeError

MIN_BITS = 12
"""Least information bits of a block."""

MAX_BITS = 8448
"""Most information bits of a block: those of base graph 1."""

MAX_BITS_LOW_RATE = 3824
"""Most information bits of a block that can be coded below rate 1/3: those that Sionna gives to base graph 2."""

MAX_CODE_RATE = 948 / 1024
"""TS 38.214, 5.1.3: above it the 2z bits that are never sent cannot be recovered."""

ITERATIONS = 20
"""Most passes of the decoder."""

LLR_LIMIT = 100.0
"""Magnitude that LLRs from the channel are clipped to. Bits that are known have ten times this."""


class Code:
    """``k`` information bits in ``n`` coded bits; :func:`code` keeps the ones that were used last.

    Beyond 5·k bits (3·k where k > MAX_BITS_LOW_RATE) the code has no more parity, and sending starts again from the
    first bit. ``bits_per_symbol`` is that of the modulation, which the interleaver spreads the code's bits over: the
    systematic bits come first in each symbol, where QAM protects best.

    Raises SchemeError where there is no such code, PackageError where Sionna is not installed.
    """

    def __init__(self, k: int, n: int, bits_per_symbol: int) -> None:
        if not MIN_BITS <= k <= MAX_BITS:
            raise SchemeError(f"an LDPC block carries {MIN_BITS} to {MAX_BITS} bits, not {k}")
        if n % bits_per_symbol:
            raise SchemeError(f"{n} coded bits do not fill whole symbols of {bits_per_symbol} bits")
        if k > MAX_CODE_RATE * n:
            raise SchemeError(f"{n} coded bits carry at most {int(MAX_CODE_RATE * n)} bits, not {k}")
        self.k = k
        self.n = n
        most = (5 if k <= MAX_BITS_LOW_RATE else 3) * k // bits_per_symbol * bits_per_symbol
        self._once = min(n, most)
        encoder = sionna_phy.load().fec.ldpc.LDPC5GEncoder(
            k, self._once, num_bits_per_symbol=bits_per_symbol, device="cpu", check_input=False
        )
        self._encoder: Any = encoder
        self._z, self._columns_k = int(encoder.z), int(encoder.k_ldpc)
        self._deinterleave = encoder.out_int_inv.numpy()
        # Parity bits that are not sent are each in one check alone, which then tells nothing: both are left out.
        checks = max(4 * self._z, self._once - (k - 2 * self._z))
        graph = encoder.pcm.tocsr()[:checks, : self._columns_k + checks]
        graph.sort_indices()
        self._starts = graph.indptr.astype(np.int32)
        self._columns = graph.indices.astype(np.int32)

    def encode(self, blocks: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Code each row of ``blocks`` (m, k), zeros and ones: uint8 (m, n)."""
        import torch

        with torch.inference_mode():
            coded = self._encoder(torch.from_numpy(blocks.astype(np.float32))).numpy().astype(np.uint8)
        return np.take(coded, np.arange(self.n) % self._once, axis=1)

    def decode(
        self, llr: NDArray[np.float32], iterations: int = ITERATIONS
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """The likeliest information bits, uint8 (m, k), and whether all checks hold, bool (m,).

        ``llr`` (m, n) is log P(0)/P(1) of each coded bit, 0 where nothing is known; not NaN. Rows whose checks do not
        hold are wrong, and those whose checks hold may be: only a CRC tells.
        """
        from common.coding.ldpc_kernel import decode

        clipped = np.clip(llr, -LLR_LIMIT, LLR_LIMIT)
        sent = np.zeros((clipped.shape[0], self._once), dtype=np.float32)
        for start in range(0, self.n, self._once):
            part = clipped[:, start : start + self._once]
            sent[:, : part.shape[1]] += part
        sent = sent[:, self._deinterleave]
        k, systematic = self.k, self.k - 2 * self._z
        totals = np.zeros((sent.shape[0], self._columns.max() + 1), dtype=np.float32)
        totals[:, 2 * self._z : k] = sent[:, :systematic]
        totals[:, k : self._columns_k] = 10.0 * LLR_LIMIT  # filler bits: zeros that are not sent
        totals[:, self._columns_k : self._columns_k + self._once - systematic] = sent[:, systematic:]
        satisfied = decode(totals, self._starts, self._columns, iterations)
        return (totals[:, :k] < 0.0).astype(np.uint8), satisfied


@lru_cache(maxsize=32)
def code(k: int, n: int, bits_per_symbol: int) -> Code:
    """:class:`Code`, made once: building one takes 0.05 to 0.3 s."""
    return Code(k, n, bits_per_symbol)

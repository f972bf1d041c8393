"""Bits in an exact number of QAM symbols: segments, CRC-24, scrambling, 5G LDPC, rate matching.

    bits (n) | zeros  ->  C segments of k − 24 bits, CRC-24B each  ->  scrambled  ->  LDPC  ->  QAM symbols

As few segments as possible, all of one length k, so fewer than C zeros are added. The symbols are shared out as evenly
as they divide, the later segments having one more where they do not. Both ends compute this from the numbers of bits,
of symbols, and of bits per symbol: nothing else needs to be told. Sources: 3GPP TS 38.212, 5.1 (gCRC24B) and 5.2.2
(segments); TS 38.211, 5.2.1 (the scrambling sequence). Unlike there, scrambling comes before coding: a decoder that
hears nothing says all zeros, and unscrambled these are no block whose CRC holds. It also keeps a run of zeros in the
data from becoming a run of one QAM point, whose power is not 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from common.coding import bits as bit_vectors
from common.coding import ldpc, sionna_phy
from common.errors import BurstError, SchemeError
from common.modulation import qam

CRC_BITS = 24

SCRAMBLING_INIT = 7777
"""c_init of the scrambling sequence."""


@dataclass(frozen=True)
class Plan:
    """``k`` bits in each segment, its CRC included, and the symbols of each segment."""

    k: int
    symbols: tuple[int, ...]


@dataclass(frozen=True)
class Decoded:
    """``bits`` uint8 (n,) as decoded, and which segments arrived, bool (C,); a segment has ``segment_bits`` of them.

    Bits of a segment that did not arrive are not to be used.
    """

    bits: NDArray[np.uint8]
    arrived: NDArray[np.bool_]
    segment_bits: int

    @property
    def whole(self) -> NDArray[np.uint8] | None:
        """All bits, or None where a segment is missing."""
        return self.bits if bool(self.arrived.all()) else None

    @property
    def prefix(self) -> NDArray[np.uint8]:
        """The bits before the first segment that is missing, uint8 (0 … n,)."""
        first = int(np.argmin(np.append(self.arrived, False)))
        return self.bits[: first * self.segment_bits]


def most_segment_bits(low_rate: bool) -> int:
    """Most bits of a segment, its CRC included; below rate 1/3 base graph 2 with its shorter blocks is better."""
    return ldpc.MAX_BITS_LOW_RATE if low_rate else ldpc.MAX_BITS


def plan(bit_count: int, symbol_count: int, bits_per_symbol: int) -> Plan:
    """How ``bit_count`` bits go into ``symbol_count`` symbols. Raises SchemeError where they do not fit."""
    if bit_count < 1 or symbol_count < 1:
        raise SchemeError(f"a transport block has at least 1 bit and 1 symbol, not {bit_count} and {symbol_count}")
    low_rate = 3 * bit_count <= symbol_count * bits_per_symbol
    segments = -(-bit_count // (most_segment_bits(low_rate) - CRC_BITS))
    k = -(-bit_count // segments) + CRC_BITS
    symbols = tuple((symbol_count + index) // segments for index in range(segments))
    if k > ldpc.MAX_CODE_RATE * symbols[0] * bits_per_symbol:
        raise SchemeError(
            f"{bit_count} bits do not fit into {symbol_count} symbols of {qam.NAMES[bits_per_symbol]}: with CRC-24"
            f" {segments * k}, at a code rate of at most {ldpc.MAX_CODE_RATE:.3f}"
        )
    return Plan(k, symbols)


def encode(bits: ArrayLike, symbol_count: int, bits_per_symbol: int) -> NDArray[np.complex64]:
    """Code and map ``bits`` (n,): complex64 (symbol_count,), mean power 1 as near as random QAM points have it.

    For 16- and 64-QAM that is within 0.62 / √m, one standard deviation, of m symbols, repeated ones counted once.

    Raises SchemeError where they do not fit, ValueError where they are not zeros and ones.
    """
    message = bit_vectors.checked(bits)
    shares = plan(message.size, symbol_count, bits_per_symbol)
    payloads = np.zeros((len(shares.symbols), shares.k - CRC_BITS), dtype=np.uint8)
    payloads.reshape(-1)[: message.size] = message
    parts = [
        encode_segments(payloads[rows], count, bits_per_symbol).reshape(-1) for rows, count in _groups(shares.symbols)
    ]
    return np.concatenate(parts)


def decode(symbols: ArrayLike, bit_count: int, noise_variance: ArrayLike, bits_per_symbol: int) -> Decoded:
    """The ``bit_count`` bits in ``symbols``, complex (m,), the sent ones at gain 1 in noise CN(0, ``noise_variance``).

    ``noise_variance`` is a number or one for each symbol, floored at ``qam.LEAST_NOISE_VARIANCE``. Samples that are not
    finite count as erased. Raises SchemeError where no plan puts so many bits into so many symbols, BurstError where a
    noise variance is negative or not finite.
    """
    received = np.asarray(symbols, dtype=np.complex128)
    variance = np.broadcast_to(np.asarray(noise_variance, dtype=np.float64), received.shape)
    shares = plan(bit_count, received.size, bits_per_symbol)
    decoded, arrived, start = [], [], 0
    for rows, count in _groups(shares.symbols):
        part = slice(start, start + (rows.stop - rows.start) * count)
        payloads, good = decode_segments(
            received[part].reshape(-1, count), shares.k - CRC_BITS, variance[part].reshape(-1, count), bits_per_symbol
        )
        decoded.append(payloads.reshape(-1))
        arrived.append(good)
        start = part.stop
    return Decoded(np.concatenate(decoded)[:bit_count], np.concatenate(arrived), shares.k - CRC_BITS)


def encode_segments(payloads: NDArray[np.uint8], symbol_count: int, bits_per_symbol: int) -> NDArray[np.complex64]:
    """Each row of ``payloads`` (m, p) as a segment of its own: complex64 (m, symbol_count)."""
    code = ldpc.code(payloads.shape[1] + CRC_BITS, symbol_count * bits_per_symbol, bits_per_symbol)
    coded = code.encode(_with_crc(payloads) ^ _scrambling()[: code.k])
    return qam.modulate(coded.reshape(-1), bits_per_symbol).reshape(-1, symbol_count)


def decode_segments(
    symbols: NDArray[np.complexfloating], payload_bits: int, noise_variance: ArrayLike, bits_per_symbol: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Inverse of :func:`encode_segments` in noise: payloads uint8 (m, payload_bits), and which arrived, bool (m,)."""
    variance = np.asarray(noise_variance, dtype=np.float64)
    if not bool(np.all((variance >= 0.0) & (variance < np.inf))):
        raise BurstError("a noise variance must be finite and not negative")
    finite = np.isfinite(symbols)
    llr = qam.llr(np.where(finite, symbols, 0.0), np.maximum(variance, qam.LEAST_NOISE_VARIANCE), bits_per_symbol)
    llr[np.repeat(~finite, bits_per_symbol, axis=1)] = 0.0
    code = ldpc.code(payload_bits + CRC_BITS, symbols.shape[1] * bits_per_symbol, bits_per_symbol)
    blocks, satisfied = code.decode(llr)
    blocks ^= _scrambling()[: code.k]
    payloads = blocks[:, :payload_bits]
    return payloads, satisfied & (blocks == _with_crc(payloads)).all(axis=1)


def _groups(symbols: tuple[int, ...]) -> list[tuple[slice, int]]:
    """Runs of segments of equal length: at most two, (segments, symbols of each)."""
    short = symbols.count(symbols[0])
    groups = [(slice(0, short), symbols[0])]
    return groups if short == len(symbols) else [*groups, (slice(short, len(symbols)), symbols[-1])]


def _with_crc(payloads: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each row of ``payloads`` (m, p) followed by its CRC-24B, uint8 (m, p + 24)."""
    import torch

    with torch.inference_mode():
        block = _crc(payloads.shape[1])(torch.from_numpy(payloads.astype(np.float32)))
    return np.asarray(block.numpy().astype(np.uint8))


@lru_cache(maxsize=32)
def _crc(payload_bits: int) -> Any:
    return sionna_phy.load().fec.crc.CRCEncoder("CRC24B", k=payload_bits, device="cpu")


@cache
def _scrambling() -> NDArray[np.uint8]:
    return np.asarray(sionna_phy.load().nr.utils.generate_prng_seq(ldpc.MAX_BITS, SCRAMBLING_INIT)).astype(np.uint8)

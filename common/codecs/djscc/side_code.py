"""Channel coding of the bits inside a picture's section: a short header, and two parts at rates that suit the SNR.

    header (12 bits, 80 symbols) | first part | second part | analogue values

The header says how the first part is coded and how long it is; the first part says the same of the second. Each part is
cut into blocks of equal length with a CRC-16 and a turbo code each (:mod:`common.coding.turbo`), on 4-, 16- or 64-QAM.
As in :mod:`common.coding.block`, a block whose CRC holds must also correlate with what was received.

The header's code is a subset of the dual of the double-error-correcting BCH code of length 127, with one zero more:
codeword i has the bit Tr(a·x³ + b·x) for each x of GF(2⁷) (F. J. MacWilliams, N. J. A. Sloane, "The Theory of
Error-Correcting Codes", 1977, ch. 15). It is decoded by comparing with all 4 096 words; wrong ones are found by the CRC
of the first part. Measured over white noise: :data:`HEADER_SYMBOLS`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from common.coding import crc, qpp, rate_matching, turbo
from common.errors import BurstError
from common.modulation import qam

Bits = NDArray[np.uint8]
Symbols = NDArray[np.complex64]

HEADER_BITS: Final = 12
HEADER_SYMBOLS: Final = 80

BLOCK_BITS: Final = qpp.BLOCK_SIZES[-1] - crc.LENGTH
"""Most bits of one block."""

SCRAMBLING_INIT: Final = 7777
"""c_init of the scrambling sequence."""

CORRELATION_SLACK: Final = 0.25
CORRELATION_DEVIATIONS: Final = 3.0
"""See ``common.coding.block``."""


@dataclass(frozen=True)
class Mode:
    """A constellation and a code rate, and the Es/N0 in dB at which about one block of 600 bits in 100 is lost."""

    bits_per_symbol: int
    rate: float
    threshold_db: float

    @property
    def symbols_per_bit(self) -> float:
        """Symbols for a bit, the CRC and the code's tail left out."""
        return 1.0 / (self.bits_per_symbol * self.rate)


MODES: Final = (
    Mode(2, 1 / 12, -6.6),
    Mode(2, 1 / 10, -5.8),
    Mode(2, 1 / 8, -4.9),
    Mode(2, 1 / 7, -4.3),
    Mode(2, 1 / 6, -3.8),
    Mode(2, 1 / 5, -2.9),
    Mode(2, 0.23, -2.3),
    Mode(2, 0.26, -1.7),
    Mode(2, 0.3, -1.2),
    Mode(2, 1 / 3, -0.7),
    Mode(2, 0.37, 0.0),
    Mode(2, 0.41, 0.5),
    Mode(2, 0.45, 1.0),
    Mode(2, 1 / 2, 1.7),
    Mode(2, 0.55, 2.4),
    Mode(2, 0.6, 3.0),
    Mode(2, 0.65, 3.6),
    Mode(4, 0.36, 4.7),
    Mode(4, 0.4, 5.3),
    Mode(4, 0.45, 6.1),
    Mode(4, 1 / 2, 6.9),
    Mode(4, 0.55, 7.6),
    Mode(4, 0.6, 8.4),
    Mode(4, 0.65, 9.1),
    Mode(4, 0.7, 10.0),
    Mode(4, 3 / 4, 10.8),
    Mode(6, 0.55, 12.0),
    Mode(6, 0.6, 12.9),
    Mode(6, 0.65, 13.9),
    Mode(6, 0.7, 14.9),
    Mode(6, 3 / 4, 16.0),
)
"""At most 32, efficiency and threshold rising together."""

MARGINS_DB: Final = (4.0, 3.0)
"""How far below the SNR that the transmitter believes in the thresholds of the first and the second part lie, from
FULL_MARGIN_DB on; below, where symbols are dear, by MARGIN_SLOPE less for each dB, down to 1 dB less."""

FULL_MARGIN_DB: Final = 4.0
MARGIN_SLOPE: Final = 0.125


def choose(tx_snr_db: float, margin_db: float, bit_count: int) -> int:
    """The fastest mode whose threshold for about so many bits lies ``margin_db`` below an SNR: its number.

    The first where there is none. Long blocks do with less: measured 0.25 dB for each factor of three, ± 0.15.
    """
    shorter = math.log(600.0 / min(max(bit_count, 100), BLOCK_BITS), 3.0)
    needed_db = margin_db + 0.25 * shorter
    fitting = [number for number, mode in enumerate(MODES) if mode.threshold_db + needed_db <= tx_snr_db]
    return fitting[-1] if fitting else 0


def choose_both(tx_snr_db: float, margins_db: tuple[float, float], blocks: int, symbols: int) -> tuple[int, int]:
    """The modes of both parts, for a picture of so many 32×32 blocks in so many symbols: what they usually hold."""
    less_db = min(max(MARGIN_SLOPE * (FULL_MARGIN_DB - tx_snr_db), 0.0), 1.0)
    return (
        choose(tx_snr_db, margins_db[0] - less_db, 8 * blocks + 40),
        choose(tx_snr_db, margins_db[1] - less_db, symbols // 5),
    )


def lengths(bit_count: int) -> tuple[int, int]:
    """Blocks that ``bit_count`` bits take, and the bits of each; the last one is filled up with zeros."""
    blocks = max(1, -(-bit_count // BLOCK_BITS))
    return blocks, -(-bit_count // blocks)


def symbol_count(bit_count: int, mode: Mode) -> int:
    """Symbols of ``bit_count`` ≥ 0 bits; none for none."""
    if bit_count == 0:
        return 0
    blocks, length = lengths(bit_count)
    return blocks * _block_symbols(length, mode)


def _block_symbols(length: int, mode: Mode) -> int:
    return math.ceil(((length + crc.LENGTH) / mode.rate + turbo.TAIL_LENGTH) / mode.bits_per_symbol)


@cache
def _places(length: int, mode: Mode) -> NDArray[np.int64]:
    """Position in the code word of each bit on the air; neighbours on the air are far apart in it."""
    count = _block_symbols(length, mode)
    used = length + crc.LENGTH
    sent = rate_matching.positions(qpp.next_block_size(used), used, count * mode.bits_per_symbol)
    stride = max(1, round(count * (math.sqrt(5.0) - 1.0) / 2.0))
    while math.gcd(stride, count) != 1:
        stride += 1
    order = np.arange(count) * stride % count
    # bits of one symbol are taken from all of the word: those of high order are less protected
    return sent.reshape(mode.bits_per_symbol, count).T[order].reshape(-1)


@cache
def sequence(length: int) -> Bits:
    """The sequence of 3GPP TS 38.211, 5.2.1. Without it a run of zeros would be a run of one point of 16-QAM, whose
    power is not 1."""
    first, second = [1] + 30 * [0], [SCRAMBLING_INIT >> bit & 1 for bit in range(31)]
    for _ in range(1600 + length):
        first.append(first[-28] ^ first[-31])
        second.append(second[-28] ^ second[-29] ^ second[-30] ^ second[-31])
    return np.array(first[1600 : 1600 + length], np.uint8) ^ np.array(second[1600 : 1600 + length], np.uint8)


def encode(bits: Bits, mode: Mode) -> Symbols:
    """Bits (n,) to complex64 (symbol_count(n, mode),)."""
    if bits.size == 0:
        return np.zeros(0, np.complex64)
    blocks, length = lengths(bits.size)
    padded = np.zeros(blocks * length, np.uint8)
    padded[: bits.size] = bits
    return np.concatenate([_encode_block(part, mode) for part in padded.reshape(blocks, length)])


def _encode_block(bits: Bits, mode: Mode) -> Symbols:
    used = bits.size + crc.LENGTH
    block = np.zeros(qpp.next_block_size(used), np.uint8)
    block[:used] = crc.append(bits ^ sequence(bits.size))
    return qam.modulate(turbo.encode(block)[_places(bits.size, mode)], mode.bits_per_symbol)


def decode(
    symbols: NDArray[np.complexfloating], bit_count: int, noise: NDArray[np.floating], mode: Mode
) -> Bits | None:
    """The bits, or None where a block of them did not arrive. ``noise`` (m,): variance of each symbol, complex.

    Symbols that are not finite count as erased. Raises BurstError for another number of symbols.
    """
    if symbols.shape != (symbol_count(bit_count, mode),):
        raise BurstError(f"{bit_count} bits have {symbol_count(bit_count, mode)} symbols, not {symbols.shape}")
    if bit_count == 0:
        return np.zeros(0, np.uint8)
    blocks, length = lengths(bit_count)
    found = []
    for part, variances in zip(symbols.reshape(blocks, -1), noise.reshape(blocks, -1), strict=True):
        bits = _decode_block(part.astype(np.complex128), length, variances.astype(np.float64), mode)
        if bits is None:
            return None
        found.append(bits)
    return np.concatenate(found)[:bit_count]


def _decode_block(received: NDArray[np.complex128], length: int, noise: NDArray[np.float64], mode: Mode) -> Bits | None:
    heard = np.isfinite(received) & np.isfinite(noise)
    received = np.where(heard, received, 0.0)
    noise = np.where(heard, np.maximum(noise, qam.LEAST_NOISE_VARIANCE), 1.0)
    certainty = np.where(heard, 1.0 / noise, 0.0)
    if not certainty.any():
        return None
    llr = qam.llr(received, noise, mode.bits_per_symbol) * np.repeat(heard, mode.bits_per_symbol)
    llr = np.clip(llr, -turbo.LLR_LIMIT, turbo.LLR_LIMIT)
    used = length + crc.LENGTH
    size = qpp.next_block_size(used)
    word = np.bincount(_places(length, mode), weights=llr, minlength=turbo.coded_length(size))
    word[3 * used : 3 * size : 3] = turbo.LLR_LIMIT
    block = turbo.decode(word, iterations=turbo.ITERATIONS, protected=used)[:used]
    if not crc.check(block):
        return None
    bits = block[:length] ^ sequence(length)
    sent = _encode_block(bits, mode)
    weight = float((certainty * np.abs(sent) ** 2).sum())
    correlation = float((certainty * (received * sent.conj()).real).sum()) / weight
    slack = max(CORRELATION_SLACK, CORRELATION_DEVIATIONS / math.sqrt(2.0 * weight))
    return bits if correlation >= 1.0 - slack else None


@cache
def _header_words() -> Bits:
    """The 4 096 code words, uint8 (4096, 160): 128 bits, the first 32 of them twice."""
    power, powers = 1, []
    for _ in range(127):
        powers.append(power)
        power <<= 1
        if power & 128:
            power ^= 0b10000011  # x⁷ + x + 1 is primitive
    logarithm = {value: index for index, value in enumerate(powers)}

    def product(first: int, second: int) -> int:
        return 0 if first == 0 or second == 0 else powers[(logarithm[first] + logarithm[second]) % 127]

    def trace(value: int) -> int:
        total = 0
        for _ in range(7):
            total ^= value
            value = product(value, value)
        return total & 1

    basis = [1 << bit for bit in range(7)]
    cubes = [product(x, product(x, x)) for x in range(128)]
    rows = [[trace(product(a, cubes[x])) for x in range(128)] for a in basis]
    rows += [[trace(product(b, x)) for x in range(128)] for b in basis[: HEADER_BITS - 7]]
    numbers = np.arange(1 << HEADER_BITS)[:, None] >> np.arange(HEADER_BITS) & 1
    words = (numbers @ np.array(rows)) & 1
    return np.concatenate([words, words[:, :32]], axis=1).astype(np.uint8)


def encode_header(value: int) -> Symbols:
    """0 … 4095 as complex64 (HEADER_SYMBOLS,)."""
    return qam.modulate(_header_words()[value] ^ sequence(2 * HEADER_SYMBOLS))


def decode_header(symbols: NDArray[np.complexfloating], noise: NDArray[np.floating]) -> int:
    """The likeliest value, whatever was received."""
    heard = np.isfinite(symbols) & np.isfinite(noise)
    llr = qam.llr(np.where(heard, symbols, 0.0), np.where(heard, np.maximum(noise, qam.LEAST_NOISE_VARIANCE), 1.0))
    llr = llr * np.repeat(heard, 2) * (1.0 - 2.0 * sequence(2 * HEADER_SYMBOLS))
    signs = 1.0 - 2.0 * _header_words().astype(np.float32)
    return int(np.argmax(signs @ llr.astype(np.float32)))

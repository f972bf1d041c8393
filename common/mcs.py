"""Modulation and coding schemes for bits over QAM and LDPC, and how many bits a budget of symbols carries.

A threshold is the Es/N0 at which one block in a hundred is lost, measured over white noise in blocks of BLOCK_SYMBOLS
symbols, one LDPC block each, CRC-24 included: docs/results/link/ldpc.json, which `gvsc bench link ldpc` writes.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from fractions import Fraction

from common.coding import transport
from common.errors import SchemeError
from common.modulation import qam

BLOCK_SYMBOLS = 1536
"""Length of the blocks that the thresholds are measured with."""

THRESHOLD_ERROR_RATE = 1e-2

MOST_SYMBOLS = 1 << 22
"""As many as a message on the wire can hold."""


@dataclass(frozen=True)
class Mcs:
    """``code_rate`` is that of the LDPC code, k / n with the CRC among the k; ``threshold_snr_db`` is Es/N0."""

    bits_per_symbol: int
    code_rate: Fraction
    threshold_snr_db: float

    @property
    def name(self) -> str:
        """As in ``16-QAM 3/4``."""
        return f"{qam.NAMES[self.bits_per_symbol]} {self.code_rate}"

    @property
    def efficiency(self) -> float:
        """Bits a symbol, CRC included."""
        return float(self.bits_per_symbol * self.code_rate)


TABLE: tuple[Mcs, ...] = (
    Mcs(2, Fraction(1, 5), -3.60),
    Mcs(2, Fraction(1, 3), -1.16),
    Mcs(2, Fraction(1, 2), 1.17),
    Mcs(2, Fraction(2, 3), 3.19),
    Mcs(2, Fraction(5, 6), 5.39),
    Mcs(4, Fraction(1, 2), 6.19),
    Mcs(4, Fraction(2, 3), 8.84),
    Mcs(4, Fraction(3, 4), 10.11),
    Mcs(4, Fraction(5, 6), 11.51),
    Mcs(6, Fraction(2, 3), 13.61),
    Mcs(6, Fraction(3, 4), 15.24),
    Mcs(6, Fraction(5, 6), 16.91),
    Mcs(6, Fraction(9, 10), 18.52),
)
"""Efficiency and threshold rise together, so no entry is useless."""


def by_name(name: str) -> Mcs:
    """The entry with that name. Raises SchemeError where there is none."""
    for mcs in TABLE:
        if mcs.name == name:
            return mcs
    raise SchemeError(f"{name!r} is no modulation and coding scheme: {', '.join(mcs.name for mcs in TABLE)}")


def best_for(snr_db: float, margin_db: float = 0.0) -> Mcs | None:
    """The fastest entry whose threshold lies ``margin_db`` or more below ``snr_db``, None where all lie higher."""
    fitting = [mcs for mcs in TABLE if mcs.threshold_snr_db + margin_db <= snr_db]
    return fitting[-1] if fitting else None


def bits_for_symbols(symbols: int, mcs: Mcs) -> int:
    """Most bits that ``symbols`` symbols carry at the entry's code rate, the CRC of each segment taken off; 0 if none.

    :func:`common.coding.transport.encode` takes so many bits and symbols, at a code rate of at most ``mcs.code_rate``.
    Raises SchemeError where ``symbols`` is negative or beyond MOST_SYMBOLS.
    """
    if not 0 <= symbols <= MOST_SYMBOLS:
        raise SchemeError(f"a budget is 0 to {MOST_SYMBOLS} symbols, not {symbols}")
    coded = int(symbols * mcs.bits_per_symbol * mcs.code_rate)
    most = transport.most_segment_bits(low_rate=3 * mcs.code_rate <= 1)
    segments = -(-coded // most)
    # One segment fewer, all of them full, can carry more: a segment costs a CRC.
    counts = range(max(1, segments - 1), segments + 1)
    return max((count * max(0, min(coded // count, most) - transport.CRC_BITS) for count in counts), default=0)


def symbols_for_bits(bits: int, mcs: Mcs) -> int:
    """Fewest symbols that carry ``bits`` bits: the inverse of :func:`bits_for_symbols`; 0 for 0 bits.

    Raises SchemeError where ``bits`` is negative or more than MOST_SYMBOLS symbols carry.
    """
    if not 0 <= bits <= bits_for_symbols(MOST_SYMBOLS, mcs):
        raise SchemeError(f"{mcs.name} carries 0 to {bits_for_symbols(MOST_SYMBOLS, mcs)} bits, not {bits}")
    return bisect_left(range(MOST_SYMBOLS + 1), bits, key=lambda symbols: bits_for_symbols(symbols, mcs))

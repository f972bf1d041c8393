"""How the bits of a digital video section are coded and modulated, as the burst's header tells it; and the budget.

A mode is an entry of :mod:`common.mcs`, or 4-QAM at rate 3/4, which that table does not have. A rate is what a
transmitter may be told: one of four code rates on 4-QAM (the paper does not state its own), or the entry that suits the
SNR.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from common import mcs
from common.errors import SchemeError
from common.mcs import Mcs

CBR: Final = 0.008
"""Channel bandwidth ratio of the section (paper, table of CBR): 12 583 symbols for 8 frames of 256×256."""

MODES: Final = (*mcs.TABLE, Mcs(2, Fraction(3, 4), 4.30))
"""The modes; the index is the number on the air, 4 bits."""

FIXED: Final = ("1/2", "2/3", "3/4", "5/6")
"""Code rates that a transmitter may be told to keep to, on 4-QAM."""

ADAPTIVE: Final = "adaptive"
RATES: Final = (*FIXED, ADAPTIVE)
DEFAULT_RATE: Final = "1/2"


def symbol_count(frames: int, height: int, width: int) -> int:
    """Symbols of the section for such a clip, CBR 0.008."""
    return round(CBR * 3 * frames * height * width)


def byte_count(symbols: int, mode: int) -> int:
    """Whole bytes that ``symbols`` symbols carry: 1 566 in 12 583 at 4-QAM 1/2."""
    return mcs.bits_for_symbols(symbols, MODES[mode]) // 8


def choose(rate: str, tx_snr_db: float, margin_db: float = 0.0) -> int:
    """The number of the mode for ``rate`` of RATES; the adaptive one at ``margin_db`` above its threshold or more.

    Where all thresholds lie higher, the most robust. Raises SchemeError for other names.
    """
    if rate == ADAPTIVE:
        return MODES.index(mcs.best_for(tx_snr_db, margin_db) or mcs.TABLE[0])
    if rate not in FIXED:
        raise SchemeError(f"no video rate {rate!r}: there are {', '.join(RATES)}")
    return next(number for number, mode in enumerate(MODES) if mode.name == f"4-QAM {rate}")

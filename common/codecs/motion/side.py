"""What a motion section says of itself, in a short coded block in front of its analogue symbols.

12 bits: the scale as a level of LEVEL_BITS bits in steps of STEP_DB, level 0 for *no motion*; and which of the designs
the powers follow (:mod:`common.codecs.motion.prior`), in DESIGN_BITS bits. They are coded at rate 1/6, in small
sections at 1/3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from common.coding import block
from common.errors import SchemeError

LEVEL_BITS: Final = 10
DESIGN_BITS: Final = 2
BITS: Final = LEVEL_BITS + DESIGN_BITS

STEP_DB: Final = 0.07
"""Half a step is 0.4 % of a displacement."""

LEAST_DB: Final = -20.0
"""What level 1 says: 10·log10 of the squared scale, in squared 256ths of a side."""

RATE: Final = Fraction(1, 6)
RATE_SMALL: Final = Fraction(1, 3)
SMALL: Final = 256
"""Sections of fewer symbols code their side information at RATE_SMALL, so that there is room for motion."""


@dataclass(frozen=True)
class Side:
    """``scale`` is what the unit of the coefficients is worth, 0 for *no motion*; ``design`` is a number from 0."""

    scale: float
    design: int


def rate(budget: int) -> Fraction:
    """The code rate in a section of ``budget`` symbols."""
    return RATE if budget >= SMALL else RATE_SMALL


def symbol_count(budget: int) -> int:
    """Symbols that the block takes of ``budget``: 90, or 48 of fewer than SMALL. Raises SchemeError where nothing is
    left for motion."""
    count = block.symbol_count(BITS, rate(budget))
    if budget <= count:
        raise SchemeError(f"a motion section has more than {count} symbols, not {budget}")
    return count


def quantised(scale: float) -> float:
    """The nearest scale above 0 that can be said."""
    return _scale(min(max(_level(scale), 1), (1 << LEVEL_BITS) - 1))


def encode(side: Side, budget: int) -> NDArray[np.complex64]:
    """Its symbols, complex64 (symbol_count(budget),), |z| = 1."""
    level = min(max(_level(side.scale), 1), (1 << LEVEL_BITS) - 1) if side.scale > 0.0 else 0
    word = level << DESIGN_BITS | side.design
    bits = np.array([word >> shift & 1 for shift in reversed(range(BITS))], dtype=np.uint8)
    return block.encode(bits, rate(budget))


def decode(symbols: NDArray[np.complex64], noise: float | NDArray[np.float64], budget: int) -> Side | None:
    """What was said; None where it is lost. ``noise`` is the variance of the complex noise on the symbols."""
    bits = block.decode(symbols, BITS, noise, rate(budget))
    if bits is None:
        return None
    word = int("".join(map(str, bits)), 2)
    level, design = word >> DESIGN_BITS, word & (1 << DESIGN_BITS) - 1
    return Side(_scale(level) if level else 0.0, design)


def _level(scale: float) -> int:
    """The level of a scale above 0, which may be beyond what can be said."""
    return 1 + round((20.0 * math.log10(scale) - LEAST_DB) / STEP_DB)


def _scale(level: int) -> float:
    return 10.0 ** (0.05 * (LEAST_DB + (level - 1) * STEP_DB))

"""The burst: a preamble of pilots and header, then sections and pilots in between, all of it counted.

The receiver learns what is in a burst from its samples alone: pilots tell the channel's gain and noise, the header
(:mod:`common.header`) tells which sections follow and how long each is. Where everything stands:
:mod:`common.layout`; the specification is docs/protocol.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common import header as header_code
from common import layout
from common.errors import BurstError
from common.header import Header
from common.sections import SECTIONS, Section

Symbols = NDArray[np.complex64]


@dataclass(frozen=True)
class Burst:
    """One burst on its way out: ``samples`` is complex64 (n,) of unit mean power in every part."""

    samples: Symbols
    header: Header


def known_pilots(header: Header) -> Symbols:
    """All pilots of a burst in the order of its layout, complex64, |z| = 1."""
    return layout.known_pilots(header.extensions, header.payload_symbols)


def assemble(header: Header, sections: Mapping[str, Symbols]) -> Burst:
    """Pilots, header and sections in one burst.

    Raises BurstError where it is too long, or where a section's length or power is not as due.
    """
    if header.total_symbols > layout.MAX_SYMBOLS:
        raise BurstError(f"a burst has at most {layout.MAX_SYMBOLS} symbols, not {header.total_symbols}")
    samples = np.empty(header.total_symbols, dtype=np.complex64)
    indices = header.layout()
    samples[indices["pilots"]] = known_pilots(header)
    samples[indices["header"]] = header_code.encode(header)
    for name in header.scheme.sections:
        symbols = sections[name]
        shape = (header.section_symbols(name),)
        if symbols.shape != shape or symbols.dtype != np.complex64:
            raise BurstError(f"section {name} must be complex64 {shape}, not {symbols.dtype} {symbols.shape}")
        off = abs(float(np.mean(np.abs(symbols) ** 2)) - 1.0) if symbols.size else 0.0
        if not off < _power_tolerance(SECTIONS[name], symbols.size):
            raise BurstError(f"section {name} does not have unit mean power")
        samples[indices[name]] = symbols
    return Burst(samples, header)


def _power_tolerance(section: Section, count: int) -> float:
    """How far from 1 the mean power of ``count`` symbols of a section may lie.

    An analogue section is normalised. A digital one is as random QAM points have it: 64-QAM, the widest, within
    0.62 / √count, one standard deviation; five of them are granted.
    """
    return 5 * 0.62 / math.sqrt(max(count, 1)) if section.kind == "bits" else 1e-3


def parse(samples: Symbols, noise_variance: float) -> Header | None:
    """The header of a burst at gain 1 from sample 0 on, if it can be read and agrees with the number of samples."""
    if samples.size < layout.PREAMBLE_SYMBOLS:
        return None
    decoded = header_code.decode_word(samples[layout.FIRST_WORD_INDICES], noise_variance, header_code.first_word)
    if decoded is None:
        return None
    first, _ = decoded
    others = []
    for number in range(header_code.extensions(first.scheme)):
        _, indices = layout.extension_indices(number)
        word = samples.size > indices[-1] and header_code.decode_word(samples[indices], noise_variance, np.copy)
        if not word:
            return None
        others.append(word[0])
    header = first.complete(np.array(others, np.uint8))
    return header if header is not None and header.total_symbols == samples.size else None

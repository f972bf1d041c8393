"""Where the symbols of a burst stand: pilots and header in front, sections and pilots behind.

Pure index arithmetic, specified in docs/protocol.md. Behind the preamble come further words of the header, where the
scheme has any; then the sections, those that are interleaved evenly among all others.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from common import pilots
from common.coding import polar
from common.modulation import qam

Indices = NDArray[np.int64]

MAX_SYMBOLS: Final = 1 << 22
"""Most symbols of a burst: as many samples as a message on the wire can hold."""

WORD_SYMBOLS: Final = polar.LENGTH // qam.BITS_PER_SYMBOL
"""Symbols of one word of the header: 184."""

PREAMBLE_SYMBOLS: Final = pilots.PREAMBLE + WORD_SYMBOLS
"""Symbols of pilots and the header's first word, which every burst begins with."""

PREAMBLE_PILOT_INDICES: Final = pilots.preamble_places(WORD_SYMBOLS)
PREAMBLE_PILOTS: Final = pilots.sequence(pilots.PREAMBLE)
"""The pilots of the preamble, and where they stand."""

FIRST_WORD_INDICES: Final = np.setdiff1d(np.arange(PREAMBLE_SYMBOLS), PREAMBLE_PILOT_INDICES)

EXTENSION_PILOTS: Final = pilots.PREAMBLE - pilots.FRONT
EXTENSION_SYMBOLS: Final = WORD_SYMBOLS + EXTENSION_PILOTS
"""Symbols of a further word of the header with the pilots in it, as in the preamble behind its front."""

_EXTENSION_PILOT_INDICES: Final = pilots.spread(EXTENSION_PILOTS, EXTENSION_SYMBOLS)


def lead_symbols(extensions: int) -> int:
    """Symbols before the first of the sections: the preamble and ``extensions`` further words of the header."""
    return PREAMBLE_SYMBOLS + extensions * EXTENSION_SYMBOLS


def extension_indices(number: int) -> tuple[Indices, Indices]:
    """Where the pilots and the symbols of the header's further word ``number`` (0, 1 …) stand in a burst."""
    start = lead_symbols(number)
    word = np.setdiff1d(np.arange(EXTENSION_SYMBOLS), _EXTENSION_PILOT_INDICES)
    return start + _EXTENSION_PILOT_INDICES, start + word


def pilot_count(extensions: int, payload_symbols: int) -> int:
    """Pilots before the sections and those scattered among them."""
    return pilots.PREAMBLE + extensions * EXTENSION_PILOTS + pilots.scattered_count(payload_symbols)


def known_pilots(extensions: int, payload_symbols: int) -> NDArray[np.complex64]:
    """All pilots of a burst in the order of :func:`indices`, complex64, |z| = 1."""
    among = pilots.sequence(EXTENSION_PILOTS)
    scattered = pilots.sequence(pilots.scattered_count(payload_symbols))
    return np.concatenate([PREAMBLE_PILOTS, *[among] * extensions, scattered])


@lru_cache(maxsize=16)
def indices(counts: tuple[int, ...], interleaved: tuple[bool, ...], extensions: int) -> tuple[Indices, ...]:
    """Pilots, header, and each section of ``counts`` symbols: where each symbol of them stands, int64, read-only.

    Behind the header the scattered pilots come first, evenly over all; then, in the indices that are left, interleaved
    sections, evenly, one after the other; then the other sections in the rest. Together the arrays name every index of
    the burst once.
    """
    payload = sum(counts)
    scattered = pilots.scattered_count(payload)
    extra = [extension_indices(number) for number in range(extensions)]
    free = np.arange(lead_symbols(extensions), lead_symbols(extensions) + scattered + payload)
    taken = pilots.spread(scattered, free.size)
    pilot_indices = np.concatenate([PREAMBLE_PILOT_INDICES, *(pilot for pilot, _ in extra), free[taken]])
    free = np.delete(free, taken)
    found: dict[int, Indices] = {}
    for number in sorted(range(len(counts)), key=lambda number: not interleaved[number]):
        count = counts[number]
        taken = pilots.spread(count, free.size) if interleaved[number] else np.arange(count)
        found[number] = free[taken]
        free = np.delete(free, taken)
    header_indices = np.concatenate([FIRST_WORD_INDICES, *(word for _, word in extra)])
    parts = (pilot_indices, header_indices, *(found[number] for number in range(len(counts))))
    for part in parts:
        part.flags.writeable = False
    return parts

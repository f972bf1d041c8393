"""Preambles with random headers, for benches: what is sent, and what the receiver reads of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from common import header as header_code
from common import schemes
from common.clip import MAX_SIDE, MULTIPLE
from common.errors import GvscError
from common.header import CLIP_NUMBERS, FRAME_COUNTS, Header
from common.layout import FIRST_WORD_INDICES, PREAMBLE_PILOT_INDICES, PREAMBLE_PILOTS, PREAMBLE_SYMBOLS
from receiver import header as header_reader

Samples = NDArray[np.complex64]


def random_header(rng: np.random.Generator) -> Header:
    """A header of a scheme without further words, whose fields are all drawn at random, those that it has."""
    names = [name for name in schemes.names() if not header_code.extensions(schemes.by_name(name))]
    scheme = schemes.by_name(names[rng.integers(len(names))])
    clip = int(rng.integers(CLIP_NUMBERS))
    frames = FRAME_COUNTS[rng.integers(len(FRAME_COUNTS))]
    height, width = (MULTIPLE * int(rng.integers(1, MAX_SIDE // MULTIPLE + 1)) for _ in range(2))
    while True:
        values = {
            section.name: {field.name: int(rng.integers(1 << field.bits)) for field in section.fields}
            for section in scheme.section_objects()
        }
        header = Header(scheme, clip, frames, height, width, values)
        try:
            _ = header.payload_symbols
        except GvscError:  # a value that nobody sends
            continue
        return header


def sent(header: Header, rng: np.random.Generator) -> Samples:
    """The preamble of a burst with that header, in a random phase: complex64 (PREAMBLE_SYMBOLS,)."""
    samples = np.empty(PREAMBLE_SYMBOLS, np.complex64)
    samples[PREAMBLE_PILOT_INDICES] = PREAMBLE_PILOTS
    samples[FIRST_WORD_INDICES] = header_code.encode(header)
    return samples * np.complex64(np.exp(2j * np.pi * rng.random()))


def read(samples: Samples) -> Header | None:
    """The header as the receiver reads it, from nothing but the samples."""
    return header_reader.read(samples, header_reader.listen(samples))

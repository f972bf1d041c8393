"""Preambles with random headers, for benches: what is sent, and what the receiver reads of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from common import burst, schemes
from common.burst import Header
from common.clip import MAX_SIDE, MULTIPLE
from common.codecs import text
from receiver import header as header_reader

Samples = NDArray[np.complex64]


def random_header(rng: np.random.Generator) -> Header:
    """A header whose fields are all drawn at random, those that its scheme has."""
    header = Header(
        scheme=schemes.SCHEMES[rng.integers(len(schemes.SCHEMES))],
        clip=int(rng.integers(burst.CLIP_NUMBERS)),
        text_bytes=int(rng.integers(text.MAX_BYTES + 1)),
        frames=burst.FRAME_COUNTS[rng.integers(len(burst.FRAME_COUNTS))],
        height=MULTIPLE * int(rng.integers(1, MAX_SIDE // MULTIPLE + 1)),
        width=MULTIPLE * int(rng.integers(1, MAX_SIDE // MULTIPLE + 1)),
        text_mode=int(rng.integers(len(text.MODES))),
    )
    if "description" in header.scheme.sections:
        return header
    # what a header does not say for its scheme is what a receiver takes for granted
    digital = schemes.DIGITAL.intersection(header.scheme.sections)
    return replace(header, text_bytes=0, text_mode=text.DEFAULT_MODE, video_mode=header.text_mode if digital else 0)


def sent(header: Header, rng: np.random.Generator) -> Samples:
    """The preamble of a burst with that header, in a random phase: complex64 (burst.PREAMBLE_SYMBOLS,)."""
    samples = np.empty(burst.PREAMBLE_SYMBOLS, np.complex64)
    samples[burst.PILOT_PLACES] = burst.PILOTS
    samples[burst.HEADER_PLACES] = burst.encode_header(header)
    return samples * np.complex64(np.exp(2j * np.pi * rng.random()))


def read(samples: Samples) -> Header | None:
    """The header as the receiver reads it, from nothing but the samples."""
    return header_reader.read(samples, header_reader.listen(samples))

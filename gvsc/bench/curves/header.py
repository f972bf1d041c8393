"""The header of a burst over white noise: the code alone, and as a receiver reads it, with its own estimates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from common import burst, schemes
from common.burst import Header
from common.clip import MAX_SIDE, MULTIPLE
from common.codecs import text
from gvsc.bench.curves.engine import CountedTrial, Curve, CurveSet
from gvsc.bench.curves.noise import add_noise
from receiver import header as header_reader

Symbols = NDArray[np.complex64]


def curves() -> CurveSet:
    """The header's symbols with gain and noise known; and the preamble, pilots counted, with nothing known."""
    made = [
        Curve(
            name="header, gain and noise known",
            information_bits=burst.HEADER_BITS,
            symbols=burst.HEADER_SYMBOLS,
            trial_at=_code_alone,
            step_db=0.5,
            skip_db=1.0,
        ),
        Curve(
            name="header with its pilots, gain and noise estimated",
            information_bits=burst.HEADER_BITS,
            symbols=burst.PREAMBLE_SYMBOLS,
            trial_at=as_received,
            step_db=0.5,
            skip_db=1.0,
        ),
    ]
    return CurveSet("header", "Header of a burst over AWGN", made, max_trials=6000)


def as_received(snr_db: float) -> CountedTrial:
    """Preambles with a random phase, read by the receiver from nothing but their samples."""

    def trial(rng: np.random.Generator, batch: int) -> Mapping[str, int]:
        return _counted([(header, _read(_preamble(header, snr_db, rng))) for header in _headers(rng, batch)])

    return trial


def _code_alone(snr_db: float) -> CountedTrial:
    def trial(rng: np.random.Generator, batch: int) -> Mapping[str, int]:
        outcomes = []
        for header in _headers(rng, batch):
            received, variance = add_noise(burst.encode_header(header), snr_db, rng)
            decoded = burst.decode_header(received, variance)
            outcomes.append((header, decoded[0] if decoded else None))
        return _counted(outcomes)

    return trial


def _counted(outcomes: list[tuple[Header, Header | None]]) -> Mapping[str, int]:
    return {
        "block_errors": sum(read != sent for sent, read in outcomes),
        "undetected": sum(read is not None and read != sent for sent, read in outcomes),
    }


def _preamble(header: Header, snr_db: float, rng: np.random.Generator) -> Symbols:
    samples = np.empty(burst.PREAMBLE_SYMBOLS, np.complex64)
    samples[burst.PILOT_PLACES] = burst.PILOTS
    samples[burst.HEADER_PLACES] = burst.encode_header(header)
    return add_noise(samples * np.complex64(np.exp(2j * np.pi * rng.random())), snr_db, rng)[0]


def _read(samples: Symbols) -> Header | None:
    return header_reader.read(samples, header_reader.listen(samples))


def _headers(rng: np.random.Generator, count: int) -> list[Header]:
    """Headers whose fields are all drawn at random."""
    return [
        Header(
            scheme=schemes.SCHEMES[rng.integers(len(schemes.SCHEMES))],
            clip=int(rng.integers(burst.CLIP_NUMBERS)),
            text_bytes=int(rng.integers(text.MAX_BYTES + 1)),
            frames=burst.FRAME_COUNTS[rng.integers(len(burst.FRAME_COUNTS))],
            height=MULTIPLE * int(rng.integers(1, MAX_SIDE // MULTIPLE + 1)),
            width=MULTIPLE * int(rng.integers(1, MAX_SIDE // MULTIPLE + 1)),
            text_mode=int(rng.integers(len(text.MODES))),
        )
        for _ in range(count)
    ]

"""The header of a burst over white noise: the code alone, and as a receiver reads it, with its own estimates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from common import header as header_code
from common.header import Header
from common.layout import PREAMBLE_SYMBOLS, WORD_SYMBOLS
from gvsc.bench import preamble
from gvsc.bench.curves.engine import CountedTrial, Curve, CurveSet
from gvsc.bench.curves.noise import add_noise

SNRS_DB = tuple(np.arange(-10.0, -2.75, 0.5).tolist())


def curves() -> CurveSet:
    """The header's symbols with gain and noise known; and the preamble, pilots counted, with nothing known.

    The bound is that for the 36 information bits: the CRC, as the pilots, is a cost of the scheme.
    """
    made = [
        Curve(
            name="header, gain and noise known",
            information_bits=header_code.WORD_BITS,
            symbols=WORD_SYMBOLS,
            trial_at=_code_alone,
            step_db=0.5,
            snrs_db=SNRS_DB,
        ),
        Curve(
            name="header with its pilots, gain and noise estimated",
            information_bits=header_code.WORD_BITS,
            symbols=PREAMBLE_SYMBOLS,
            trial_at=as_received,
            step_db=0.5,
            snrs_db=SNRS_DB,
        ),
    ]
    return CurveSet("header", "Header of a burst over AWGN", made, max_trials=40_000)


def as_received(snr_db: float) -> CountedTrial:
    """Preambles with a random phase, read by the receiver from nothing but their samples."""

    def trial(rng: np.random.Generator, batch: int) -> Mapping[str, int]:
        headers = [preamble.random_header(rng) for _ in range(batch)]
        return _counted([(h, preamble.read(add_noise(preamble.sent(h, rng), snr_db, rng)[0])) for h in headers])

    return trial


def _code_alone(snr_db: float) -> CountedTrial:
    def trial(rng: np.random.Generator, batch: int) -> Mapping[str, int]:
        outcomes = []
        for header in [preamble.random_header(rng) for _ in range(batch)]:
            received, variance = add_noise(header_code.encode(header), snr_db, rng)
            decoded = header_code.decode_word(received, variance, _read)
            outcomes.append((header, decoded[0] if decoded else None))
        return _counted(outcomes)

    return trial


def _read(bits: header_code.Bits) -> Header | None:
    first = header_code.first_word(bits)
    return None if first is None else first.complete(np.zeros((0, header_code.WORD_BITS), np.uint8))


def _counted(outcomes: list[tuple[Header, Header | None]]) -> Mapping[str, int]:
    return {
        "block_errors": sum(read != sent for sent, read in outcomes),
        "undetected": sum(read is not None and read != sent for sent, read in outcomes),
    }

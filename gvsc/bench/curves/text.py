"""The turbo block that carries the description, at each code rate, over white noise; the noise variance known."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from common.coding import block
from gvsc.bench.curves.engine import CountedTrial, Curve, CurveSet
from gvsc.bench.curves.noise import add_noise

CHARACTERS = (96, 36)
"""Bytes on the air: a description at 8 bits a character, and what a text mode with the model makes of one."""


def curves() -> CurveSet:
    """One curve for each of ``block.RATES`` and of ``CHARACTERS``."""
    made = [curve(8 * count, rate) for count in CHARACTERS for rate in block.RATES]
    return CurveSet("text", "Description (CRC-16, LTE turbo code, 4-QAM) over AWGN", made, max_trials=10_000)


def curve(bits: int, rate: Fraction) -> Curve:
    """Random blocks of ``bits`` bits at one code rate."""
    return Curve(
        name=f"rate {rate}, {bits // 8} bytes",
        information_bits=bits,
        symbols=block.symbol_count(bits, rate),
        skip_db=0.75,
        trial_at=lambda snr_db: _trial(bits, rate, snr_db),
    )


def _trial(bits: int, rate: Fraction, snr_db: float) -> CountedTrial:
    def trial(rng: np.random.Generator, batch: int) -> Mapping[str, int]:
        sent = rng.integers(0, 2, (batch, bits), dtype=np.uint8)
        symbols = np.stack([block.encode(row, rate) for row in sent])
        received, variance = add_noise(symbols, snr_db, rng)
        decoded, intact = block.decode_batch(received, bits, variance, rate)
        wrong = (decoded != sent).sum(axis=1)
        return {
            "block_errors": int(np.sum(~intact | (wrong > 0))),
            "bit_errors": int(wrong.sum()),
            "undetected": int(np.sum(intact & (wrong > 0))),
        }

    return trial

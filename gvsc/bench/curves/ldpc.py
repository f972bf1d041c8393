"""Each entry of the modulation-and-coding table over white noise, the noise variance known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from common import mcs
from common.coding import transport
from common.mcs import Mcs
from gvsc.bench.curves.engine import CountedTrial, Curve, CurveSet
from gvsc.bench.curves.noise import add_noise


def curves() -> CurveSet:
    """One curve for each entry of ``mcs.TABLE``, blocks of ``mcs.BLOCK_SYMBOLS`` symbols."""
    title = f"5G LDPC over AWGN, blocks of {mcs.BLOCK_SYMBOLS} symbols"
    return CurveSet("ldpc", title, [curve(entry) for entry in mcs.TABLE], max_trials=4000)


def curve(entry: Mcs) -> Curve:
    """Random blocks of ``mcs.BLOCK_SYMBOLS`` symbols in one entry of the table."""
    bits = mcs.bits_for_symbols(mcs.BLOCK_SYMBOLS, entry)
    return Curve(
        name=entry.name,
        information_bits=bits,
        symbols=mcs.BLOCK_SYMBOLS,
        trial_at=lambda snr_db: _trial(entry, bits, snr_db),
        bits_per_symbol=entry.bits_per_symbol,
    )


def _trial(entry: Mcs, bits: int, snr_db: float) -> CountedTrial:
    def trial(rng: np.random.Generator, batch: int) -> Mapping[str, int]:
        sent = rng.integers(0, 2, (batch, bits), dtype=np.uint8)
        symbols = transport.encode_segments(sent, mcs.BLOCK_SYMBOLS, entry.bits_per_symbol)
        received, variance = add_noise(symbols, snr_db, rng)
        decoded, arrived = transport.decode_segments(received, bits, variance, entry.bits_per_symbol)
        wrong = (decoded != sent).sum(axis=1)
        return {
            "block_errors": int(np.sum(~arrived | (wrong > 0))),
            "bit_errors": int(wrong.sum()),
            "undetected": int(np.sum(arrived & (wrong > 0))),
        }

    return trial

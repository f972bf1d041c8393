"""The sections ``sketch`` and ``sketches``: one sketch or several, each by itself through ``djscc-sketch``.

A codec that predicts one sketch from another would take the place of this one for ``sketches``; how many symbols that
section has is told in :mod:`common.burst`.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from common.codecs.djscc_sketch import SketchCodec, symbol_count
from common.errors import BurstError, ClipError


class SketchesCodec:
    """Sketches to the symbols of a section and back. Deterministic; holds no state between clips."""

    def __init__(self, codec: SketchCodec) -> None:
        self._codec = codec

    @classmethod
    def load(cls) -> Self:
        """With the committed weights, verified. Raises WeightsError."""
        return cls(SketchCodec.load())

    def encode(self, sketches: ArrayLike, tx_snr_db: float) -> NDArray[np.complex64]:
        """Sketches (S, H, W) in [0, 1], white on black, to S·symbol_count(H, W) complex symbols of mean power 1.

        ``tx_snr_db`` is what the transmitter believes the SNR to be. Raises ClipError, SettingError.
        """
        drawn = np.asarray(sketches, dtype=np.float32)
        if drawn.ndim != 3 or not len(drawn):
            raise ClipError(f"sketches must have the shape (sketches, height, width), not {drawn.shape}")
        return np.concatenate([self._codec.encode(sketch, tx_snr_db) for sketch in drawn])

    def decode(
        self, symbols: NDArray[np.complex64], snr_db: float, count: int, height: int, width: int
    ) -> NDArray[np.float32]:
        """Received symbols to ``count`` sketches (count, height, width) in [0, 1].

        ``snr_db`` is the receiver's estimate. Raises BurstError for another number of symbols or values that are not
        finite, ClipError for sizes that cannot be, SettingError for the SNR.
        """
        due = count * symbol_count(height, width)
        if symbols.shape != (due,):
            raise BurstError(f"{count} sketches of {width}×{height} have {due} symbols, not {symbols.shape}")
        sketches = symbols.reshape(count, -1)
        return np.stack([self._codec.decode(sketch, snr_db, height, width) for sketch in sketches])

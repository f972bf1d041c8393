"""Motion to symbols and back, with the learned prior.

    side information (:mod:`common.codecs.motion.side`) | coefficients, analogue, spread by a unitary DFT

Neither the number of coefficients in a field nor the budget follows the clip's size: what a scene does is as smooth in
a large picture as in a small one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from common.codecs.motion import basis, side
from common.codecs.motion.fit import Search, spectrum
from common.codecs.motion.prior import Prior
from common.codecs.motion.side import Side
from common.conventions import check_snr_db
from common.errors import BurstError, ClipError

SNR_LIMITS_DB: Final = (-10.0, 30.0)
"""Beliefs beyond these are taken for these."""

LEAST_GAIN_DB: Final = 0.05
"""Motion that is expected to bring less is not sent."""

REACH: Final = 0.5
"""No displacement is taken for more than this share of a side: an optical flow may be anything where a picture is
flat, and a received field where the noise is strong."""

Fields = NDArray[np.float32]
Symbols = NDArray[np.complex64]


@dataclass(frozen=True)
class Coded:
    """``symbols`` complex64 (budget,) of mean power 1, and ``gain_db``, what the transmitter expects of them in PSNR
    against repeating the first frame; 0 where no motion is sent."""

    symbols: Symbols
    gain_db: float


class MotionCodec:
    """Both ends. Deterministic; holds no state between clips."""

    def __init__(self, prior: Prior) -> None:
        self._prior = prior

    @classmethod
    def load(cls) -> MotionCodec:
        """With the committed prior. Raises WeightsError."""
        return cls(Prior.load())

    def encode(
        self, video: NDArray[np.uint8], fields: Fields, tx_snr_db: float, budget: int, *, refine: bool = True
    ) -> Coded:
        """Symbols for the clip ``video`` (F, H, W, 3) and a first guess of its motion, ``fields`` (F − 1, 2, H, W).

        ``fields`` are backward, in pixels: frame t at (y, x) comes from the first frame at (y + v, x + u), u first.
        ``budget`` is the number of symbols, ``tx_snr_db`` the SNR that the transmitter believes in. Without ``refine``
        the guess is sent as it is, for comparisons. Raises ClipError where shapes differ or fields are not finite,
        SettingError for the SNR, SchemeError for the budget.
        """
        snr_db = float(np.clip(check_snr_db(tx_snr_db, "tx_snr_db"), *SNR_LIMITS_DB))
        count = budget - side.symbol_count(budget)
        frames, height, width, _ = video.shape
        if fields.shape != (frames - 1, 2, height, width):
            raise ClipError(f"the fields are {fields.shape}, not {(frames - 1, 2, height, width)}")
        if not np.isfinite(fields).all():
            raise ClipError("the fields of motion must be finite numbers")
        still = Coded(self._symbols(Side(0.0, 0), None, budget, count), 0.0)
        if frames < 2 or not fields.any():
            return still
        design = self._prior.design(snr_db)
        allocation = self._prior.allocation(design, 2 * count)
        time = basis.at_frames(self._prior.time, frames)
        guess = basis.analyse(_within_reach(basis.from_pixels(torch.from_numpy(fields.astype(np.float32)))), time)
        pictures = torch.from_numpy(video.transpose(0, 3, 1, 2).astype(np.float32) / 255.0)
        search = Search(pictures, time, allocation, snr_db)
        sent = guess.flatten()[allocation.indices]
        if refine and float(allocation.scale(sent)) > 0.0:
            sent = search.refine(sent)
        scale = allocation.scale(sent)
        if not float(scale) > 0.0 or not bool(sent.isfinite().all()):
            return still
        gain_db = search.gain_db(sent)
        if gain_db < LEAST_GAIN_DB:
            return still
        reals = allocation.send(sent, scale)
        return Coded(self._symbols(Side(float(scale), design), reals, budget, count), gain_db)

    def decode_side(self, symbols: Symbols, noise: float | NDArray[np.float64], budget: int) -> Side | None:
        """What the first ``side.symbol_count(budget)`` symbols say, None where they are lost."""
        return side.decode(symbols, noise, budget)

    def decode(self, said: Side, symbols: Symbols, snr_db: float, shape: tuple[int, int, int]) -> Fields:
        """Fields (F − 1, 2, H, W) in pixels, as `encode` takes them, from the symbols behind the side information.

        ``snr_db`` is the receiver's estimate for these, ``shape`` the clip's (F, H, W). Raises BurstError for symbols
        that are not finite, SettingError for the SNR.
        """
        snr_db = check_snr_db(snr_db)
        frames, height, width = shape
        if not np.isfinite(symbols).all():
            raise BurstError("the symbols of motion must be finite numbers")
        if said.scale <= 0.0 or frames < 2:
            return np.zeros((frames - 1, 2, height, width), np.float32)
        spread = np.fft.ifft(symbols.astype(np.complex128), norm="ortho")
        reals = torch.from_numpy(np.concatenate([spread.real, spread.imag]).astype(np.float32))
        allocation = self._prior.allocation(said.design, len(reals))
        noise = 0.5 * 10.0 ** (-0.1 * snr_db)
        found = allocation.estimate(reals[: len(allocation.indices)], torch.tensor(said.scale), noise)
        time = basis.at_frames(self._prior.time, frames)
        fields = _within_reach(basis.synthesise(spectrum(allocation, found), time, height, width))
        return basis.to_pixels(fields).numpy()

    def _symbols(self, said: Side, reals: Tensor | None, budget: int, count: int) -> Symbols:
        """All symbols: side information, and ``reals`` (n,), n ≤ 2·count, Σ z² = count; None for *no motion*."""
        if reals is None:
            analogue = np.ones(count, np.complex128)
        else:
            padded = np.zeros(2 * count)
            padded[: len(reals)] = reals.double().numpy()
            analogue = np.fft.fft(padded[:count] + 1j * padded[count:], norm="ortho")
            # to the last digit, whatever float32 made of it
            analogue *= np.sqrt(count / np.sum(np.abs(analogue) ** 2))
        return np.concatenate([side.encode(said, budget), analogue]).astype(np.complex64)


def _within_reach(fields: Tensor) -> Tensor:
    return fields.clamp(-REACH * basis.UNIT, REACH * basis.UNIT)

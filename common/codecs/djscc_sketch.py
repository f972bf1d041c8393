"""The sketch codec ``djscc-sketch``: line drawings as analogue symbols, one for each 8×8 pixels (1024 at 256×256).

The paper's codec (II-B): an encoder and a decoder, trained jointly through the noise, on k·MSE + (1 − k)·perceptual
distance (eq. 1). Here both are residual networks at 1/4 and 1/8 of the picture's resolution, gated by
attention-feature modules that see the SNR. The decoder works mostly at 1/8, where it sees far: two reals say little
about an 8×8 cell, and what a line does there is known best from where it comes from and where it goes.

Power is normalised over the sketch. No scale goes around the channel: the decoder learns to do without.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from common import weights
from common.codecs.djscc.blocks import Stage
from common.codecs.djscc.limits import BLOCK, SNR_LIMITS_DB, blocks
from common.conventions import check_snr_db
from common.errors import BurstError, ClipError, WeightsError
from common.weights.tensors import read as read_tensors

NAME = "djscc-sketch"

CELL = 8
"""One complex symbol stands for CELL×CELL pixels."""

WIDTH_4, WIDTH_8 = 64, 128
"""Channels where a position stands for 4×4 and 8×8 pixels."""

_LEAST_POWER = 1e-4


class EncoderNet(nn.Module):
    """Sketches to two reals a cell."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(16, WIDTH_4, 3, padding=1)
        self.stage_4 = Stage(WIDTH_4, 2)
        self.down = nn.Conv2d(4 * WIDTH_4, WIDTH_8, 1)
        self.stage_8 = Stage(WIDTH_8, 4)
        self.head = nn.Conv2d(WIDTH_8, 2, 3, padding=1)

    def forward(self, sketches: Tensor, snrs: Tensor) -> Tensor:
        """Sketches (B, 1, H, W) in [0, 1] and SNRs (B, 2) in tens of dB → (B, 2, H/8, W/8)."""
        x = self.stage_4(self.stem(F.pixel_unshuffle(sketches, 4)), snrs)
        x = self.stage_8(self.down(F.pixel_unshuffle(x, 2)), snrs)
        head: Tensor = self.head(x)
        return head.float()


class DecoderNet(nn.Module):
    """Noisy reals to sketches."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, WIDTH_8, 3, padding=1)
        self.stage_8 = Stage(WIDTH_8, 7)
        self.up = nn.Conv2d(WIDTH_8, 4 * WIDTH_4, 1)
        self.stage_4 = Stage(WIDTH_4, 3)
        self.head = nn.Conv2d(WIDTH_4, 16, 3, padding=1)

    def forward(self, cells: Tensor, snrs: Tensor) -> Tensor:
        """(B, 2, h, w) and SNRs (B, 2) → sketches (B, 1, 8h, 8w), not clipped."""
        x = self.stage_8(self.stem(cells), snrs)
        x = self.stage_4(F.pixel_shuffle(self.up(x), 2), snrs)
        return F.pixel_shuffle(self.head(x).float(), 4)


class SketchModel(nn.Module):
    """Both ends, differentiable, on batches. ``SketchCodec`` is the way in for one sketch with trained weights."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = EncoderNet()
        self.decoder = DecoderNet()

    def encode(self, sketches: Tensor, tx_snr_db: Tensor) -> Tensor:
        """(B, 1, H, W) in [0, 1] and (B,) dB → reals (B, 2·symbol_count) with mean square 1/2 for each sketch."""
        cells = self.encoder(sketches, _snrs(tx_snr_db)).flatten(1)
        power = cells.square().mean(dim=1, keepdim=True)
        # an empty sketch may have cells next to nothing: they are not blown up without bound
        return cells * (0.5 / (power + _LEAST_POWER)).sqrt()

    def decode(self, reals: Tensor, snr_db: Tensor, height: int, width: int) -> Tensor:
        """Received reals (B, 2·symbol_count) and (B,) dB → sketches (B, 1, height, width), not clipped to [0, 1]."""
        cells = reals.view(-1, 2, height // CELL, width // CELL)
        decoded: Tensor = self.decoder(cells, _snrs(snr_db))
        return decoded


def _snrs(snr_db: Tensor) -> Tensor:
    """What the attention modules see: the SNR in tens of dB, twice (they have room for two)."""
    snr = 0.1 * snr_db.clamp(*SNR_LIMITS_DB)
    return torch.stack([snr, snr], dim=1)


class SketchCodec:
    """A sketch to symbols and back, with trained weights. Deterministic; holds no state between sketches."""

    def __init__(self, model: SketchModel) -> None:
        """``model`` must have trained weights: ``load`` and ``from_tensors`` see to it."""
        self._model = model.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> SketchCodec:
        """From a state dict of ``SketchModel`` of any precision. Raises WeightsError unless every tensor fits."""
        model = SketchModel()
        try:
            model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise WeightsError(f"these are not weights of {NAME} of this version ({reason}); reinstall gvsc") from error
        return cls(model)

    @classmethod
    def load(cls, path: Path | None = None) -> SketchCodec:
        """From a safetensors file; by default the committed weights, verified. Raises WeightsError."""
        file = weights.path(NAME) if path is None else path
        return cls.from_tensors(read_tensors(file))

    def encode(self, sketch: ArrayLike, tx_snr_db: float) -> NDArray[np.complex64]:
        """A sketch (H, W) in [0, 1], white on black, to ``symbol_count(H, W)`` complex symbols of mean power 1.

        ``tx_snr_db`` is what the transmitter believes the SNR to be. Raises ClipError for a sketch of another shape or
        with values outside [0, 1], SettingError for the SNR.
        """
        tx_snr_db = check_snr_db(tx_snr_db, "tx_snr_db")
        values = np.array(sketch, dtype=np.float32)
        if values.ndim != 2:
            raise ClipError(f"a sketch must have the shape (height, width), not {values.shape}")
        symbol_count(*values.shape)
        if not np.isfinite(values).all() or values.min() < 0.0 or values.max() > 1.0:
            raise ClipError("a sketch must have values within 0 … 1")
        with torch.inference_mode():
            reals = self._model.encode(torch.from_numpy(values)[None, None], torch.tensor([tx_snr_db]))
        first, second = reals[0].double().numpy().reshape(2, -1)
        symbols = first + 1j * second
        return (symbols / np.sqrt(np.mean(np.abs(symbols) ** 2))).astype(np.complex64)

    def decode(self, symbols: ArrayLike, snr_db: float, height: int, width: int) -> NDArray[np.float32]:
        """Received symbols to a sketch (height, width) in [0, 1].

        ``snr_db`` is the receiver's estimate. Raises BurstError for another number of symbols or values that are not
        finite, ClipError for sizes that cannot be, SettingError for the SNR.
        """
        snr_db = check_snr_db(snr_db)
        received = np.asarray(symbols, dtype=np.complex64)
        count = symbol_count(height, width)
        if received.shape != (count,):
            raise BurstError(f"a {width}×{height} sketch has {count} symbols, not an array of shape {received.shape}")
        if not np.isfinite(received).all():
            raise BurstError("the symbols of a sketch must be finite numbers")
        reals = np.concatenate([received.real, received.imag])
        with torch.inference_mode():
            decoded = self._model.decode(torch.from_numpy(reals)[None], torch.tensor([snr_db]), height, width)
            sketch = decoded[0, 0].clamp(0.0, 1.0)
        return sketch.contiguous().numpy()


def symbol_count(height: int, width: int) -> int:
    """Complex symbols: 1024 at 256×256. Raises ClipError unless the sides are multiples of BLOCK up to MAX_SIDE."""
    return (BLOCK // CELL) ** 2 * blocks(height, width, "sketch")

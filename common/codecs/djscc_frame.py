"""The first-frame codec ``djscc-frame``: deep joint source-channel coding on top of a linear code.

A picture becomes 61 reals for each 16×16 pixels, 7808 complex symbols at 256×256 (paper, table of CBR; 0.0057 with
the description). In every 32×32 block, 244 reals: 242 KLT coefficients, scaled by what a linear code would give them
and then changed by a convolutional network, and two pilots. The receiver undoes the linear code (minimum mean square
error) and a second network corrects the picture. Both networks start from zero output, that is from the linear code,
and are gated by attention-feature modules that see the SNR (J. Xu et al., "Wireless image transmission using deep
source channel coding with attention modules", 2022).

Power is normalised for each picture, and no scalar goes around the channel: the two pilots of each block carry, as
analogue values repeated in all blocks, the scale that was divided out and the SNR that the transmitter believed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from common import weights
from common.codecs.klt import BLOCK, REALS, Klt
from common.conventions import check_snr_db
from common.errors import BurstError, ClipError, WeightsError

NAME = "djscc-frame"

PILOTS = 2
"""Reals of each block that carry the scale and the transmitter's SNR."""

COEFFICIENTS = REALS - PILOTS

_COEFFICIENT_POWER = 0.5 * COEFFICIENTS
_LOG_SCALE_CENTRE, _LOG_SCALE_SPREAD = 0.0, 1.5
"""Natural logarithm of a picture's scale against the average one's: a pilot carries (log − centre) / spread."""
_TX_SNR_CENTRE_DB, _TX_SNR_SPREAD_DB = 7.5, 12.5
_PILOT_AMPLITUDES = (2.5, 1.0)
"""What the values of the two pilots are multiplied by: an error of the scale costs more than one of the SNR."""
_PILOT_VARIANCES = (0.05, 0.25)
"""Prior variances of the values, for the shrinkage of their noisy means."""

SNR_LIMITS_DB = (-5.0, 20.0)
"""SNRs beyond these are treated as the nearer end: the networks were trained between them."""

WIDTH_16, WIDTH_8, WIDTH_4 = 192, 128, 64
"""Channels where a position stands for 16×16, 8×8 and 4×4 pixels."""

_HEAD_SCALE = 0.1
"""What the networks' last layers are multiplied by, so that early steps of training do not drown the linear code."""

MAX_SIDE = 2048
"""Larger pictures are refused: memory would be the next thing to fail."""


class AttentionFeature(nn.Module):
    """Gates channels by what the picture is like and how noisy the channel is (AF module).

    Global average pool, joined with two SNRs in tens of dB, → Dense(C/16), ReLU → Dense(C), sigmoid → multiply.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels + 2, channels // 16)
        self.excite = nn.Linear(channels // 16, channels)

    def forward(self, x: Tensor, snrs: Tensor) -> Tensor:
        """``x`` (B, C, H, W), ``snrs`` (B, 2) in tens of dB."""
        pooled = torch.cat([x.mean(dim=(2, 3)), snrs.to(x.dtype)], dim=1)
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(pooled))))
        return x * gate[:, :, None, None]


def _zero(layer: nn.Conv2d) -> nn.Conv2d:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class Residual(nn.Module):
    """x + AF(conv(ReLU(conv(x)))), 3×3 convolutions of one width."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.attention = AttentionFeature(channels)

    def forward(self, x: Tensor, snrs: Tensor) -> Tensor:
        return x + self.attention(self.second(F.relu(self.first(x))), snrs)


class Stage(nn.Module):
    """Residual blocks of one width, one after the other."""

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Residual(channels) for _ in range(count))

    def forward(self, x: Tensor, snrs: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x, snrs)
        return x


class EncoderNet(nn.Module):
    """What to change in the linear code's coefficients: a factor and a term for each, from the picture."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3 * 64, WIDTH_8, 1)
        self.stage_8 = Stage(WIDTH_8, 2)
        self.down = nn.Conv2d(4 * WIDTH_8, WIDTH_16, 1)
        self.from_coefficients = nn.Conv2d(COEFFICIENTS, 4 * WIDTH_16, 1)
        self.stage_16 = Stage(WIDTH_16, 3)
        self.head = _zero(nn.Conv2d(4 * WIDTH_16, 2 * COEFFICIENTS, 1))

    def forward(self, pictures: Tensor, coefficients: Tensor, snrs: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures less their mean (B, 3, H, W) and their scaled coefficients → factors and terms for these.

        ``coefficients`` and both results are (B, COEFFICIENTS, H/32, W/32).
        """
        x = self.stage_8(self.stem(F.pixel_unshuffle(4.0 * pictures, 8)), snrs)
        x = self.down(F.pixel_unshuffle(x, 2)) + F.pixel_shuffle(self.from_coefficients(coefficients), 2)
        x = self.stage_16(x, snrs)
        factors, terms = (_HEAD_SCALE * self.head(F.pixel_unshuffle(x, 2)).float()).chunk(2, dim=1)
        return factors, terms


class DecoderNet(nn.Module):
    """What the linear estimate lacks, from that estimate and the received reals.

    First a factor and a term for each coefficient, which adapt the linear estimate to this picture; then a correction
    in pixels, which sees the adapted picture.
    """

    def __init__(self) -> None:
        super().__init__()
        self.from_reals = nn.Conv2d(COEFFICIENTS, 4 * WIDTH_16, 1)
        self.from_picture_16 = nn.Conv2d(3 * 256, WIDTH_16, 1)
        self.stage_16 = Stage(WIDTH_16, 3)
        self.coefficient_head = _zero(nn.Conv2d(4 * WIDTH_16, 2 * COEFFICIENTS, 1))
        self.up_16 = nn.Conv2d(WIDTH_16, 4 * WIDTH_8, 1)
        self.from_picture_8 = nn.Conv2d(3 * 64, WIDTH_8, 1)
        self.stage_8 = Stage(WIDTH_8, 4)
        self.up_8 = nn.Conv2d(WIDTH_8, 4 * WIDTH_4, 1)
        self.from_picture_4 = nn.Conv2d(3 * 16, WIDTH_4, 1)
        self.stage_4 = Stage(WIDTH_4, 2)
        self.head = _zero(nn.Conv2d(WIDTH_4, 3 * 16, 3, padding=1))

    def forward(self, klt: Klt, coefficients: Tensor, deviations: Tensor, reals: Tensor, snrs: Tensor) -> Tensor:
        """Estimated coefficients, their standard errors, and received reals → pictures (B, 3, H, W).

        ``coefficients`` and ``reals`` are (B, COEFFICIENTS, H/32, W/32), ``deviations`` (B, COEFFICIENTS, 1, 1).
        """
        rough = 4.0 * (klt.synthesise(coefficients) - klt.mean)
        x = F.pixel_shuffle(self.from_reals(reals), 2) + self.from_picture_16(F.pixel_unshuffle(rough, 16))
        x = self.stage_16(x, snrs)
        factors, terms = (_HEAD_SCALE * self.coefficient_head(F.pixel_unshuffle(x, 2)).float()).chunk(2, dim=1)
        adapted = klt.synthesise(coefficients * (1.0 + factors) + terms * deviations)
        fine = 4.0 * (adapted - klt.mean)
        x = F.pixel_shuffle(self.up_16(x), 2) + self.from_picture_8(F.pixel_unshuffle(fine, 8))
        x = self.stage_8(x, snrs)
        x = F.pixel_shuffle(self.up_8(x), 2) + self.from_picture_4(F.pixel_unshuffle(fine, 4))
        x = self.stage_4(x, snrs)
        return adapted + _HEAD_SCALE * F.pixel_shuffle(self.head(x).float(), 4)


class DjsccFrameModel(nn.Module):
    """Both ends, differentiable, on batches. ``FrameCodec`` is the way in for one picture with trained weights.

    With ``linear`` only the linear code runs (pilots included): the baseline, and what training starts from.
    """

    floor: Tensor
    amplitudes: Tensor
    priors: Tensor

    def __init__(self, basis: Tensor, variances: Tensor, mean: Tensor) -> None:
        super().__init__()
        self.klt = Klt(basis, variances, mean, _COEFFICIENT_POWER)
        self.encoder = EncoderNet()
        self.decoder = DecoderNet()
        floor = torch.zeros(1, COEFFICIENTS, 1, 1)
        floor[0, -1] = 1e-3
        self.register_buffer("floor", floor, persistent=False)
        self.register_buffer("amplitudes", torch.tensor(_PILOT_AMPLITUDES), persistent=False)
        self.register_buffer("priors", torch.tensor(_PILOT_VARIANCES), persistent=False)

    def encode(self, pictures: Tensor, tx_snr_db: Tensor, *, linear: bool = False) -> Tensor:
        """(B, 3, H, W) in [0, 1] and (B,) dB → reals (B, REALS, H/32, W/32) with mean square 1/2 for each picture."""
        tx_snr_db = tx_snr_db.clamp(*SNR_LIMITS_DB)
        coded = self.klt.analyse(pictures) * self.klt.gains_at(tx_snr_db)
        if not linear:
            snrs = 0.1 * tx_snr_db
            factors, terms = self.encoder(pictures - self.klt.mean, coded, torch.stack([snrs, snrs], dim=1))
            coded = coded * (1.0 + factors) + terms
        # a flat grey picture has no coefficients at all, and still needs something to normalise
        coded = coded + self.floor
        log_scale = 0.5 * torch.log(2.0 * coded.square().mean(dim=(1, 2, 3)))
        values = torch.stack(
            [
                ((log_scale - _LOG_SCALE_CENTRE) / _LOG_SCALE_SPREAD).clamp(-1.0, 1.0),
                (tx_snr_db - _TX_SNR_CENTRE_DB) / _TX_SNR_SPREAD_DB,
            ],
            dim=1,
        )
        values = values * self.amplitudes
        pilots = values[:, :, None, None].expand(-1, -1, *coded.shape[2:])
        # the pilots have the power that they need, and the coefficients share exactly the rest
        energy = 0.5 * REALS - values.square().sum(dim=1)
        scale = (energy / coded.square().sum(dim=1).mean(dim=(1, 2))).sqrt()
        return torch.cat([coded * scale[:, None, None, None], pilots], dim=1)

    def decode(self, reals: Tensor, snr_db: Tensor, *, linear: bool = False) -> Tensor:
        """Received reals (B, REALS, h, w) and (B,) dB → pictures (B, 3, 32·h, 32·w), not yet clipped to [0, 1]."""
        snr_db = snr_db.clamp(*SNR_LIMITS_DB)
        noise = 0.5 * 10.0 ** (-0.1 * snr_db)
        received, pilots = reals[:, :COEFFICIENTS], reals[:, COEFFICIENTS:].mean(dim=(2, 3))
        blocks = reals.shape[2] * reals.shape[3]
        priors = self.amplitudes.square() * self.priors
        shrinkage = priors / (priors + noise[:, None] / blocks)
        values = (pilots * shrinkage / self.amplitudes).clamp(-1.0, 1.0)
        tx_snr_db = _TX_SNR_CENTRE_DB + _TX_SNR_SPREAD_DB * values[:, 1]
        energy = 0.5 * REALS - (values * self.amplitudes).square().sum(dim=1)
        log_scale = _LOG_SCALE_CENTRE + _LOG_SCALE_SPREAD * values[:, 0]
        scale = (torch.exp(log_scale) * (_COEFFICIENT_POWER / energy).sqrt())[:, None, None, None]
        powers = self.klt.powers_at(tx_snr_db)
        wiener = powers / (powers + noise[:, None, None, None])
        gains = (self.klt.variances[None, :, None, None] / powers.clamp_min(1e-12)).sqrt()
        coefficients = torch.where(powers > 0, received * scale * wiener * gains, 0.0)
        if linear:
            return self.klt.synthesise(coefficients)
        snrs = 0.1 * torch.stack([snr_db, tx_snr_db], dim=1)
        deviations = (self.klt.variances[None, :, None, None] * (1.0 - wiener)).sqrt()
        return self.decoder(self.klt, coefficients, deviations, received * scale, snrs)


class FrameCodec:
    """A picture to symbols and back, with trained weights. Deterministic; holds no state between pictures."""

    def __init__(self, model: DjsccFrameModel) -> None:
        """``model`` must have trained weights: ``load`` and ``from_tensors`` see to it."""
        self._model = model.eval()

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> FrameCodec:
        """From a state dict of ``DjsccFrameModel``. Raises WeightsError unless every tensor is there and fits."""
        try:
            model = DjsccFrameModel(tensors["klt.basis"], tensors["klt.variances"], tensors["klt.mean"])
            model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
        except (KeyError, RuntimeError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise WeightsError(f"these are not weights of {NAME} of this version ({reason}); reinstall gvsc") from error
        return cls(model)

    @classmethod
    def load(cls, path: Path | None = None) -> FrameCodec:
        """From a safetensors file; by default the committed weights, verified. Raises WeightsError."""
        file = weights.path(NAME) if path is None else path
        try:
            tensors = load_file(file)
        except Exception as error:
            raise WeightsError(f"cannot read weights {file}: {error}") from error
        return cls.from_tensors(tensors)

    def encode(self, frame: ArrayLike, tx_snr_db: float, *, linear: bool = False) -> NDArray[np.complex64]:
        """A frame (3, H, W) in [0, 1] to ``symbol_count(H, W)`` complex symbols of mean power 1.

        ``tx_snr_db`` is what the transmitter believes the SNR to be. ``linear`` sends the linear code instead, as the
        baseline. Raises ClipError for a frame of another shape or with values outside [0, 1], SettingError for the SNR.
        """
        tx_snr_db = check_snr_db(tx_snr_db, "tx_snr_db")
        pixels = np.asarray(frame, dtype=np.float32)
        if pixels.ndim != 3 or pixels.shape[0] != 3:
            raise ClipError(f"a frame must have the shape (3, height, width), not {pixels.shape}")
        symbol_count(pixels.shape[1], pixels.shape[2])
        if not np.isfinite(pixels).all() or pixels.min() < 0.0 or pixels.max() > 1.0:
            raise ClipError("a frame must have values within 0 … 1; divide 8-bit pixels by 255")
        with torch.inference_mode():
            pictures = torch.from_numpy(pixels[None]).contiguous(memory_format=torch.channels_last)
            reals = self._model.encode(pictures, torch.tensor([tx_snr_db]), linear=linear)
        first, second = reals.flatten().double().numpy().reshape(2, -1)
        symbols = first + 1j * second
        return (symbols / np.sqrt(np.mean(np.abs(symbols) ** 2))).astype(np.complex64)

    def decode(
        self, symbols: ArrayLike, snr_db: float, height: int, width: int, *, linear: bool = False
    ) -> NDArray[np.float32]:
        """Received symbols to a frame (3, height, width) in [0, 1].

        ``snr_db`` is the receiver's estimate. Raises BurstError for another number of symbols or values that are not
        finite, ClipError for sizes that cannot be, SettingError for the SNR.
        """
        snr_db = check_snr_db(snr_db)
        received = np.asarray(symbols)
        count = symbol_count(height, width)
        if received.shape != (count,):
            raise BurstError(f"a {width}×{height} frame has {count} symbols, not an array of shape {received.shape}")
        if not np.isfinite(received).all():
            raise BurstError("the symbols of a frame must be finite numbers")
        reals = np.concatenate([received.real, received.imag]).astype(np.float32)
        with torch.inference_mode():
            grid = torch.from_numpy(reals).view(1, REALS, height // BLOCK, width // BLOCK)
            picture = self._model.decode(grid, torch.tensor([snr_db]), linear=linear)[0].clamp(0.0, 1.0)
        return picture.contiguous().numpy()


def symbol_count(height: int, width: int) -> int:
    """Complex symbols of a frame: 7808 at 256×256. Raises ClipError unless the sides are multiples of 32 up to 2048."""
    for name, side in (("height", height), ("width", width)):
        if not 0 < side <= MAX_SIDE or side % BLOCK:
            raise ClipError(f"a frame's {name} must be a multiple of {BLOCK} up to {MAX_SIDE}, not {side}; resize it")
    return REALS // 2 * (height // BLOCK) * (width // BLOCK)

"""Colour pictures as analogue symbols: networks at both ends of a linear code. ``djscc-frame``, ``djscc-rgb`` are such.

A convolutional network changes the picture, a linear code (``common.codecs.linear``) sends it; the receiver takes the
linear code's estimate and a second, larger network corrects it. Both networks start from zero output, that is from the
linear code, are trained jointly through the noise, and are gated by attention-feature modules that see the SNR (J. Xu
et al., "Wireless image transmission using deep source channel coding with attention modules", 2022).

Power is normalised for each picture, and no scalar goes around the channel: two reals for each 32×32 pixels are pilots.
Half of the pilots carry the scale that was divided out, half the SNR that the transmitter believed in, as repeated
analogue values. Last, a unitary DFT over the section spreads every real over all symbols. White noise is the same
before and after it, but the strongest coefficients would else be symbols 25 dB above the mean; so spread, the peak is
10 dB.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from common import weights
from common.codecs.djscc.blocks import Stage, zeroed
from common.codecs.djscc.limits import SNR_LIMITS_DB, blocks
from common.codecs.linear import LinearCode, cosines, power_allocation
from common.conventions import check_snr_db
from common.errors import BurstError, ClipError, WeightsError
from common.uninitialised import Uninitialised
from common.weights.tensors import read as read_tensors

PILOTS = 2
"""Values that go beside the coefficients: the scale, and the transmitter's SNR. Each takes one real in a block."""

_LOG_SCALE_CENTRE, _LOG_SCALE_SPREAD = 0.0, 1.5
"""Natural logarithm of a picture's scale against the average one's: a pilot carries (log − centre) / spread."""
_TX_SNR_CENTRE_DB, _TX_SNR_SPREAD_DB = 7.5, 12.5
_PILOT_AMPLITUDES = (2.5, 1.0)
"""What the values of the two pilots are multiplied by: an error of the scale costs more than one of the SNR."""
_PILOT_VARIANCES = (0.05, 0.25)
"""Prior variances of the values, for the shrinkage of their noisy means."""

WIDTH_16, WIDTH_8, WIDTH_4 = 192, 128, 64
"""Channels where a position stands for 16×16, 8×8 and 4×4 pixels."""

_FLOOR = 1e-3

_HEAD_SCALE = 0.1
"""What the networks' last layers are multiplied by, so that early steps of training do not drown the linear code."""


class Patches(nn.Module):
    """Square patches to features: a linear map of their cosine coefficients, each scaled to unit variance.

    In pixels, fine detail is hundreds of times weaker than shading, and would be learnt late or never.
    """

    whitening: Tensor

    def __init__(self, side: int, width: int, colour: Tensor, deviations: Tensor) -> None:
        """``deviations`` (3, 16, 16): standard deviations by colour axis and frequency of 16×16 patches."""
        super().__init__()
        self.side = side
        self.map = nn.Linear(3 * side * side, width)
        step = deviations.shape[1] // side
        basis = torch.einsum("cd,uy,vx->duvcyx", colour.float(), cosines(side), cosines(side))
        scaled = basis / deviations.float()[:, ::step, ::step, None, None, None]
        self.register_buffer("whitening", scaled.reshape(3 * side * side, -1), persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures less their mean (B, 3, H, W) → (B, width, H/side, W/side)."""
        kernels = (self.map.weight @ self.whitening).view(-1, 3, self.side, self.side)
        return F.conv2d(pictures, kernels, self.map.bias, stride=self.side)


class EncoderNet(nn.Module):
    """What to change in a picture before the linear code takes it."""

    def __init__(self, colour: Tensor, deviations: Tensor) -> None:
        super().__init__()
        self.stem = Patches(8, WIDTH_8, colour, deviations)
        self.stage_8 = Stage(WIDTH_8, 2)
        self.down = nn.Conv2d(4 * WIDTH_8, WIDTH_16, 1)
        self.stage_16 = Stage(WIDTH_16, 1)
        self.up = nn.Conv2d(WIDTH_16, 4 * WIDTH_8, 1)
        self.head = zeroed(nn.Conv2d(WIDTH_8, 3 * 64, 1))

    def forward(self, pictures: Tensor, snrs: Tensor) -> Tensor:
        """Pictures less their mean (B, 3, H, W) and SNRs (B, 2) → what to add to them, of the same shape."""
        fine = self.stage_8(self.stem(pictures), snrs)
        coarse = self.stage_16(self.down(F.pixel_unshuffle(fine, 2)), snrs)
        fine = fine + F.pixel_shuffle(self.up(coarse), 2)
        return _HEAD_SCALE * F.pixel_shuffle(self.head(fine).float(), 8)


class DecoderNet(nn.Module):
    """What the linear estimate of a picture lacks: from coarse to fine, seeing the estimate anew at every scale."""

    def __init__(self, colour: Tensor, deviations: Tensor) -> None:
        super().__init__()
        self.stem_16 = Patches(16, WIDTH_16, colour, deviations)
        self.stage_16 = Stage(WIDTH_16, 3)
        self.up_16 = nn.Conv2d(WIDTH_16, 4 * WIDTH_8, 1)
        self.stem_8 = Patches(8, WIDTH_8, colour, deviations)
        self.stage_8 = Stage(WIDTH_8, 4)
        self.up_8 = nn.Conv2d(WIDTH_8, 4 * WIDTH_4, 1)
        self.stem_4 = Patches(4, WIDTH_4, colour, deviations)
        self.stage_4 = Stage(WIDTH_4, 3)
        self.head = zeroed(nn.Conv2d(WIDTH_4, 3 * 16, 3, padding=1))

    def forward(self, estimates: Tensor, snrs: Tensor) -> Tensor:
        """Linear estimates less the mean (B, 3, H, W) and SNRs (B, 2) → what to add to them, of the same shape."""
        x = self.stage_16(self.stem_16(estimates), snrs)
        x = F.pixel_shuffle(self.up_16(x), 2) + self.stem_8(estimates)
        x = self.stage_8(x, snrs)
        x = F.pixel_shuffle(self.up_8(x), 2) + self.stem_4(estimates)
        x = self.stage_4(x, snrs)
        return _HEAD_SCALE * F.pixel_shuffle(self.head(x).float(), 4)


class ColourModel(nn.Module):
    """Both ends, differentiable, on batches. ``ColourCodec`` is the way in for one picture with trained weights.

    With ``linear`` only the linear code runs (pilots included): the baseline, and what training starts from.
    """

    amplitudes: Tensor
    priors: Tensor

    deviations: Tensor

    def __init__(
        self, reals_per_block: int, colour: Tensor, mean: Tensor, log_variances: Tensor, deviations: Tensor
    ) -> None:
        """``reals_per_block``: even, for each BLOCK×BLOCK pixels. The rest is measured on photos (`gvsc.training`)."""
        super().__init__()
        self.reals_per_block = reals_per_block
        self.code = LinearCode(colour, mean, log_variances)
        self.encoder = EncoderNet(colour, deviations)
        self.decoder = DecoderNet(colour, deviations)
        self.register_buffer("deviations", deviations.float())
        self.register_buffer("amplitudes", torch.tensor(_PILOT_AMPLITUDES), persistent=False)
        self.register_buffer("priors", torch.tensor(_PILOT_VARIANCES), persistent=False)

    def encode(self, pictures: Tensor, tx_snr_db: Tensor, *, linear: bool = False) -> Tensor:
        """(B, 3, H, W) in [0, 1] and (B,) dB → reals (B, 2·symbol_count) with mean square 1/2 for each picture."""
        height, width = pictures.shape[2:]
        repeats = pilot_repeats(height, width)
        reals = self.reals_per_block * repeats
        count = reals - PILOTS * repeats
        tx_snr_db = tx_snr_db.clamp(*SNR_LIMITS_DB)
        if not linear:
            snrs = 0.1 * tx_snr_db
            pictures = pictures + self.encoder(pictures - self.code.mean, torch.stack([snrs, snrs], dim=1))
        variances = self.code.layout(height, width)[1][:count]
        powers = power_allocation(variances, _noise_variance(tx_snr_db), 0.5 * count)
        coded = self.code.analyse(pictures, count) * (powers / variances).sqrt()
        # a flat grey picture has no coefficients at all, and still needs something to normalise
        coded = coded + F.pad(coded.new_full((1, 1), _FLOOR), (0, count - 1))
        log_scale = 0.5 * torch.log(2.0 * coded.square().mean(dim=1))
        values = torch.stack(
            [
                ((log_scale - _LOG_SCALE_CENTRE) / _LOG_SCALE_SPREAD).clamp(-1.0, 1.0),
                (tx_snr_db - _TX_SNR_CENTRE_DB) / _TX_SNR_SPREAD_DB,
            ],
            dim=1,
        )
        pilots = (values * self.amplitudes).repeat_interleave(repeats, dim=1)
        # the pilots have the power that they need, and the coefficients share exactly the rest
        energy = 0.5 * reals - pilots.square().sum(dim=1)
        scale = (energy / coded.square().sum(dim=1)).sqrt()
        return torch.cat([coded * scale[:, None], pilots], dim=1)

    def decode(self, reals: Tensor, snr_db: Tensor, height: int, width: int, *, linear: bool = False) -> Tensor:
        """Received reals (B, 2·symbol_count) and (B,) dB → pictures (B, 3, height, width), not clipped to [0, 1]."""
        snr_db = snr_db.clamp(*SNR_LIMITS_DB)
        noise = _noise_variance(snr_db)[:, None]
        repeats = pilot_repeats(height, width)
        count = reals.shape[1] - PILOTS * repeats
        pilots = reals[:, count:].unflatten(1, (PILOTS, repeats)).mean(dim=2)
        priors = self.amplitudes.square() * self.priors
        values = (pilots * priors / (priors + noise / repeats) / self.amplitudes).clamp(-1.0, 1.0)
        tx_snr_db = _TX_SNR_CENTRE_DB + _TX_SNR_SPREAD_DB * values[:, 1]
        energy = 0.5 * reals.shape[1] - repeats * (values * self.amplitudes).square().sum(dim=1)
        log_scale = _LOG_SCALE_CENTRE + _LOG_SCALE_SPREAD * values[:, 0]
        scale = torch.exp(log_scale) * (0.5 * count / energy).sqrt()
        variances = self.code.layout(height, width)[1][:count]
        powers = power_allocation(variances, _noise_variance(tx_snr_db), 0.5 * count)
        wiener = (powers * variances).sqrt() / (powers + noise)
        estimates = self.code.synthesise(reals[:, :count] * scale[:, None] * wiener, height, width)
        if linear:
            return estimates
        snrs = 0.1 * torch.stack([snr_db, tx_snr_db], dim=1)
        return estimates + self.decoder(estimates - self.code.mean, snrs)


def model_like(reals_per_block: int, tensors: Mapping[str, Tensor]) -> ColourModel:
    """The model with a state dict of any precision as weights. Raises KeyError or RuntimeError if they do not fit."""
    statistics = (tensors["code.colour"], tensors["code.mean"], tensors["code.log_variances"], tensors["deviations"])
    with Uninitialised():
        model = ColourModel(reals_per_block, *statistics)
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return model


def _noise_variance(snr_db: Tensor) -> Tensor:
    """Noise variance per real for symbols of unit power."""
    return 0.5 * 10.0 ** (-0.1 * snr_db)


class ColourCodec:
    """A picture to symbols and back, with trained weights. Deterministic; holds no state between pictures.

    A codec is a subclass with a ``name`` and a number of ``reals_per_block``.
    """

    name: ClassVar[str]
    reals_per_block: ClassVar[int]

    def __init__(self, model: ColourModel) -> None:
        """``model`` must have trained weights: ``load`` and ``from_tensors`` see to it."""
        self._model = model.eval()

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """From a state dict of ``ColourModel``. Raises WeightsError unless every tensor is there and fits."""
        try:
            model = model_like(cls.reals_per_block, tensors)
        except (KeyError, RuntimeError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise WeightsError(
                f"these are not weights of {cls.name} of this version ({reason}); reinstall gvsc"
            ) from error
        return cls(model)

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """From a safetensors file; by default the committed weights, verified. Raises WeightsError."""
        file = weights.path(cls.name) if path is None else path
        return cls.from_tensors(read_tensors(file))

    @classmethod
    def symbol_count(cls, height: int, width: int) -> int:
        """Complex symbols of a picture. Raises ClipError unless the sides are multiples of BLOCK up to MAX_SIDE."""
        return cls.reals_per_block // 2 * pilot_repeats(height, width)

    def encode(self, frame: ArrayLike, tx_snr_db: float, *, linear: bool = False) -> NDArray[np.complex64]:
        """A frame (3, H, W) in [0, 1] to ``symbol_count(H, W)`` complex symbols of mean power 1.

        ``tx_snr_db`` is what the transmitter believes the SNR to be. ``linear`` sends the linear code instead, as the
        baseline. Raises ClipError for a frame of another shape or with values outside [0, 1], SettingError for the SNR.
        """
        tx_snr_db = check_snr_db(tx_snr_db, "tx_snr_db")
        pixels = np.array(frame, dtype=np.float32)
        if pixels.ndim != 3 or pixels.shape[0] != 3:
            raise ClipError(f"a frame must have the shape (3, height, width), not {pixels.shape}")
        self.symbol_count(pixels.shape[1], pixels.shape[2])
        if not np.isfinite(pixels).all() or pixels.min() < 0.0 or pixels.max() > 1.0:
            raise ClipError("a frame must have values within 0 … 1; divide 8-bit pixels by 255")
        with torch.inference_mode():
            pictures = torch.from_numpy(pixels[None]).contiguous(memory_format=torch.channels_last)
            reals = self._model.encode(pictures, torch.tensor([tx_snr_db]), linear=linear)
        first, second = reals[0].double().numpy().reshape(2, -1)
        symbols = np.fft.fft(first + 1j * second, norm="ortho")
        return (symbols / np.sqrt(np.mean(np.abs(symbols) ** 2))).astype(np.complex64)

    def decode(
        self, symbols: ArrayLike, snr_db: float, height: int, width: int, *, linear: bool = False
    ) -> NDArray[np.float32]:
        """Received symbols to a frame (3, height, width) in [0, 1].

        ``snr_db`` is the receiver's estimate. Raises BurstError for another number of symbols or values that are not
        finite, ClipError for sizes that cannot be, SettingError for the SNR.
        """
        snr_db = check_snr_db(snr_db)
        received = np.asarray(symbols, dtype=np.complex128)
        count = self.symbol_count(height, width)
        if received.shape != (count,):
            raise BurstError(f"a {width}×{height} frame has {count} symbols, not an array of shape {received.shape}")
        if not np.isfinite(received).all():
            raise BurstError("the symbols of a frame must be finite numbers")
        received = np.fft.ifft(received, norm="ortho")
        reals = np.concatenate([received.real, received.imag]).astype(np.float32)
        with torch.inference_mode():
            pictures = self._model.decode(
                torch.from_numpy(reals)[None], torch.tensor([snr_db]), height, width, linear=linear
            )
            picture = pictures[0].clamp(0.0, 1.0)
        return picture.contiguous().numpy()


def pilot_repeats(height: int, width: int) -> int:
    """How often each pilot's value is sent: once for each block. Raises ClipError for sizes that cannot be."""
    return blocks(height, width, "frame")

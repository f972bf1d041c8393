"""What the training of the analogue picture codecs has in common: pictures through a noisy channel, and the loss."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from common import weights
from common.conventions import DEFAULT_SEED
from common.weights.tensors import read as read_tensors
from gvsc.training.loss import distance, fidelity, perceptual_part
from gvsc.training.recipe import Recipe, Stage

WATCHED_SNRS_DB = (0.0, 5.0, 10.0)
FIGURES_SNRS_DB = (-5.0, 0.0, 3.0, 5.0, 10.0, 15.0, 20.0)


@dataclass(frozen=True)
class CodecBatch:
    """Pictures (B, C, H, W) in [0, 1], their SNRs in dB (B,), and the seed of the noise."""

    pictures: Tensor
    true_db: Tensor
    sent_db: Tensor
    estimated_db: Tensor
    noise: int

    def to(self, device: torch.device) -> CodecBatch:
        """The same on another device."""
        pictures, true, sent, estimated = (
            tensor.to(device) for tensor in (self.pictures, self.true_db, self.sent_db, self.estimated_db)
        )
        return CodecBatch(pictures, true, sent, estimated, self.noise)


class CodecTask(ABC):
    """A codec that is trained through noise: an ``engine.Task``. Its model has ``encode`` and ``decode``."""

    name: ClassVar[str]

    def __init__(self, recipe: Recipe, device: torch.device, held_out: Tensor) -> None:
        """``held_out`` (N, C, H, W) in [0, 1] is never trained on.

        Raises RecipeError, WeightsError or PackageError where the loss's distance cannot be had.
        """
        self.recipe = recipe
        self.device, self.held_out = device, held_out
        self.distance = distance(recipe.loss)
        if self.distance is not None:
            self.distance.to(device)

    @property
    @abstractmethod
    def count(self) -> int:
        """Training pictures: an epoch."""

    @abstractmethod
    def model(self, stored: Mapping[str, Tensor] | None) -> nn.Module:
        """See ``engine.Task``."""

    @abstractmethod
    def pictures(self, count: int, size: int, rng: np.random.Generator) -> Tensor:
        """Training pictures (count, C, size, size) in [0, 1]."""

    @abstractmethod
    def watch(self, model: nn.Module) -> dict[str, float]:
        """See ``engine.Task``."""

    @abstractmethod
    def figures(self, tensors: Mapping[str, Tensor]) -> dict[str, list[float]]:
        """Of weights as they are exported: what is measured → values at ``FIGURES_SNRS_DB``, for the card."""

    def draw(self, stage: Stage, rng: np.random.Generator) -> CodecBatch:
        """See ``engine.Task``."""
        pictures = self.pictures(stage.batch, stage.crop, rng).contiguous(memory_format=torch.channels_last)
        return CodecBatch(pictures, *self.recipe.snr.draw(stage.batch, rng), noise=int(rng.integers(2**62)))

    def loss(self, model: nn.Module, batch: CodecBatch) -> Tensor:
        """See ``engine.Task``."""
        loss, truths = self.recipe.loss, batch.pictures
        decoded = through(model, batch).float()
        faithful = fidelity(loss, decoded, truths)
        if self.distance is None:
            return faithful.mean()
        distances: Tensor = perceptual_part(loss, batch.true_db) * self.distance(decoded, truths)
        return (loss.k * faithful + (1.0 - loss.k) * distances).mean()

    def starting_weights(self) -> dict[str, Tensor] | None:
        """What the recipe starts from, None where it names no weights. Raises WeightsError."""
        name = self.recipe.start.weights
        if not name:
            return None
        file = Path(name) if "/" in name or name.endswith(".safetensors") else weights.path(name)
        return read_tensors(file)

    def watched(self, model: nn.Module, pictures: Tensor, snr_db: float, **options: Any) -> Tensor:
        """Held-out pictures after a channel whose SNR both ends know: as in training, on its device, in [0, 1]."""
        decoded = []
        precision = self.recipe.optimiser.autocast(self.device)
        with torch.inference_mode(), precision:
            for index, picture in enumerate(pictures.split(1)):
                snr = torch.full((1,), snr_db)
                batch = CodecBatch(picture, snr, snr, snr, DEFAULT_SEED + index).to(self.device)
                decoded.append(through(model, batch, **options).float().clamp(0.0, 1.0).cpu())
        return torch.cat(decoded)


def through(model: Any, batch: CodecBatch, **options: Any) -> Tensor:
    """The batch's pictures as they are decoded, not clipped."""
    pictures = batch.pictures.contiguous(memory_format=torch.channels_last)
    reals = model.encode(pictures, batch.sent_db, **options)
    generator = torch.Generator(reals.device).manual_seed(batch.noise)
    received = add_noise(reals, batch.true_db, generator)
    decoded: Tensor = model.decode(received, batch.estimated_db, *pictures.shape[2:], **options)
    return decoded


def add_noise(reals: Tensor, snr_db: Tensor, generator: torch.Generator) -> Tensor:
    """AWGN on reals (B, N) that are halves of unit-power symbols: variance 10^(−snr/10)/2 each. ``snr_db`` (B,)."""
    deviation = (0.5 * 10.0 ** (-0.1 * snr_db)).sqrt()[:, None]
    return reals + deviation * torch.randn(reals.shape, generator=generator, device=reals.device)


def psnr_db(decoded: Tensor, truths: Tensor) -> float:
    """Mean over pictures (B, C, H, W) in [0, 1] of each one's PSNR."""
    squares = (decoded.double() - truths.double()).square().mean(dim=(1, 2, 3)).clamp_min(1e-10)
    return float((-10.0 * squares.log10()).mean())


def sent_and_received(
    codec: Any,
    picture: np.ndarray,
    snr_db: float,
    rng: np.random.Generator,
    symbol_count: int | None = None,
    **options: Any,
) -> Any:
    """One picture through a codec as it is used: symbols, AWGN, both ends know the SNR.

    ``symbol_count`` is for codecs that send any number of symbols.
    """
    budget = () if symbol_count is None else (symbol_count,)
    symbols = codec.encode(picture, snr_db, *budget, **options)
    noise = rng.normal(size=(2, len(symbols))) * math.sqrt(0.5 * 10.0 ** (-0.1 * snr_db))
    return codec.decode(symbols + noise[0] + 1j * noise[1], snr_db, *picture.shape[-2:], **options)

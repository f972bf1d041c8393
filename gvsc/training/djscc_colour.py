"""Training of the colour codecs, ``djscc-frame`` and ``djscc-rgb``: on photos and frames of clips.

Training starts from the linear code of the training pictures (``gvsc.training.spectrum``), or from weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from common.codecs.djscc.colour import ColourCodec, ColourModel, model_like
from common.codecs.djscc_frame import FrameCodec
from common.codecs.djscc_rgb import RgbCodec
from common.conventions import DEFAULT_SEED
from common.errors import WeightsError
from gvsc.training import spectrum
from gvsc.training.codec import FIGURES_SNRS_DB, WATCHED_SNRS_DB, CodecTask, psnr_db, sent_and_received
from gvsc.training.photos import Crops
from gvsc.training.recipe import Recipe


class ColourTask(CodecTask):
    """A colour codec; a subclass names it."""

    codec: ClassVar[type[ColourCodec]]

    def __init__(self, recipe: Recipe, device: torch.device, crops: Crops, held_out: Tensor, seed: int) -> None:
        """``seed`` is that of the crops which the linear code is measured on."""
        super().__init__(recipe, device, held_out)
        self.crops, self.seed = crops, seed

    @property
    def count(self) -> int:
        """Photos and frames of clips."""
        clips = self.crops.clips
        return len(self.crops.photos) + (0 if clips is None else clips.shape[0] * clips.shape[1])

    def model(self, stored: Mapping[str, Tensor] | None) -> ColourModel:
        """See ``engine.Task``."""
        tensors = stored or self.starting_weights()
        if tensors is None:
            found = spectrum.fit(self.crops, np.random.default_rng(self.seed))
            return ColourModel(self.codec.reals_per_block, **found)
        try:
            return model_like(self.codec.reals_per_block, tensors)
        except (KeyError, RuntimeError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise WeightsError(f"these weights are not of a colour codec of this version ({reason})") from None

    def pictures(self, count: int, size: int, rng: np.random.Generator) -> Tensor:
        """See ``CodecTask``."""
        return self.crops.batch(count, size, rng)

    def watch(self, model: nn.Module) -> dict[str, float]:
        """See ``engine.Task``."""
        return {
            f"PSNR at {snr_db:g} dB": psnr_db(self.watched(model, self.held_out, snr_db), self.held_out)
            for snr_db in WATCHED_SNRS_DB
        }

    def figures(self, tensors: Mapping[str, Tensor]) -> dict[str, list[float]]:
        """See ``CodecTask``."""
        return figures(self.codec.from_tensors(tensors), self.held_out, self.name, "linear code")


class FrameTask(ColourTask):
    """``djscc-frame``."""

    name, codec = FrameCodec.name, FrameCodec


class RgbTask(ColourTask):
    """``djscc-rgb``."""

    name, codec = RgbCodec.name, RgbCodec


def figures(
    codec: Any, held_out: Tensor, name: str, linear_name: str, symbol_count: int | None = None
) -> dict[str, list[float]]:
    """PSNR and SSIM of pictures (B, 3, H, W) in [0, 1] sent by a colour codec, and by its linear code, at each SNR."""
    made: dict[str, list[float]] = {}
    for snr_db in FIGURES_SNRS_DB:
        for what, linear in ((name, False), (linear_name, True)):
            rng = np.random.default_rng(DEFAULT_SEED)
            decoded = torch.stack(
                [
                    torch.from_numpy(sent_and_received(codec, picture, snr_db, rng, symbol_count, linear=linear))
                    for picture in held_out.numpy()
                ]
            )
            made.setdefault(f"PSNR (dB), {what}", []).append(round(psnr_db(decoded, held_out), 2))
            made.setdefault(f"SSIM, {what}", []).append(round(ssim(decoded, held_out), 3))
    return made


def ssim(pictures: Tensor, truths: Tensor) -> float:
    """Mean SSIM of (B, C, H, W) in [0, 1]: as the metric ``ssim`` (docs/conventions.md), without its package."""
    a, b = pictures.double(), truths.double()
    rows, columns = _windows(a.shape[2]), _windows(a.shape[3])

    def mean(x: Tensor) -> Tensor:
        return rows @ x @ columns.T

    mean_a, mean_b = mean(a), mean(b)
    variances = mean(a * a) - mean_a**2 + mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    found = (2 * mean_a * mean_b + c1) * (2 * covariance + c2) / ((mean_a**2 + mean_b**2 + c1) * (variances + c2))
    return float(found.mean())


def _windows(length: int) -> Tensor:
    """Gaussian windows of 11 samples, σ = 1.5, at every place within ``length``, as a matrix (length − 10, length)."""
    weights = torch.exp(-0.5 * (torch.arange(-5.0, 6.0, dtype=torch.float64) / 1.5) ** 2)
    matrix = torch.zeros(length - 10, length, dtype=torch.float64)
    for shift, weight in enumerate(weights / weights.sum()):
        matrix.diagonal(shift).fill_(float(weight))
    return matrix

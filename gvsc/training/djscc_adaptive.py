"""Training of the adaptive codec ``djscc-frame-2``: on photos and frames of clips, at many budgets and SNRs.

It starts from classes and tables that are fitted on the training pictures (``gvsc.training.block_classes``) and from
networks with zero output, from the networks of ``djscc-frame``, or from weights of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from common.codecs.djscc.adaptive import CONDITIONS, AdaptiveModel, model_like
from common.conventions import DEFAULT_SEED
from common.errors import WeightsError
from gvsc.training import adaptive_link, photos
from gvsc.training.codec import WATCHED_SNRS_DB, CodecBatch, CodecTask, psnr_db
from gvsc.training.loss import fidelity
from gvsc.training.photos import PictureSource
from gvsc.training.recipe import Recipe, Stage

NAME = "djscc-frame-2"

WATCHED_SYMBOLS = 7808


@dataclass(frozen=True)
class AdaptiveBatch(CodecBatch):
    """And the symbols of each picture, int64 (B,)."""

    symbols: Tensor

    def to(self, device: torch.device) -> AdaptiveBatch:
        """The same on another device."""
        return AdaptiveBatch(**vars(super().to(device)), symbols=self.symbols.to(device))


class AdaptiveTask(CodecTask):
    """``djscc-frame-2``."""

    name = NAME

    def __init__(
        self, recipe: Recipe, device: torch.device, source: PictureSource, held_out: Tensor, seed: int
    ) -> None:
        """``seed`` is that of the crops which classes are fitted on."""
        super().__init__(recipe, device, held_out)
        self.source, self.seed = source, seed

    @property
    def count(self) -> int:
        """See ``CodecTask``."""
        return self.source.count

    def model(self, stored: Mapping[str, Tensor] | None) -> AdaptiveModel:
        """See ``engine.Task``."""
        tensors = stored or self.starting_weights()
        try:
            if tensors is not None and "classes.level" in tensors:
                return model_like(tensors)
            from gvsc.training import block_classes

            model = block_classes.model(block_classes.fit(self.source, np.random.default_rng(self.seed)))
            if tensors is not None:
                take_over(model, tensors)
            return model
        except (KeyError, RuntimeError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise WeightsError(f"these weights are not of {NAME} of this version ({reason})") from None

    def pictures(self, count: int, size: int, rng: np.random.Generator) -> Tensor:
        """See ``CodecTask``."""
        return photos.batch(self.source, count, size, rng)

    def draw(self, stage: Stage, rng: np.random.Generator) -> CodecBatch:
        """See ``engine.Task``."""
        batch = super().draw(stage, rng)
        symbols = adaptive_link.budgets(stage.batch, stage.crop, stage.crop, rng)
        return AdaptiveBatch(**vars(batch), symbols=symbols)

    def loss(self, model: nn.Module, batch: CodecBatch) -> Tensor:
        """See ``engine.Task``."""
        assert isinstance(model, AdaptiveModel)
        assert isinstance(batch, AdaptiveBatch)
        sent = self._through(model, batch, batch.symbols)
        return fidelity(self.recipe.loss, sent.float(), batch.pictures).mean()

    def watch(self, model: nn.Module) -> dict[str, float]:
        """See ``engine.Task``."""
        return {
            f"PSNR at {snr_db:g} dB": psnr_db(self.watched(model, self.held_out, snr_db), self.held_out)
            for snr_db in WATCHED_SNRS_DB
        }

    def watched(self, model: nn.Module, pictures: Tensor, snr_db: float, **options: Any) -> Tensor:
        """See ``CodecTask``."""
        decoded = []
        with torch.inference_mode(), self.recipe.optimiser.autocast(self.device):
            for index, part in enumerate(pictures.split(4)):
                snr = torch.full((len(part),), snr_db)
                batch = CodecBatch(part, snr, snr, snr, DEFAULT_SEED + index)
                symbols = torch.full((len(part),), watched_symbols(part))
                decoded.append(self._through(model, batch, symbols, **options).float().clamp(0.0, 1.0))
        return torch.cat(decoded)

    def _through(self, model: Any, batch: CodecBatch, symbols: Tensor, **options: Any) -> Tensor:
        pictures = batch.pictures.contiguous(memory_format=torch.channels_last)
        noise = torch.Generator().manual_seed(batch.noise)
        return adaptive_link.through(
            model, pictures, symbols, batch.true_db, batch.sent_db, batch.estimated_db, noise, **options
        ).pictures

    def figures(self, tensors: Mapping[str, Tensor]) -> dict[str, list[float]]:
        """See ``CodecTask``."""
        from common.codecs.djscc_frame_2 import FrameCodec2
        from gvsc.training.djscc_colour import figures

        return figures(
            FrameCodec2.from_tensors(tensors),
            self.held_out,
            self.name,
            "without networks",
            watched_symbols(self.held_out),
        )


def watched_symbols(pictures: Tensor) -> int:
    """The budget of one of the pictures (B, 3, H, W): that of the first-frame section, per pixel."""
    return WATCHED_SYMBOLS * pictures[0, 0].numel() // 256**2


def take_over(model: AdaptiveModel, tensors: Mapping[str, Tensor]) -> None:
    """Gives the networks what fits of the first ``djscc-frame``; new conditions begin at zero."""
    for name, own in model.state_dict().items():
        if not name.startswith(("encoder.", "decoder.")) or name not in tensors:
            continue
        given = tensors[name].float()
        if name.endswith("squeeze.weight"):
            given = F.pad(given, (0, CONDITIONS - 2))
        if given.shape == own.shape:
            own.copy_(given)

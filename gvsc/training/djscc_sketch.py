"""Training of the sketch codec, ``djscc-sketch``: on sketches that the default sketcher drew."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from common.codecs import djscc_sketch
from common.codecs.djscc_sketch import SketchCodec, SketchModel
from common.conventions import DEFAULT_SEED
from common.errors import WeightsError
from gvsc.training.codec import FIGURES_SNRS_DB, WATCHED_SNRS_DB, CodecTask, psnr_db, sent_and_received
from gvsc.training.recipe import Recipe

WATCHED = 24
"""So many of the held-out sketches are looked at while it trains."""


class SketchTask(CodecTask):
    """``djscc-sketch``."""

    name = djscc_sketch.NAME

    def __init__(
        self, recipe: Recipe, device: torch.device, sketches: NDArray[np.uint8], held_out: NDArray[np.uint8]
    ) -> None:
        """Both (N, H, W), white on black, of at least the largest crop."""
        super().__init__(recipe, device, torch.from_numpy(np.array(held_out))[:, None].float() / 255.0)
        self.sketches = sketches

    @property
    def count(self) -> int:
        """Sketches."""
        return len(self.sketches)

    def model(self, stored: Mapping[str, Tensor] | None) -> SketchModel:
        """See ``engine.Task``."""
        model = SketchModel()
        tensors = stored or self.starting_weights()
        if tensors is not None:
            try:
                model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
            except RuntimeError as error:
                reason = str(error).splitlines()[-1].strip()
                raise WeightsError(f"these weights are not of {self.name} of this version ({reason})") from None
        return model

    def pictures(self, count: int, size: int, rng: np.random.Generator) -> Tensor:
        """See ``CodecTask``. Half of the time the busier of two crops; turned and mirrored."""
        drawn = []
        for _ in range(count):
            crop = self._crop(size, rng)
            if rng.random() >= 0.5:
                other = self._crop(size, rng)
                crop = other if other.mean() > crop.mean() else crop
            crop = np.rot90(crop, int(rng.integers(4)))
            drawn.append(crop[:, ::-1] if rng.random() < 0.5 else crop)
        return torch.from_numpy(np.stack(drawn))[:, None].float() / 255.0

    def _crop(self, size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        sketch = self.sketches[rng.integers(len(self.sketches))]
        top, left = (rng.integers(side - size + 1) for side in sketch.shape)
        return sketch[top : top + size, left : left + size]

    def watch(self, model: nn.Module) -> dict[str, float]:
        """See ``engine.Task``."""
        made = {}
        for snr_db in WATCHED_SNRS_DB:
            truths = self.held_out[:WATCHED]
            decoded = self.watched(model, truths, snr_db)
            made[f"PSNR at {snr_db:g} dB"] = psnr_db(decoded, truths)
            if (f1 := mean_edge_f1(decoded, truths)) is not None:
                made[f"edge F1 at {snr_db:g} dB"] = f1
        return made

    def figures(self, tensors: Mapping[str, Tensor]) -> dict[str, list[float]]:
        """See ``CodecTask``."""
        codec = SketchCodec.from_tensors(tensors)
        made: dict[str, list[float]] = {}
        for snr_db in FIGURES_SNRS_DB:
            rng = np.random.default_rng(DEFAULT_SEED)
            decoded = torch.stack(
                [
                    torch.from_numpy(sent_and_received(codec, sketch[0], snr_db, rng))[None]
                    for sketch in self.held_out.numpy()
                ]
            )
            made.setdefault("PSNR (dB)", []).append(round(psnr_db(decoded, self.held_out), 2))
            if (f1 := mean_edge_f1(decoded, self.held_out)) is not None:
                made.setdefault("edge F1", []).append(round(f1, 3))
        return made


def mean_edge_f1(decoded: Tensor, truths: Tensor) -> float | None:
    """Mean ``edge_f1`` of (B, 1, H, W) over sketches with enough lines; None without these, or without scipy."""
    if importlib.util.find_spec("scipy") is None:
        return None
    from gvsc.evaluation.metrics.edge_f1 import LEAST_DENSITY, THRESHOLD, edge_f1, thin

    scores = []
    for mine, truth in zip(decoded[:, 0].numpy(), truths[:, 0].numpy(), strict=True):
        if (thin(truth) & (truth >= THRESHOLD)).mean() >= LEAST_DENSITY:
            scores.append(edge_f1(mine, truth))
    return float(np.mean(scores)) if scores else None

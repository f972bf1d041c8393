"""Training of the decoder: what a network adds to the linear synthesis of latents, with or without a sketch.

Latents are those of pictures, half of them with noise as sampling leaves it: fine and coarse, in proportion to the
square root of each channel's deviation. Sketches are clean ones, half of them with noise, or as they were received.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gvsc.training.generator import mirror
from gvsc.training.generator.axes import PATCH
from gvsc.training.generator.batch import Tensors, normal, uniform
from gvsc.training.generator.frames import Frames
from gvsc.training.generator.plan import DecoderPlan
from gvsc.training.generator.pool import Pool
from gvsc.training.recipe import Stage
from receiver.generators.mini.latent import PatchLatent

NOISY: Final = 0.5
"""Share of pictures whose latents are noisy, and of clean sketches that get noise."""
SKETCH_NOISE: Final = 0.08
WATCHED: Final = 32


@dataclass(frozen=True)
class DecoderBatch(Tensors):
    """Pictures (B, 3, H, W) and sketches (B, 1, H, W) in [0, 1], trust (B,) in the sketches, 1 where there is one, and
    noise (B, C, h, w) to add to the latents."""

    picture: Tensor
    sketch: Tensor
    trust: Tensor
    noise: Tensor


class DecoderTask:
    """`mini-decoder`: an ``engine.Task``."""

    name = "mini-decoder"

    def __init__(self, plan: DecoderPlan, device: torch.device, pool: Pool) -> None:
        self.plan, self.device, self.pool, self.frames = plan, device, pool, Frames(pool)
        scale = torch.from_numpy(np.array(pool["latent.scale"]))
        self.unit = (pool.deviation / scale).sqrt().view(1, -1, 1, 1)
        real = [place for kind in ("clips", "crops") for place in self.frames.pairs(kind)]
        self.pairs = {"world": list(self.frames.pairs("world")), "real": real}

    def model(self, stored: Mapping[str, Tensor] | None) -> nn.Module:
        """See ``engine.Task``. The linear code is fitted already, and not trained."""
        pool = self.pool
        model = PatchLatent(pool.channels, PATCH, **asdict(self.plan.network))
        for name in ("basis", "mean", "scale"):
            getattr(model, name).copy_(torch.from_numpy(np.array(pool[f"latent.{name}"])))
        return model

    def draw(self, stage: Stage, rng: np.random.Generator) -> DecoderBatch:
        """See ``engine.Task``."""
        plan, count = self.plan, stage.batch
        places = []
        for _ in range(count):
            kind = "real" if self.pairs["real"] and (rng.random() < plan.real or not self.pairs["world"]) else "world"
            places.append(self.pairs[kind][int(rng.integers(len(self.pairs[kind])))])
        received = rng.random(count) < plan.received_sketch
        picture, sketch = self._pictures(places, (rng.random(count) < 0.5).tolist(), received.tolist())
        cells = picture.shape[-1] // PATCH, plan.crop // PATCH
        top, left = (PATCH * int(start) for start in rng.integers(cells[0] - cells[1] + 1, size=2))
        picture, sketch = (
            of[:, :, top : top + plan.crop, left : left + plan.crop].contiguous() for of in (picture, sketch)
        )
        noisy = torch.from_numpy((rng.random(count) < NOISY) & ~received).float().view(-1, 1, 1, 1)
        sketch = (sketch + SKETCH_NOISE * noisy * normal(rng, *sketch.shape)).clamp(0.0, 1.0)
        trust = (uniform(rng, count) < plan.sketch).float()
        return DecoderBatch(picture, sketch, trust, self._noise(count, cells[1], rng))

    def loss(self, model: nn.Module, batch: DecoderBatch) -> Tensor:
        """See ``engine.Task``: absolute error of the picture and of its gradients."""
        error = self._decoded(cast(PatchLatent, model), batch) - batch.picture
        across, down = error[..., 1:] - error[..., :-1], error[..., 1:, :] - error[..., :-1, :]
        return error.abs().mean() + self.plan.gradient_weight * (across.abs().mean() + down.abs().mean())

    def watch(self, model: nn.Module) -> dict[str, float]:
        """See ``engine.Task``: PSNR of whole pictures: linear code, network, network with the sketch."""
        world = self.pool.pairs("world")
        kept = world[len(self.pairs["world"]) :] or world or range(len(self.pool["pairs.row"]))
        never = [False] * len(kept[:WATCHED])
        picture, sketch = self._pictures(list(kept[:WATCHED]), never, never)
        none = torch.zeros(len(picture))
        side = picture.shape[-1] // PATCH
        batch = DecoderBatch(picture, sketch, none, torch.zeros(len(picture), self.pool.channels, side, side))
        batch = batch.to(self.device)
        latent = cast(PatchLatent, model)
        with torch.inference_mode(), self.plan.optimiser.autocast(self.device):
            linear = latent.synthesise(latent.encode(batch.picture))
            plain, seen = (
                self._decoded(latent, DecoderBatch(batch.picture, batch.sketch, trust, batch.noise))
                for trust in (batch.trust, torch.ones_like(batch.trust))
            )
        shown = {"linear": linear, "decoded": plain, "with sketch": seen}
        return {f"PSNR {what}": _psnr_db(decoded, batch.picture) for what, decoded in shown.items()}

    def _decoded(self, latent: PatchLatent, batch: DecoderBatch) -> Tensor:
        with torch.no_grad():
            linear = latent.synthesise(latent.encode(batch.picture) + batch.noise)
        return linear + latent.correct(linear, batch.sketch, batch.trust)

    def _noise(self, count: int, side: int, rng: np.random.Generator) -> Tensor:
        """As much fine as coarse noise."""
        size = self.plan.noise * uniform(rng, count, 1, 1, 1).square() * (uniform(rng, count, 1, 1, 1) < NOISY)
        fine = normal(rng, count, self.pool.channels, side, side)
        coarse = 2.0 * functional.interpolate(functional.avg_pool2d(fine, 2), scale_factor=2.0)
        return size * self.unit * (0.5 * fine + 0.5 * coarse)

    def _pictures(self, places: list[int], turned: list[bool], received: list[bool]) -> tuple[Tensor, Tensor]:
        """Pictures (B, 3, 256, 256) and sketches (B, 1, 256, 256) of pairs, in [0, 1]."""
        pool = self.pool
        pictures, sketches = [], []
        for place, turn, channel in zip(places, turned, received, strict=True):
            rows = pool["pairs.picture"][place], pool["pairs.received" if channel else "pairs.sketch"][place]
            picture, sketch = (mirror.picture(row) if turn else row for row in rows)
            pictures.append(picture)
            sketches.append(sketch[..., None])
        shown = (torch.from_numpy(np.stack(rows)).float() / 255.0 for rows in (pictures, sketches))
        together, lines = (rows.permute(0, 3, 1, 2) for rows in shown)
        return together, lines


def _psnr_db(decoded: Tensor, truth: Tensor) -> float:
    squares = (decoded.float() - truth).square().mean((1, 2, 3)).clamp_min(1e-10)
    return float((-10.0 * squares.log10()).mean())

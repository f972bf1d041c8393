"""Training of the painter: the flow from noise to one frame's latents and outline, under what is known of the frame.

For clean latents x, noise n and a level t the network sees (1 - t)·x + t·n and estimates x. The loss is the squared
error in units of what a linear filter would leave open at that level (`Painter.parts`), weighted by the channels'
deviations; where an object is, it counts more, as most of a frame is background.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from common.conventions import FRAMES, SIZE
from gvsc.training.generator.axes import CELLS, PATCH
from gvsc.training.generator.batch import Tensors, normal, stacked
from gvsc.training.generator.frames import KINDS, Frames, Latents, Shown
from gvsc.training.generator.plan import PainterPlan
from gvsc.training.generator.pool import Pool
from gvsc.training.generator.words import NO_TEXT
from gvsc.training.recipe import Stage
from receiver.generators.mini import outline
from receiver.generators.mini.painter import Painter, trust_of

LEAST_LEVEL: Final = 0.01
DEEP_FROM: Final = 0.85
"""Noise level from which on a text tells more of a frame than the noisy frame does."""
SHIFT: Final = 3.0
"""Of the noise levels towards noise (Esser et al. 2024)."""
FROM_FIRST: Final = 0.8
"""Share of first frames among the other frames that a later one is given."""
BORDER: Final = 0.5
"""Share of the frames with holes that lack a border, of 1 … 8 cells."""
TEXTS: Final = 1500
"""Captions that the statistics of texts are fitted to."""
WATCHED_LEVELS: Final = (0.95, 0.6)
OUTLINE_WEIGHT: Final = (2.1, 1.05, 1.05, 0.42, 0.42, 0.42)
"""Of the outline's channels in the loss; the picture's have 1 in the mean."""
_WATCH_SEED: Final = 5


@dataclass(frozen=True)
class PainterBatch(Tensors):
    """The clean latents with the outline (B, C + O, h, w), their noise and its level (B,), and what else `Painter` is
    given; ``near`` (B, 1, h, w): how much of each place is an object's; ``told`` (B,): 1 where the outline is given."""

    clean: Tensor
    near: Tensor
    told: Tensor
    noise: Tensor
    level: Tensor
    text: Tensor
    mask: Tensor
    time: Tensor
    known: Tensor
    trust: Tensor
    sketch: Tensor
    sketch_trust: Tensor

    def noisy(self) -> Tensor:
        """The latents at their noise level; an outline that is told has no noise."""
        level, told = self.level.view(-1, 1, 1, 1), self.told.view(-1, 1, 1, 1)
        noise = self.noise.clone()
        noise[:, -outline.CHANNELS :] *= 1 - told
        return (1 - level) * self.clean + level * noise

    def conditions(self) -> tuple[Tensor, ...]:
        """All but the noisy latents, in the order of `Painter.forward`."""
        return (self.level, self.text, self.mask, self.time, self.known, self.trust, self.sketch, self.sketch_trust)


@dataclass(frozen=True)
class Known:
    """Latents (C, h, w) of what is known, and how far: (2, h, w), of this frame, and of the clip at another time."""

    latents: Latents
    trust: Latents


class PainterTask:
    """`mini-painter`: an ``engine.Task``."""

    name = "mini-painter"

    def __init__(self, plan: PainterPlan, device: torch.device, pool: Pool) -> None:
        self.plan, self.device, self.pool, self.frames = plan, device, pool, Frames(pool)
        deviation = pool.variance.sqrt()
        picture = deviation / deviation.mean()
        self.weight = torch.cat([picture, torch.tensor(OUTLINE_WEIGHT)]).view(1, -1, 1, 1)

    def model(self, stored: Mapping[str, Tensor] | None) -> nn.Module:
        """See ``engine.Task``. What is known without learning, variances and statistics of texts, is set."""
        pool = self.pool
        sizes = asdict(self.plan.network)
        model = Painter(pool.channels, outline.CHANNELS, PATCH, text_width=len(pool.words.step), **sizes)
        model.variance.copy_(torch.cat([pool.variance, torch.tensor(outline.VARIANCE)]))
        if stored is None:
            model.text.fit(*pool.words.batch(pool["world.texts"][: min(self.frames.trained, TEXTS), 0].tolist()))
        return model

    def draw(self, stage: Stage, rng: np.random.Generator) -> PainterBatch:
        """See ``engine.Task``."""
        drawn = [self._example(rng) for _ in range(stage.batch)]
        batch = self.batch(drawn, rng)
        told = batch.told * torch.from_numpy(rng.random(stage.batch) < self.plan.told)
        return replace(batch, level=torch.from_numpy(draw_levels(stage.batch, self.plan.deep, rng)), told=told)

    def loss(self, model: nn.Module, batch: PainterBatch) -> Tensor:
        """See ``engine.Task``."""
        estimate, deviation = cast(Painter, model).parts(batch.noisy(), *batch.conditions())
        errors = ((estimate - batch.clean) / deviation).square() * self.weight.to(estimate.device)
        picture, shape = errors.split([self.pool.channels, outline.CHANNELS], 1)
        weighted = picture * (1 + self.plan.objects_weight * batch.near)
        asked = shape.sum(1).mean((1, 2)) * (1 - batch.told)
        return weighted.mean() + asked.mean() / self.pool.channels

    def watch(self, model: nn.Module) -> dict[str, float]:
        """See ``engine.Task``: the loss of first frames under their text alone, near noise and half-way."""
        rows = range(self.frames.trained, self.frames.count) or range(self.frames.count)
        shown: list[tuple[Shown, Known | None]] = [
            (self.frames.frame("world", row, 0, turned=False), None) for row in rows
        ]
        batch = self.batch(shown, np.random.default_rng(_WATCH_SEED)).to(self.device)
        found = {}
        for level in WATCHED_LEVELS:
            at = replace(batch, level=torch.full_like(batch.level, level))
            with torch.inference_mode(), self.plan.optimiser.autocast(self.device):
                found[f"loss at noise {level:g}"] = float(self.loss(model, at))
        return found

    def batch(self, drawn: list[tuple[Shown, Known | None]], rng: np.random.Generator) -> PainterBatch:
        """Frames, what is known of each, and noise at the highest level."""
        count, size = len(drawn), (self.pool.channels, CELLS, CELLS)
        nothing = Known(np.zeros(size, np.float32), np.zeros((2, CELLS, CELLS), np.float32))
        shown, known = [one for one, _ in drawn], [one or nothing for _, one in drawn]
        text, mask = self.pool.words.batch([one.text for one in shown])
        sketch = np.zeros((count, 1, SIZE, SIZE), np.float32)
        for lines, one in zip(sketch, shown, strict=True):
            if one.sketch is not None:
                lines[0] = one.sketch / np.float32(255.0)
        cover = stacked([one.cover for one in shown])
        clean = torch.cat([stacked([one.latents for one in shown]), outline.encode(cover)], 1)
        return PainterBatch(
            clean=clean,
            near=near(cover),
            told=torch.tensor([float(one.sketch is None) for one in shown]),
            noise=normal(rng, *clean.shape),
            level=torch.ones(count),
            text=text,
            mask=mask,
            time=torch.tensor([one.frame / (FRAMES - 1) for one in shown]),
            known=stacked([one.latents for one in known]),
            trust=stacked([one.trust for one in known]),
            sketch=torch.from_numpy(sketch),
            sketch_trust=torch.tensor([one.sketch_trust for one in shown]),
        )

    def _example(self, rng: np.random.Generator) -> tuple[Shown, Known | None]:
        plan, frames = self.plan, self.frames
        if rng.random() < plan.received and any(len(frames.pairs(kind)) for kind in KINDS):
            return self._received(rng)
        kind = frames.kind(plan.real, rng)
        sketched = rng.random() < plan.sketch and len(frames.pairs(kind)) > 0
        shown = frames.sketched(kind, plan.received_sketch, rng) if sketched else frames.plain(kind, rng)
        known = self._known(shown, rng)
        return (replace(shown, text=NO_TEXT) if rng.random() < plan.no_text else shown), known

    def _received(self, rng: np.random.Generator) -> tuple[Shown, Known]:
        """A first frame of which nothing is known but what was received of it."""
        there = [(kind, self.frames.pairs(kind)) for kind in KINDS]
        share = np.array([len(pairs) for _, pairs in there], float)
        kind, pairs = there[int(rng.choice(len(there), p=share / share.sum()))]
        pair = pairs[int(rng.integers(len(pairs)))]
        shown = self.frames.of_pair(kind, pair, turned=rng.random() < 0.5)
        trust = np.zeros((2, CELLS, CELLS), np.float32)
        trust[0] = trust_of(float(self.pool["pairs.snr_db"][pair]))
        known = Known(self.frames.latents(self.pool["pairs.known"][pair], shown.turned), trust)
        return replace(shown, clip=None, frame=0, text=NO_TEXT), known

    def _known(self, shown: Shown, rng: np.random.Generator) -> Known | None:
        """Another frame of the clip, or this frame with holes, or nothing."""
        plan = self.plan
        chance = rng.random()
        elsewhere = 0.0 if shown.clip is None else plan.elsewhere if shown.sketch is None else plan.elsewhere_sketched
        if shown.clip is not None and chance < elsewhere:
            first = shown.frame > 0 and rng.random() < FROM_FIRST
            other = 0 if first else int(rng.integers(FRAMES))
            trust = np.zeros((2, CELLS, CELLS), np.float32)
            trust[1] = 1.0
            return Known(self.frames.latents(shown.clip[other], shown.turned), trust)
        if chance < elsewhere + plan.holes:
            trust = np.zeros((2, CELLS, CELLS), np.float32)
            trust[0] = draw_holes(rng)
            return Known(shown.latents * trust[0], trust)
        return None


def near(cover: Tensor) -> Tensor:
    """How much of each cell and its neighbours an object covers, at most: cover (B, 64, 64) to (B, 1, 16, 16)."""
    return functional.max_pool2d(functional.avg_pool2d(cover[:, None], outline.STEP), 3, 1, 1)


def draw_levels(count: int, deep: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise levels (count,) in [0.01, 1]: logit-normal, shifted; ``deep`` of them even between 0.85 and 1 instead."""
    base = 1.0 / (1.0 + np.exp(-rng.standard_normal(count)))
    shifted = SHIFT * base / (1.0 + (SHIFT - 1.0) * base)
    near_noise = DEEP_FROM + (1.0 - DEEP_FROM) * rng.random(count)
    levels = np.where(rng.random(count) < deep, near_noise, shifted)
    return levels.clip(LEAST_LEVEL, 1.0).astype(np.float32)


def draw_holes(rng: np.random.Generator) -> NDArray[np.float32]:
    """Which cells (16, 16) of a frame are known, 1 or 0: half of the time without a border, and without up to two
    rectangles."""
    known = np.ones((CELLS, CELLS), np.float32)
    if rng.random() < BORDER:
        width, side = int(rng.integers(1, CELLS // 2 + 1)), int(rng.integers(4))
        np.rot90(known, side)[:width] = 0.0
    for _ in range(int(rng.integers(3))):
        height, width = (int(length) for length in rng.integers(2, 8, 2))
        top, left = int(rng.integers(CELLS + 1 - height)), int(rng.integers(CELLS + 1 - width))
        known[top : top + height, left : left + width] = 0.0
    return known

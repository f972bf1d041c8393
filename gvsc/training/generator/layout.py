"""Training of the layout: from a text to where its objects are in the first frame, and what shape each has.

The flow's loss is the squared error of the clean numbers, over the square of the noise level; that of the shapes is
whether places in and around each object are covered by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from gvsc.training.generator.batch import Tensors, autocast, normal, stacked, uniform
from gvsc.training.generator.held_out import kept_back
from gvsc.training.generator.painter import TEXTS
from gvsc.training.generator.plan import LayoutPlan
from gvsc.training.generator.pool import Pool
from gvsc.training.recipe import Stage
from receiver.generators.mini.layout import GRID, Layout, radius

MIRRORED: Final = (1.0, -1.0, 1.0, 1.0, -1.0, -1.0)
"""What the mirror image does to the numbers of a slot."""
LEAST_LEVEL: Final = 0.1
"""The loss does not grow further below."""
ANYWHERE, AROUND = 32, 72
"""Places asked about in the picture, and within 1.5 radii of an object."""
_WATCH_SEED: Final = 5


@dataclass(frozen=True)
class LayoutBatch(Tensors):
    """``numbers`` (B, K, NUMBERS), their ``noise`` and its ``level`` (B,), and texts. For ``places`` (B, K, N, 2) from
    -1 to 1: how much of each the object covers, (B, K, N) in [0, 1], and whether that counts, not where another is."""

    numbers: Tensor
    noise: Tensor
    level: Tensor
    text: Tensor
    mask: Tensor
    places: Tensor
    covered: Tensor
    counts: Tensor


class LayoutTask:
    """`mini-layout`: an ``engine.Task``."""

    name = "mini-layout"

    def __init__(self, plan: LayoutPlan, device: torch.device, pool: Pool) -> None:
        self.plan, self.device, self.pool = plan, device, pool
        self.count = len(pool["world.texts"])
        self.trained = self.count - kept_back(self.count)

    def model(self, stored: Mapping[str, Tensor] | None) -> nn.Module:
        """See ``engine.Task``. The statistics of texts are set."""
        pool = self.pool
        model = Layout(text_width=len(pool.words.step), **asdict(self.plan.network))
        if stored is None:
            model.text.fit(*pool.words.batch(pool["world.texts"][: min(self.trained, TEXTS), 0].tolist()))
        return model

    def draw(self, stage: Stage, rng: np.random.Generator) -> LayoutBatch:
        """See ``engine.Task``."""
        rows = [(int(rng.integers(self.trained)), rng.random() < 0.5) for _ in range(stage.batch)]
        return self.batch(rows, rng)

    def batch(self, rows: list[tuple[int, bool]], rng: np.random.Generator) -> LayoutBatch:
        """Rendered clips, each with whether it is the mirror image."""
        pool = self.pool
        turn = np.array(MIRRORED, np.float32)
        numbers = stacked([pool["world.layout"][row] * (turn if turned else 1) for row, turned in rows])
        masks = stacked([_covers(pool["world.masks"][row], turned) for row, turned in rows])
        text, mask = pool.words.batch([int(pool["world.texts"][row, int(turned)]) for row, turned in rows])
        cells = _cells(numbers, rng)
        covered, others = (one.flatten(2).gather(2, cells) for one in (masks, masks.flip(1)))
        there = (numbers[..., :1] > 0).float()
        steps = torch.stack([cells % GRID, cells // GRID], 3)
        return LayoutBatch(
            numbers=numbers,
            noise=normal(rng, *numbers.shape),
            level=normal(rng, len(rows)).sigmoid(),
            text=text,
            mask=mask,
            places=(steps + 0.5) * (2 / GRID) - 1,
            covered=covered,
            counts=there * (others <= 0.01),
        )

    def loss(self, model: nn.Module, batch: LayoutBatch) -> Tensor:
        """See ``engine.Task``."""
        flow, shape = self.losses(cast(Layout, model), batch)
        return flow + self.plan.shape_weight * shape

    def losses(self, model: Layout, batch: LayoutBatch) -> tuple[Tensor, Tensor]:
        """Of the flow, and of the shapes."""
        level = batch.level.view(-1, 1, 1)
        noisy = (1 - level) * batch.numbers + level * batch.noise
        estimate = model(noisy, batch.level, batch.text, batch.mask).numbers
        # where there is no object, its numbers mean nothing
        there = (batch.numbers[..., :1] > 0).float()
        weight = functional.pad(there.expand(-1, -1, estimate.shape[2] - 1), (1, 0), value=1.0)
        flow = ((estimate - batch.numbers).square() * weight / level.clamp_min(LEAST_LEVEL).square()).mean()
        clean = model(batch.numbers, torch.zeros_like(batch.level), batch.text, batch.mask)
        logits = model.cover(batch.numbers, clean.code, batch.places)
        entropy = functional.binary_cross_entropy_with_logits(logits, batch.covered, reduction="none")
        return flow, (entropy * batch.counts).sum() / batch.counts.sum().clamp_min(1.0)

    def watch(self, model: nn.Module) -> dict[str, float]:
        """See ``engine.Task``."""
        rows = [(row, False) for row in range(self.trained, self.count)] or [(row, False) for row in range(self.count)]
        batch = self.batch(rows, np.random.default_rng(_WATCH_SEED)).to(self.device)
        with torch.inference_mode(), autocast(self.plan.optimiser, self.device):
            flow, shape = self.losses(cast(Layout, model), batch)
        return {"loss of the flow": float(flow), "loss of the shapes": float(shape)}


def _covers(masks: NDArray[np.uint8], turned: bool) -> NDArray[np.float32]:
    shown = masks[:, :, ::-1] if turned else masks
    return shown.astype(np.float32) / np.float32(255.0)


def _cells(numbers: Tensor, rng: np.random.Generator) -> Tensor:
    """Which places of the grid are asked about, (B, K, N)."""
    count, slots = numbers.shape[:2]
    anywhere = torch.from_numpy(rng.integers(GRID * GRID, size=(count, slots, ANYWHERE)))
    away = (uniform(rng, count, slots, AROUND, 2) * 2 - 1) * 1.5 * radius(numbers)[..., None, None]
    steps = ((numbers[:, :, None, 1:3] + away + 1) * (GRID / 2)).floor().clamp(0, GRID - 1).long()
    return torch.cat([anywhere, steps[..., 1] * GRID + steps[..., 0]], 2)

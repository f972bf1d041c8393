"""Training of the layout: from a text to where its objects are in the first frame, how each is drawn, and how it moves.

The flow's loss is the squared error of the clean numbers, over the square of the noise level; that of what is drawn is
the cross entropy of the tones of places in and around each object, and the absolute error of their colours; that of how
things move the squared error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from gvsc.training.generator import mirror, tones
from gvsc.training.generator.batch import Tensors, normal, stacked, uniform
from gvsc.training.generator.held_out import kept_back
from gvsc.training.generator.painter import TEXTS
from gvsc.training.generator.plan import LayoutPlan
from gvsc.training.generator.pool import Pool
from gvsc.training.recipe import Stage
from receiver.generators.mini.layout import REACH, Layout

MIRRORED: Final = (1.0, -1.0, 1.0, 1.0, -1.0, -1.0)
"""What the mirror image does to the numbers of a slot."""
LEAST_LEVEL: Final = 0.1
"""The loss does not grow further below."""
PLACES: Final = 192
"""Of each object that are asked about."""
UNITS: Final = (64.0, 64.0, 0.5, 1.0)
"""Of the moves in the loss: 64 pixels, a factor of √e, a radian."""
_WATCH_SEED: Final = 5


@dataclass(frozen=True)
class LayoutBatch(Tensors):
    """``numbers`` (B, K, NUMBERS), their ``noise`` and its ``level`` (B,), and texts. For ``places`` (B, K, N, 2) as
    each object has them the number of the tone that is there, (B, K, N); the ``colours`` (B, K, T, 3) of its tones in
    [0, 1], and which of them are ``shown`` (B, K, T); the ``moves`` (B, K + 1, F, 4) of background and objects."""

    numbers: Tensor
    noise: Tensor
    level: Tensor
    text: Tensor
    mask: Tensor
    places: Tensor
    tones: Tensor
    colours: Tensor
    shown: Tensor
    moves: Tensor


class Told(NamedTuple):
    """What one ``text`` says, by its number: ``numbers`` (K, NUMBERS), ``forms`` (K,) and ``palette`` (K, T, 3) of its
    objects, and ``moves`` (K + 1, F, 4), as `Rendered` has them."""

    text: int
    numbers: NDArray[np.float32]
    forms: NDArray[np.uint8]
    palette: NDArray[np.uint8]
    moves: NDArray[np.float32]


class Losses(NamedTuple):
    """Of the flow, of the tones' places, of their colours, and of how things move."""

    flow: Tensor
    tones: Tensor
    colours: Tensor
    moves: Tensor


class LayoutTask:
    """`mini-layout`: an ``engine.Task``."""

    name = "mini-layout"

    def __init__(self, plan: LayoutPlan, device: torch.device, pool: Pool) -> None:
        self.plan, self.device, self.pool = plan, device, pool
        self.count = len(pool["world.texts"])
        self.trained = self.count - kept_back(self.count)
        self.plain = np.setdiff1d(np.arange(len(pool.words)), pool["world.texts"])
        """Texts of no rendered clip: of what the world has they name nothing."""
        self.plain_trained = len(self.plain) - kept_back(len(self.plain))
        texts = pool["world.texts"][: min(self.trained, TEXTS), 0]
        self.deviation = torch.from_numpy(np.concatenate([pool.words[int(text)] for text in texts]).std(0))

    def model(self, stored: Mapping[str, Tensor] | None) -> nn.Module:
        """See ``engine.Task``. The statistics of texts are set."""
        pool = self.pool
        model = Layout(tones=tones.COUNT, text_width=len(pool.words.step), **asdict(self.plan.network))
        if stored is None:
            model.text.fit(*pool.words.batch(pool["world.texts"][: min(self.trained, TEXTS), 0].tolist()))
        return model

    def draw(self, stage: Stage, rng: np.random.Generator) -> LayoutBatch:
        """See ``engine.Task``."""
        plain = int(rng.binomial(stage.batch, self.plan.plain)) if self.plain_trained else 0
        told = [self.clip(int(rng.integers(self.trained)), rng.random() < 0.5) for _ in range(stage.batch - plain)]
        told += [self.nothing(int(rng.choice(self.plain[: self.plain_trained]))) for _ in range(plain)]
        made = self.batch(told, rng)
        level = uniform(rng, len(told), 1, 1) * self.plan.noise
        noise = normal(rng, *made.text.shape) * self.deviation * level
        return replace(made, text=made.text + noise * made.mask[..., None])

    def clip(self, row: int, turned: bool) -> Told:
        """A rendered clip, or its mirror image."""
        pool, moves = self.pool, self.pool["world.moves"][row]
        return Told(
            text=int(pool["world.texts"][row, int(turned)]),
            numbers=pool["world.layout"][row] * np.array(MIRRORED if turned else 1.0, np.float32),
            forms=pool["world.forms"][row],
            palette=pool["world.palette"][row],
            moves=mirror.moves(moves) if turned else moves,
        )

    def nothing(self, text: int) -> Told:
        """No object, and nothing moves."""
        like = self.clip(0, False)
        numbers = np.zeros_like(like.numbers)
        numbers[:, 0] = -1.0
        return Told(text, numbers, np.zeros_like(like.forms), np.zeros_like(like.palette), np.zeros_like(like.moves))

    def batch(self, told: Sequence[Told], rng: np.random.Generator) -> LayoutBatch:
        """With noise, and with places that are asked about."""
        numbers = stacked([one.numbers for one in told])
        text, mask = self.pool.words.batch([one.text for one in told])
        places = (rng.random((*numbers.shape[:2], PLACES, 2), np.float32) * 2 - 1) * np.float32(REACH)
        forms = np.stack([one.forms for one in told])
        return LayoutBatch(
            numbers=numbers,
            noise=normal(rng, *numbers.shape),
            level=normal(rng, len(told)).sigmoid(),
            text=text,
            mask=mask,
            places=torch.from_numpy(places),
            tones=torch.from_numpy(tones.at(forms, places)),
            colours=stacked([(one.palette / 255.0).astype(np.float32) for one in told]),
            shown=stacked([np.stack([tones.shown(form) for form in of_row]).astype(np.float32) for of_row in forms]),
            moves=stacked([one.moves for one in told]),
        )

    def loss(self, model: nn.Module, batch: LayoutBatch) -> Tensor:
        """See ``engine.Task``."""
        losses, plan = self.losses(cast(Layout, model), batch), self.plan
        weights = 1, plan.shape_weight, plan.colour_weight, plan.moves_weight
        return torch.stack([weight * loss for weight, loss in zip(weights, losses, strict=True)]).sum()

    def losses(self, model: Layout, batch: LayoutBatch) -> Losses:
        """Each by itself."""
        level = batch.level.view(-1, 1, 1)
        noisy = (1 - level) * batch.numbers + level * batch.noise
        estimate = model(noisy, batch.level, batch.text, batch.mask).numbers
        # where there is no object, its numbers mean nothing
        there = (batch.numbers[..., :1] > 0).float()
        weight = functional.pad(there.expand(-1, -1, estimate.shape[2] - 1), (1, 0), value=1.0)
        flow = ((estimate - batch.numbers).square() * weight / level.clamp_min(LEAST_LEVEL).square()).mean()
        clean = model(batch.numbers, torch.zeros_like(batch.level), batch.text, batch.mask)
        logits = model.tones(clean.code, batch.places)
        entropy = functional.cross_entropy(logits.flatten(0, 2), batch.tones.flatten(), reduction="none")
        drawn = (entropy.view_as(batch.tones) * there).sum() / (there.sum() * batch.tones.shape[2]).clamp_min(1.0)
        off = ((clean.colours - batch.colours).abs().mean(3) * batch.shown).sum() / batch.shown.sum().clamp_min(1.0)
        # not the absolute error: between left and right that has no slope
        astray = ((clean.moves - batch.moves) / torch.tensor(UNITS, device=level.device)).square().mean(2)
        moving = functional.pad(there, (0, 0, 1, 0), value=1.0)
        return Losses(flow, drawn, off, (astray * moving).sum() / moving.sum())

    def watch(self, model: nn.Module) -> dict[str, float]:
        """See ``engine.Task``."""
        rows = range(self.trained, self.count) if self.trained < self.count else range(self.count)
        rng = np.random.default_rng(_WATCH_SEED)
        batch = self.batch([self.clip(row, False) for row in rows], rng).to(self.device)
        plain = [self.nothing(int(text)) for text in self.plain[self.plain_trained :]]
        with torch.inference_mode(), self.plan.optimiser.autocast(self.device):
            losses = self.losses(cast(Layout, model), batch)
            seen = {f"loss of the {name}": float(loss) for name, loss in losses._asdict().items()}
            if plain:
                asked = self.batch(plain, rng).to(self.device)
                said = cast(Layout, model)(asked.noise, torch.ones_like(asked.level), asked.text, asked.mask)
                seen["drawn where nothing is told"] = float((said.numbers[:, :, 0] > 0).any(1).float().mean())
        return seen

"""Training of the layout: from a text to where its objects are in the first frame, how each is drawn, and how it moves.

The flow's loss is the squared error of the clean numbers, over the square of the noise level; that of what is drawn is
the cross entropy of the tones of places in and around each object and pattern, and the absolute error of objects'
colours and the squared one of patterns'; that of how things move the squared error.
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
from receiver.generators.mini.layout import REACH, TURN, Layout

_MIRRORED: Final = (1.0, -1.0, 1.0, 1.0, -1.0, -1.0)
LEAST_LEVEL: Final = 0.1
"""The loss does not grow further below."""
PATTERNS_WEIGHT: Final = 4.0
"""Of the squared error of a pattern's colours, beside the absolute one of objects'."""
PLACES: Final = 192
"""Of each slot that are asked about."""
UNITS: Final = (64.0, 64.0, 0.5, 1.0)
"""Of the moves in the loss: 64 pixels, a factor of √e, a radian."""
_WATCH_SEED: Final = 5


@dataclass(frozen=True)
class LayoutBatch(Tensors):
    """Of background and objects, S slots: ``numbers`` (B, S, NUMBERS), their ``noise`` and its ``level`` (B,), and
    texts. For ``places`` (B, S, N, 2) as each slot has them the number of the tone that is there, (B, S, N); the
    ``colours`` (B, S, T, 3) of its tones in [0, 1], and which of them are ``shown`` (B, S, T); the ``moves``
    (B, S, F, 4)."""

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
    """What one ``text`` says, by its number: ``numbers`` (K + 1, NUMBERS), ``forms`` (K + 1,), ``palette``
    (K + 1, T, 3) and ``moves`` (K + 1, F, 4) of background and objects, as `Rendered` has them."""

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
        taken = [pool[name].ravel() for name in ("world.texts", "clips.text", "crops.text")]
        self.plain = np.setdiff1d(np.arange(len(pool.words)), np.concatenate(taken))
        """Texts of no clip and no photo, `plain_captions`: of what the world has they name nothing."""
        self.plain_trained = len(self.plain) - kept_back(len(self.plain))
        self.patterned = np.nonzero(pool["world.forms"][: self.trained, 0])[0]
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
        told = [self.clip(self._row(rng), rng.random() < 0.5) for _ in range(stage.batch - plain)]
        told += [self.nothing(int(rng.choice(self.plain[: self.plain_trained]))) for _ in range(plain)]
        made = self.batch(told, rng)
        level = uniform(rng, len(told), 1, 1) * self.plan.noise
        noise = normal(rng, *made.text.shape) * self.deviation * level
        return replace(made, text=made.text + noise * made.mask[..., None])

    def _row(self, rng: np.random.Generator) -> int:
        if len(self.patterned) and rng.random() < self.plan.patterned:
            return int(rng.choice(self.patterned))
        return int(rng.integers(self.trained))

    def clip(self, row: int, turned: bool) -> Told:
        """A rendered clip, or its mirror image."""
        pool, moves = self.pool, self.pool["world.moves"][row]
        return Told(
            text=int(pool["world.texts"][row, int(turned)]),
            numbers=mirrored(pool["world.layout"][row]) if turned else pool["world.layout"][row],
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
        places[:, 0] /= np.float32(REACH)  # of a pattern no more than a cell is ever looked at
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
        # where there is nothing, its numbers mean nothing
        there = (batch.numbers[..., :1] > 0).float()
        weight = functional.pad(there.expand(-1, -1, estimate.shape[2] - 1), (1, 0), value=1.0)
        error = ((estimate - batch.numbers) / level.clamp_min(LEAST_LEVEL)).square()
        flow = (error * weight).sum() / weight.sum()
        clean = model(batch.numbers, torch.zeros_like(batch.level), batch.text, batch.mask)
        logits = model.tones(clean.code, batch.places)
        entropy = functional.cross_entropy(logits.flatten(0, 2), batch.tones.flatten(), reduction="none")
        drawn = (entropy.view_as(batch.tones) * there).sum() / (there.sum() * batch.tones.shape[2]).clamp_min(1.0)
        off = (clean.colours - batch.colours) * batch.shown[..., None]
        # patterns are few, and either of two colours may come first: they count by themselves, and squared
        behind, things = (part.sum().clamp_min(1.0) * 3 for part in batch.shown.split([1, model.slots], 1))
        colours = off[:, 1:].abs().sum() / things + PATTERNS_WEIGHT * off[:, :1].square().sum() / behind
        # not the absolute error: between left and right that has no slope
        astray = ((clean.moves - batch.moves) / torch.tensor(UNITS, device=level.device)).square().mean(2)
        moving = torch.cat([torch.ones_like(there[:, :1]), there[:, 1:]], 1)
        return Losses(flow, drawn, colours, (astray * moving).sum() / moving.sum())

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


def mirrored(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """The numbers (K + 1, NUMBERS) of the mirror image. Every pattern's cell is its own."""
    made = numbers * np.array(_MIRRORED, np.float32)
    half = np.float32(TURN * np.pi / 2)
    if made[0, 4] < 0.001 - half:  # stripes turned by a quarter to the left are those turned by a quarter to the right
        made[0, 4] += 2 * half
    return made

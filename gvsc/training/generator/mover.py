"""Training of the mover: from a first frame and a text to the parts of the picture and their motion.

Rendered clips say what is part of what and how it moves; the loss compares with that. Which of the two outputs stands
for which object is left to the network: each clip is scored by the assignment that fits its masks better. Real clips
say nothing of the kind: there the first frame, moved as the network says, must look like the clip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from common.conventions import FRAMES
from gvsc.training.generator import mirror
from gvsc.training.generator.batch import Tensors, normal, stacked, uniform
from gvsc.training.generator.held_out import kept_back
from gvsc.training.generator.painter import TEXTS
from gvsc.training.generator.plan import MoverPlan
from gvsc.training.generator.pool import Pool
from gvsc.training.generator.rendered import PARTS, SMALL
from gvsc.training.generator.words import NO_TEXT
from gvsc.training.recipe import Stage
from receiver.generators.mini.move import move
from receiver.generators.mini.mover import Motion, Mover

UNIT: Final = (32.0, 32.0, 0.25, 0.5)
"""Errors of x, y (pixels), logarithm of the size and angle (radians) that weigh alike."""
HUBER: Final = 0.5
"""Of these units, from where on an error counts in proportion."""
PARTS_WEIGHT: Final = 4.0
"""By so much more a place counts that shows a part."""
LEAST_AREA: Final = 0.001
"""Share of the picture below which an object is not there."""
MARGIN: Final = 5
"""Places around the parts, of 64, that what is behind is compared in."""
SOFT: Final = 0.5
"""Share of the first frames made softer, as received ones are."""
NOISE: Final = 0.06
"""Most noise of a first frame."""
LEAST_ROLL: Final = 8.0
"""Pixels sideways from which on an object that turns is taken to roll."""
_LEAST_SQUARE: Final = 1e-5


@dataclass(frozen=True)
class MoverBatch(Tensors):
    """First frames (B, 3, 128, 128) and texts. Of the first W, which are rendered: ``masks`` (W, 2, 64, 64), ``behind``
    (W, 3, 64, 64), ``moves`` (W, 3, 8, 4). Of the others: ``video`` (B - W, 8, 3, 64, 64)."""

    frame: Tensor
    text: Tensor
    mask: Tensor
    masks: Tensor
    behind: Tensor
    moves: Tensor
    video: Tensor


class Row(NamedTuple):
    """A row of the rendered clips; whether it is the mirror image; whether it is told with left and right exchanged."""

    row: int
    turned: bool = False
    exchanged: bool = False


class Matched(NamedTuple):
    """Masks (W, 2, 64, 64) and moves (W, 3, 8, 4) in the order that fits the outputs; the loss of the masks (W,)."""

    masks: Tensor
    moves: Tensor
    loss: Tensor


class MoverTask:
    """`mini-mover`: an ``engine.Task``."""

    name = "mini-mover"

    def __init__(self, plan: MoverPlan, device: torch.device, pool: Pool) -> None:
        self.plan, self.device, self.pool = plan, device, pool
        self.count = len(pool["world.texts"])
        self.trained = self.count - kept_back(self.count)
        rate = np.array(pool["clips.rate"], np.float64)
        self.rate = rate / rate.sum() if len(rate) else rate

    def model(self, stored: Mapping[str, Tensor] | None) -> nn.Module:
        """See ``engine.Task``. The statistics of texts are set."""
        pool = self.pool
        model = Mover(PARTS, FRAMES, text_width=len(pool.words.step), **asdict(self.plan.network))
        if stored is None:
            model.text.fit(*pool.words.batch(pool["world.texts"][: min(self.trained, TEXTS), 0].tolist()))
        return model

    def draw(self, stage: Stage, rng: np.random.Generator) -> MoverBatch:
        """See ``engine.Task``."""
        real = self.plan.real if len(self.rate) else 0
        rows = [
            Row(int(rng.integers(self.trained)), rng.random() < 0.5, rng.random() < self.plan.exchanged)
            for _ in range(stage.batch - real)
        ]
        clips = [(int(rng.choice(len(self.rate), p=self.rate)), rng.random() < 0.5) for _ in range(real)]
        dropped = rng.random(stage.batch) < self.plan.no_text
        batch = self.batch(rows, clips, dropped.tolist())
        return MoverBatch(**vars(batch) | {"frame": as_received(batch.frame, rng)})

    def batch(self, rows: list[Row], clips: list[tuple[int, bool]], dropped: list[bool]) -> MoverBatch:
        """Rendered clips; real ones, each with whether it is turned; and whether each one's text is left out."""
        pool = self.pool
        allowed = [(row, turned and bool(pool["clips.turns"][row])) for row, turned in clips]
        frames = [_values(pool["world.frame"][one.row], one.turned) for one in rows]
        frames += [_values(pool["clips.frame"][row], turned) for row, turned in allowed]
        texts = [int(pool["world.texts"][one.row, int(one.turned != one.exchanged)]) for one in rows]
        texts += [int(pool["clips.text"][row]) for row, _ in allowed]
        text, mask = pool.words.batch([NO_TEXT if out else one for one, out in zip(texts, dropped, strict=True)])
        masks = [_values(pool["world.masks"][one.row].transpose(1, 2, 0), one.turned) for one in rows]
        videos = [np.stack([_values(frame, turned) for frame in pool["clips.video"][row]]) for row, turned in allowed]
        return MoverBatch(
            frame=stacked(frames),
            text=text,
            mask=mask,
            masks=stacked(masks),
            behind=stacked([_values(pool["world.behind"][one.row], one.turned) for one in rows]),
            moves=stacked([self._moves(one) for one in rows]),
            video=stacked(videos) if videos else torch.zeros(0, FRAMES, 3, SMALL, SMALL),
        )

    def _moves(self, one: Row) -> NDArray[np.float32]:
        moves: NDArray[np.float32] = self.pool["world.moves"][one.row]
        moves = mirror.moves(moves) if one.turned else moves
        return exchanged(moves) if one.exchanged else moves

    def loss(self, model: nn.Module, batch: MoverBatch) -> Tensor:
        """See ``engine.Task``."""
        plan, rendered = self.plan, len(batch.masks)
        motion = cast(Mover, model)(batch.frame, batch.text, batch.mask)
        known, free = (Motion(*(part[here] for part in motion)) for here in (slice(rendered), slice(rendered, None)))
        matched = match(known.logits, batch.masks, batch.moves)
        loss = matched.loss.mean()
        loss = loss + plan.moves_weight * moves_loss(known.moves, matched).mean()
        loss = loss + plan.fill_weight * fill_loss(known.fill, batch.behind, batch.masks).mean()
        if len(batch.video):
            loss = loss + plan.clip_weight * clip_loss(free, batch.video).mean()
        return loss

    def watch(self, model: nn.Module) -> dict[str, float]:
        """See ``engine.Task``: errors of the last frame's shifts in pixels, of objects and of the camera."""
        rows = [Row(row) for row in range(self.trained, self.count) or range(self.count)]
        batch = self.batch(rows, [], [False] * len(rows)).to(self.device)
        with torch.inference_mode(), self.plan.optimiser.autocast(self.device):
            motion = cast(Mover, model)(batch.frame, batch.text, batch.mask)
        matched = match(motion.logits, batch.masks, batch.moves)
        off = (motion.moves - matched.moves)[:, :, -1, :2].norm(dim=-1)
        there = matched.masks.mean((2, 3)) > LEAST_AREA
        return {
            "objects' shift off by (pixels)": float(off[:, 1:][there].mean()) if bool(there.any()) else 0.0,
            "camera's": float(off[:, 0].mean()),
            "loss of the masks": float(matched.loss.mean()),
        }


def exchanged(moves: NDArray[np.float32]) -> NDArray[np.float32]:
    """The ``moves`` (K + 1, F, 4) of the same first frame under the caption with left and right exchanged.

    No clip of the world shows them: what goes left starts at the right, and faces left. Without them frames alone
    told the direction, and the caption nothing.
    """
    made = moves.copy()
    made[..., 0] *= -1
    rolls = np.abs(moves[:, -1, 0]) > LEAST_ROLL
    made[rolls, :, 3] *= -1
    return made


def as_received(frames: Tensor, rng: np.random.Generator) -> Tensor:
    """First frames (B, 3, H, W) in [0, 1] about as a channel leaves them: some softer, most with a little noise."""
    count = len(frames)
    soft = uniform(rng, count, 1, 1, 1) < SOFT
    softer = functional.interpolate(functional.avg_pool2d(frames, 2), scale_factor=2.0, mode="bilinear")
    noise = NOISE * uniform(rng, count, 1, 1, 1).square()
    return (torch.where(soft, softer, frames) + noise * normal(rng, *frames.shape)).clamp(0.0, 1.0)


def match(logits: Tensor, masks: Tensor, moves: Tensor) -> Matched:
    """Objects in the order, of both, in which their masks (W, 2, h, w) fit the ``logits`` (W, 2, h, w) better."""
    shares = torch.log_softmax(functional.pad(logits, (0, 0, 0, 0, 1, 0)), 1)
    rest = (1 - masks.sum(1, keepdim=True)).clamp(0, 1)
    weight = 1 + PARTS_WEIGHT * (1 - rest)

    def entropy(order: Tensor) -> Tensor:
        return -(torch.cat([rest, order], 1) * shares * weight).sum(1).mean((1, 2))

    straight, crossed = entropy(masks), entropy(masks.flip(1))
    swap = crossed < straight
    other = torch.cat([moves[:, :1], moves[:, 1:].flip(1)], 1)
    return Matched(
        torch.where(swap[:, None, None, None], masks.flip(1), masks),
        torch.where(swap[:, None, None, None], other, moves),
        torch.where(swap, crossed, straight),
    )


def moves_loss(moves: Tensor, matched: Matched) -> Tensor:
    """(W,): the camera's error, and that of each object that is to be seen."""
    unit = torch.tensor(UNIT, device=moves.device)
    error = functional.huber_loss(moves / unit, matched.moves / unit, reduction="none", delta=HUBER).mean((2, 3))
    there = (matched.masks.mean((2, 3)) > LEAST_AREA).float()
    return error[:, 0] + (error[:, 1:] * there).sum(1)


def fill_loss(fill: Tensor, behind: Tensor, masks: Tensor) -> Tensor:
    """(W,): the error of what is behind the parts, in and around them alone."""
    covered = 1 - (1 - masks.sum(1, keepdim=True)).clamp(0, 1)
    around = functional.max_pool2d(covered, MARGIN, 1, MARGIN // 2)
    return ((fill - behind).abs() * around).mean((1, 2, 3)) / (around.mean((1, 2, 3)) + 0.02)


def clip_loss(motion: Motion, video: Tensor) -> Tensor:
    """(R,): the root mean square error of the first frame moved on, against the clip (R, 8, 3, 64, 64)."""
    clip = move(video[:, 0], motion, *video.shape[-2:]).clip
    return ((clip - video).square().mean((1, 2, 3, 4)) + _LEAST_SQUARE).sqrt()


def _values(pixels: np.ndarray, turned: bool) -> np.ndarray:
    """A picture (H, W, C) as float32 (C, H, W) in [0, 1]."""
    shown = mirror.picture(pixels) if turned else pixels
    return shown.transpose(2, 0, 1).astype(np.float32) / np.float32(255.0)

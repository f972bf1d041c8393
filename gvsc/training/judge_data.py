"""What the judges learn from: the rendered world's training split, softened and damaged as generated clips may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from gvsc.bench.generator.judges.labels import LABELS, LOOK, MOVEMENT, NONE, truth
from gvsc.bench.generator.judges.network import FRAMES, LOOK_SIDE, MOVEMENT_SIDE, look_input, movement_input
from gvsc.training.world import SIZE, Photo, Scene, render
from transmitter.clips.world import draw_scene
from transmitter.clips.world.camera import seen, views
from transmitter.clips.world.motion import pose

UNASKED: Final = -100
"""In place of an answer that cannot be given: the loss leaves it out."""

PHOTO_SHARE: Final = 0.5
"""Of the scenes, those that may have a photo behind them; the world takes it for four in ten of these."""

EMPTY_SHARE: Final = 0.08
"""Of the examples, those that show nothing: noise, blanks, pictures whose blocks were shuffled."""

LOOKS: Final = 2
"""Frames that are looked at of each clip."""

_MIRRORED = {"left": "right", "right": "left"}
_UPSIDE_DOWN = {"up": "down", "down": "up"}
_BACKWARDS = _MIRRORED | _UPSIDE_DOWN | {"growing": "shrinking", "shrinking": "growing", "in": "out", "out": "in"}


@dataclass(frozen=True)
class Batch:
    """``look`` (LOOKS·B, 3, side, side), ``movement`` (B, FRAMES, 3, side, side), by question the answers' numbers.

    ``look_places`` (LOOKS·B, 3) and ``movement_places`` (B, FRAMES, 3) are where the object is: x, y and radius as
    parts of a side, NaN where there is none.
    """

    look: Tensor
    movement: Tensor
    look_places: Tensor
    movement_places: Tensor
    answers: dict[str, Tensor]


class Batches(Dataset[Batch]):
    """Batch ``step`` follows from (seed, step) and the photos alone."""

    def __init__(self, seed: int, steps: int, size: int, photos: list[Photo]) -> None:
        self._seed, self._steps, self._size, self._photos = seed, steps, size, photos

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng([self._seed, step])
        looks, movements, look_places, movement_places = [], [], [], []
        answers: dict[str, list[int]] = {question: [] for question in LABELS}
        for _ in range(self._size):
            photo = None
            if self._photos and rng.random() < PHOTO_SHARE:
                photo = self._photos[int(rng.integers(len(self._photos)))]
            scene = one_object(rng, "train", photo)
            video, right, where = render(scene, photo), truth(scene), places(scene)
            # rendering is what takes the time
            for half in range(LOOKS):
                frame = int(rng.integers(FRAMES // LOOKS)) + half * FRAMES // LOOKS
                look, place, told = look_example(video[frame], where[frame : frame + 1], right, rng)
                looks.append(look)
                look_places.append(place)
                for question, number in told.items():
                    answers[question].append(number)
            movement, path, moved = movement_example(video, where, right, rng)
            movements.append(movement)
            movement_places.append(path)
            for question, number in moved.items():
                answers[question].append(number)
        return Batch(
            torch.stack(looks),
            torch.stack(movements),
            torch.stack(look_places),
            torch.stack(movement_places),
            {question: torch.tensor(numbers) for question, numbers in answers.items()},
        )


def one_object(rng: np.random.Generator, split: str, photo: Photo | None) -> Scene:
    """A scene of one object, or in the training split of none."""
    while True:
        scene = draw_scene(rng, split, photo)
        if len(scene.shapes) < 2:
            return scene


def places(scene: Scene) -> Tensor:
    """Where the object is in each frame, (FRAMES, 3): x, y and radius as parts of a side; NaN where there is none."""
    if not scene.shapes:
        return torch.full((FRAMES, 3), float("nan"))
    seen_from = views(scene)
    poses = [seen(pose(scene.shapes[0], frame), seen_from[0], seen_from[frame]) for frame in range(FRAMES)]
    return torch.tensor([[now.x, now.y, now.radius] for now in poses]) / SIZE


def look_example(
    frame: NDArray[np.uint8], place: Tensor, right: dict[str, str], rng: np.random.Generator
) -> tuple[Tensor, Tensor, dict[str, int]]:
    """One frame (256, 256, 3), damaged; where its object is, (3,); and the numbers of its answers."""
    x = look_input(_planar(frame[None]))
    answers = {question: LABELS[question].index(right[question]) for question in LOOK}
    if rng.random() < EMPTY_SHARE:
        place = torch.full_like(place, float("nan"))
        if rng.random() < 0.5:
            x = nothing(1, LOOK_SIDE, rng)
            answers = dict.fromkeys(LOOK, 0)
        else:
            x = shuffled_blocks(x, rng)
            # there is no object any more, and what is behind may be seen still
            answers = {"colour": 0, "kind": 0, "background": UNASKED, "light": UNASKED}
    if rng.random() < 0.5:
        x, place = x.flip(-1), mirrored(place, 0)
    if rng.random() < 0.3:
        x, place = zoomed(x, place, float(rng.uniform(0.8, 1.0)), rng)
    return soften(x, rng)[0], place[0], answers


def movement_example(
    video: NDArray[np.uint8], path: Tensor, right: dict[str, str], rng: np.random.Generator
) -> tuple[Tensor, Tensor, dict[str, int]]:
    """A clip (8, 256, 256, 3), turned, damaged; where its object is; and the numbers of its answers.

    It may be mirrored, upside down or run backwards, with the answers that this has; or stand still.
    """
    x = movement_input(_planar(video))
    told = {question: right[question] for question in MOVEMENT}

    def turn(names: dict[str, str]) -> None:
        for question, answer in told.items():
            told[question] = names.get(answer, answer)

    if rng.random() < EMPTY_SHARE:
        share = rng.random()
        if share < 0.4:
            nowhere = torch.full_like(path, float("nan"))
            return soften(nothing(FRAMES, MOVEMENT_SIDE, rng), rng), nowhere, dict.fromkeys(MOVEMENT, 0)
        still = dict.fromkeys(MOVEMENT, "still") | ({"motion": NONE} if told["motion"] == NONE else {})
        if share < 0.7:
            x, path, told = x[:1].expand(FRAMES, -1, -1, -1), path[:1].expand(FRAMES, -1), still
        elif told["motion"] not in ("still", "rotating", NONE):
            x, told = x[torch.from_numpy(rng.permutation(FRAMES))], still | {"motion": NONE}
    if rng.random() < 0.5:
        x, path = x.flip(-1), mirrored(path, 0)
        turn(_MIRRORED)
    if told["motion"] != "bouncing" and rng.random() < 0.3:
        x, path = x.flip(-2), mirrored(path, 1)
        turn(_UPSIDE_DOWN)
    if rng.random() < 0.5:
        x, path = x.flip(0), path.flip(0)
        turn(_BACKWARDS)
    if rng.random() < 0.5:  # things may leave the picture
        x, path = zoomed(x, path, float(rng.uniform(0.65, 1.0)), rng)
    return soften(x, rng), path, {question: LABELS[question].index(answer) for question, answer in told.items()}


def nothing(frames: int, side: int, rng: np.random.Generator) -> Tensor:
    """Pictures that show nothing: noise, fresh or frozen, one colour, or a smooth field of colours."""
    share, blank = rng.random(), _uniform(rng, (1, 3, 1, 1), 0, 1)
    if share < 0.3:
        return blank.expand(frames, 3, side, side).clone()
    count = frames if rng.random() < 0.7 else 1
    cells = side if share < 0.65 else int(rng.integers(2, 17))
    field = _uniform(rng, (count, 3, cells, cells), 0, 1)
    if rng.random() < 0.3:  # a faint one
        field = blank + 0.3 * (field - 0.5)
    return F.interpolate(field, (side, side), mode="bicubic").clamp(0, 1).expand(frames, -1, -1, -1).clone()


def shuffled_blocks(x: Tensor, rng: np.random.Generator) -> Tensor:
    """The picture (1, 3, side, side) with its blocks, an eighth of a side each, in another order."""
    block = x.shape[-1] // 8
    blocks = F.unfold(x, block, stride=block)
    order = torch.from_numpy(rng.permutation(blocks.shape[-1]))
    return F.fold(blocks[..., order], x.shape[-2:], block, stride=block)


def mirrored(where: Tensor, axis: int) -> Tensor:
    """Places (F, 3) in the mirror: ``axis`` 0 exchanges left and right, 1 up and down."""
    turned = where.clone()
    turned[:, axis] = 1 - turned[:, axis]
    return turned


def zoomed(x: Tensor, where: Tensor, part: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """The same window of all frames (F, 3, side, side), ``part`` of a side wide, at full size; and the places in it."""
    side = x.shape[-1]
    taken = round(part * side)
    top, left = (int(v) for v in rng.integers(0, side - taken + 1, 2))
    corner = torch.tensor([left, top, 0.0]) / side
    window = x[..., top : top + taken, left : left + taken]
    return F.interpolate(window, (side, side), mode="bilinear"), (where - corner) * (side / taken)


def soften(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Frames (F, 3, side, side) in [0, 1], out of focus, bent, stained, noisy, in slightly other colours, or not.

    So that a soft red star is a red star: what is judged is what is to be seen, not how sharp it is.
    """
    frames, _, side, _ = x.shape
    for damage, share in ((_blurred, 0.5), (_bent, 0.3), (_stained, 0.4), (_toned, 0.6)):
        if rng.random() < share:
            x = damage(x, rng)
    if rng.random() < 0.5:
        strength = float(rng.uniform(0, 0.06))
        noise = torch.from_numpy(rng.standard_normal((frames, 3, side, side), np.float32))
        x = x + strength * noise
    return x.clamp(0, 1)


def _blurred(x: Tensor, rng: np.random.Generator) -> Tensor:
    side = x.shape[-1]
    coarse = round(side * float(rng.uniform(0.5, 0.95)))
    return F.interpolate(F.interpolate(x, (coarse, coarse), mode="area"), (side, side), mode="bicubic")


def _bent(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Smoothly, by up to about three hundredths of a side, most of it the same in all frames."""
    frames, _, side, _ = x.shape
    strength = float(rng.uniform(0, 0.03))
    bends = _uniform(rng, (1, 2, 5, 5), -1, 1) + 0.2 * _uniform(rng, (frames, 2, 5, 5), -1, 1)
    field = F.interpolate(2 * strength * bends, (side, side), mode="bicubic").permute(0, 2, 3, 1)
    straight = F.affine_grid(torch.eye(2, 3)[None].expand(frames, -1, -1), [frames, 3, side, side], align_corners=False)
    return F.grid_sample(x, straight + field, padding_mode="border", align_corners=False)


def _stained(x: Tensor, rng: np.random.Generator) -> Tensor:
    """With patches of slightly other colours, new ones in each frame."""
    frames, _, side, _ = x.shape
    cells = int(rng.integers(4, 25))
    stains = torch.from_numpy(rng.standard_normal((frames, 3, cells, cells), np.float32))
    return x + float(rng.uniform(0, 0.05)) * F.interpolate(stains, (side, side), mode="bicubic")


def _toned(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Slightly: the ten colours keep their names, and the lights theirs."""
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * float(rng.uniform(0.8, 1.15))
    drift = torch.linspace(-1, 1, len(x)).view(-1, 1, 1, 1) * float(rng.normal(0, 0.02))
    return x * (1 + 0.04 * _uniform(rng, (1, 3, 1, 1), -1, 1) + drift) + float(rng.normal(0, 0.02))


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float) -> Tensor:
    return torch.from_numpy(rng.uniform(low, high, shape).astype(np.float32))


def _planar(frames: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 3, 1, 2))).float().div_(255.0)

"""What the judges learn from: the rendered world's training split, softened and damaged as generated clips may be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from common.conventions import FRAMES, SIZE
from gvsc.bench.generator.judges import path, thing
from gvsc.bench.generator.judges import scene as surroundings
from gvsc.bench.generator.judges.labels import LABELS, NONE, truth
from gvsc.training.world import Photo, Scene, render
from transmitter.clips.world import background, draw_scene
from transmitter.clips.world.background import ONE_COLOUR
from transmitter.clips.world.camera import seen, views
from transmitter.clips.world.held_out import held_out
from transmitter.clips.world.motion import pose

UNASKED: Final = -100
"""In place of an answer that cannot be given: the loss leaves it out."""

PHOTO_SHARE: Final = 0.6
"""Of the scenes, those that may have a photo behind them; the world takes it for four in ten of these."""

BARE_SHARE: Final = 0.3
"""Of the scenes without an object, those that are kept."""

EMPTY_SHARE: Final = 0.06
"""Of the examples, those that show nothing: noise, blanks, pictures whose blocks were shuffled."""

ELSEWHERE_SHARE: Final = 0.1
"""Of what is cut out, that where there is no object."""

STEADY_SHARE: Final = 0.4
"""Of the scenes before a camera that stands, those that are kept: it moves in one of six that the world draws."""

RECOLOURED_SHARE: Final = 0.3
"""Of what is cut out, that whose colours are exchanged: what a thing is does not follow from its colour."""

AWAY_SHARE: Final = 0.4
"""Of what goes somewhere, that which goes the other way than there is room to: out of the picture."""

FOUND, ASTRAY, ASTRAY_SHARE = 0.12, 0.35, 0.4
"""How far off, in radii, something is looked at: as it was found, and for a share of it, as it was found at first."""

SCENES, CUTS = 2, 3
"""Frames of each clip that are looked at as a whole, and that something is cut out of."""

BACKGROUNDS: Final = 2
"""Backgrounds without anything before them, for each clip: they are many, and cost little."""

_MIRRORED = {"left": "right", "right": "left"}
_UPSIDE_DOWN = {"up": "down", "down": "up"}
_OPPOSITE = _MIRRORED | _UPSIDE_DOWN
_BACKWARDS = _OPPOSITE | {"growing": "shrinking", "shrinking": "growing", "in": "out", "out": "in"}
_NOWHERE: Final = float("nan")


@dataclass(frozen=True)
class Batch:
    """Of N clips: ``clips`` (N, FRAMES, 3, side, side) with the object's ``path`` (N, FRAMES, 3): x, y and radius as
    parts of a side, NaN where there is none; ``scenes`` (N·SCENES + N·BACKGROUNDS, 3, side, side), those of the clips
    first; ``cuts`` (N·CUTS, 3, side, side), how far ``off`` the object they are (N·CUTS, 3), NaN where there is none;
    by question the answers' numbers, for each picture that it is asked of."""

    clips: Tensor
    path: Tensor
    scenes: Tensor
    cuts: Tensor
    off: Tensor
    answers: dict[str, Tensor]


class Batches(Dataset[Batch]):
    """Batch ``step`` follows from (seed, step) and the photos alone."""

    def __init__(self, seed: int, steps: int, size: int, photos: list[Photo]) -> None:
        self._seed, self._steps, self._size, self._photos = seed, steps, size, photos

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng([self._seed, step])
        made = [self._drawn(rng) for _ in range(self._size)]
        behind = [background_example(rng) for _ in range(self._size * BACKGROUNDS)]
        answers = {question: torch.cat([one.answers[question] for one in made]) for question in LABELS}
        answers["background"] = torch.cat([answers["background"], torch.tensor([number for _, number in behind])])
        answers["light"] = torch.cat([answers["light"], torch.full((len(behind),), UNASKED)])
        return Batch(
            torch.stack([one.clips for one in made]),
            torch.stack([one.path for one in made]),
            torch.cat([one.scenes for one in made] + [scene for scene, _ in behind]),
            torch.cat([one.cuts for one in made]),
            torch.cat([one.off for one in made]),
            answers,
        )

    def _drawn(self, rng: np.random.Generator) -> Batch:
        photo = None
        if self._photos and rng.random() < PHOTO_SHARE:
            photo = self._photos[int(rng.integers(len(self._photos)))]
        if rng.random() < EMPTY_SHARE / 2:
            return empty_example(nothing(FRAMES, path.SIDE, rng), 0, rng)
        while (scene := one_object(rng, "train", photo)).camera == "still" and rng.random() > STEADY_SHARE:
            pass
        if rng.random() < AWAY_SHARE:
            scene = turned_round(scene)
        return example(render(scene, photo), scene, rng)


def one_object(rng: np.random.Generator, split: str, photo: Photo | None) -> Scene:
    """A scene of one object, or in the training split seldom of none."""
    while True:
        scene = draw_scene(rng, split, photo)
        if len(scene.shapes) == 1 or (not scene.shapes and rng.random() < BARE_SHARE):
            return scene


def turned_round(scene: Scene) -> Scene:
    """The scene with its objects going the other way than they do, if anywhere, and unless that is held out."""
    shapes = tuple(replace(one, motion=_OPPOSITE.get(one.motion, one.motion)) for one in scene.shapes)
    turned = replace(scene, shapes=shapes)
    return scene if any(held_out(one, turned) for one in shapes) else turned


def places(scene: Scene) -> Tensor:
    """Where the object is in each frame, (FRAMES, 3): x, y and radius as parts of a side; NaN where there is none."""
    if not scene.shapes:
        return torch.full((FRAMES, 3), _NOWHERE)
    seen_from = views(scene)
    poses = [seen(pose(scene.shapes[0], frame), seen_from[0], seen_from[frame]) for frame in range(FRAMES)]
    return torch.tensor([[now.x, now.y, now.radius] for now in poses]) / SIZE


def example(video: NDArray[np.uint8], scene: Scene, rng: np.random.Generator) -> Batch:
    """All that is asked of one clip (8, 256, 256, 3), damaged: a batch of one clip, without its first axis."""
    right, where = truth(scene), places(scene)
    numbers = {question: LABELS[question].index(answer) for question, answer in right.items()}
    small = torch.cat([_reduced(frame, path.SIDE) for frame in video])
    if rng.random() < EMPTY_SHARE / 2:
        # there is no object any more, and what is behind may be seen still
        return empty_example(shuffled_blocks(small, rng), UNASKED, rng)
    clip, along, moved = movement_example(small, where, right, rng)
    scenes = [
        scene_example(_reduced(video[frame], surroundings.SIDE), rng) for frame in rng.integers(FRAMES, size=SCENES)
    ]
    cuts, offs, named = [], [], []
    for frame in rng.choice(FRAMES, CUTS, replace=False):
        place = around(where[frame], rng)
        there = place is not None
        seen, off = cut_example(
            _planar(video[frame : frame + 1]),
            anywhere(where[frame], rng) if place is None else place,
            where[frame] if there else torch.full((3,), _NOWHERE),
            rng,
        )
        told = {question: numbers[question] if there else 0 for question in ("colour", "kind")}
        if rng.random() < RECOLOURED_SHARE:
            seen, told["colour"] = seen[:, rng.permutation(3)], UNASKED
        cuts.append(seen)
        offs.append(off)
        named.append(told)
    answers = {question: torch.tensor([one[question] for one in named]) for question in ("colour", "kind")}
    answers |= {question: torch.tensor([numbers[question]] * SCENES) for question in ("background", "light")}
    answers |= {question: torch.tensor([LABELS[question].index(answer)]) for question, answer in moved.items()}
    return Batch(clip, along, torch.cat(scenes), torch.cat(cuts), torch.stack(offs), answers)


def empty_example(clip: Tensor, behind: int, rng: np.random.Generator) -> Batch:
    """One of a clip (FRAMES, 3, side, side) without an object, ``behind`` the number of the surroundings' answers."""
    nowhere = torch.full((FRAMES, 3), _NOWHERE)
    frames = rng.integers(FRAMES, size=SCENES)
    cuts = [cut_example(clip[:1], anywhere(nowhere[0], rng), nowhere[0], rng)[0] for _ in range(CUTS)]
    scenes = F.interpolate(clip[frames], (surroundings.SIDE, surroundings.SIDE), mode="nearest")
    answers = {question: torch.zeros(CUTS, dtype=torch.long) for question in ("colour", "kind")}
    answers |= {question: torch.full((SCENES,), behind) for question in ("background", "light")}
    answers |= {"motion": torch.zeros(1, dtype=torch.long), "camera": torch.full((1,), behind)}
    return Batch(soften(clip, rng), nowhere, soften(scenes, rng), torch.cat(cuts), nowhere[:CUTS], answers)


def background_example(rng: np.random.Generator) -> tuple[Tensor, int]:
    """A background alone, as `scene_example`, and its number. It is not of one colour: nothing would tell the light."""
    while True:
        scene = draw_scene(rng, "train")
        if scene.background not in ONE_COLOUR:
            break
    bare = replace(scene, shapes=(), camera="still")
    small = _reduced(background.draw(bare, None), surroundings.SIDE)
    return scene_example(small, rng), LABELS["background"].index(truth(bare)["background"])


def scene_example(frame: Tensor, rng: np.random.Generator) -> Tensor:
    """A frame (1, 3, side, side), at times mirrored or cut, and damaged."""
    if rng.random() < 0.5:
        frame = frame.flip(-1)
    if rng.random() < 0.3:
        frame, _ = zoomed(frame, torch.zeros(1, 3), float(rng.uniform(0.8, 1.0)), rng)
    return soften(frame, rng)


def around(place: Tensor, rng: np.random.Generator) -> Tensor | None:
    """Near the place (3,) of an object, as it may be found; None for something else that is to be looked at."""
    # of what is no number nothing holds
    if not ((place[:2] > 0) & (place[:2] < 1)).all() or rng.random() < ELSEWHERE_SHARE:
        return None
    x, y, radius = place.tolist()
    right, down, larger = rng.normal(0, ASTRAY if rng.random() < ASTRAY_SHARE else FOUND, 3)
    return torch.tensor([x + radius * right, y + radius * down, radius * np.exp(larger)], dtype=torch.float32)


def anywhere(place: Tensor, rng: np.random.Generator) -> Tensor:
    """A place (3,) where there is no object, or its edge at most."""
    while True:
        x, y, radius = (float(v) for v in rng.uniform((0, 0, 0.07), (1, 1, 0.25)))
        apart = np.hypot(x - float(place[0]), y - float(place[1]))  # of no place it is not a number
        if not apart < float(place[2]) + radius / 2:
            return torch.tensor([x, y, radius])


def cut_example(frame: Tensor, place: Tensor, true: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """What is there in a frame (1, 3, h, w): (1, 3, side, side), at times mirrored or out of focus, and damaged; and
    how far off (3,) that is what is at its ``true`` place."""
    if rng.random() < 0.5:
        side = int(rng.integers(44, 129))
        frame = F.interpolate(frame, (side, side), mode="area")
    seen, off = thing.cut(frame, place[None]), thing.off(place, true)
    if rng.random() < 0.5:
        seen, off = seen.flip(-1), off * torch.tensor([-1.0, 1.0, 1.0])
    return damaged(seen, rng), off


def movement_example(
    x: Tensor, along: Tensor, right: dict[str, str], rng: np.random.Generator
) -> tuple[Tensor, Tensor, dict[str, str]]:
    """A clip (FRAMES, 3, side, side), turned, damaged; where its object is; and the answers about movement.

    It may be mirrored, upside down or run backwards, with the answers that this has; or stand still.
    """
    told = {question: right[question] for question in ("motion", "camera")}

    def turn(names: dict[str, str]) -> None:
        for question, answer in told.items():
            told[question] = names.get(answer, answer)

    if rng.random() < 0.03:
        x, along = x[:1].expand(FRAMES, -1, -1, -1), along[:1].expand(FRAMES, -1)
        told = dict.fromkeys(told, "still") | ({"motion": NONE} if told["motion"] == NONE else {})
    if rng.random() < 0.5:
        x, along = x.flip(-1), mirrored(along, 0)
        turn(_MIRRORED)
    if told["motion"] != "bouncing" and rng.random() < 0.3:
        x, along = x.flip(-2), mirrored(along, 1)
        turn(_UPSIDE_DOWN)
    if rng.random() < 0.5:
        x, along = x.flip(0), along.flip(0)
        turn(_BACKWARDS)
    if rng.random() < 0.4:  # things may leave the picture
        x, along = zoomed(x, along, float(rng.uniform(0.65, 1.0)), rng)
    beyond = ((along[:, :2] < 0) | (along[:, :2] > 1)).any(-1, keepdim=True)
    return soften(x, rng), along.masked_fill(beyond, _NOWHERE), told


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
    """Pictures (F, 3, side, side) with their blocks, an eighth of a side each, in another order, all in the same."""
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
    """Frames (F, 3, side, side) in [0, 1], out of focus and `damaged`, or not.

    So that a soft red star is a red star: what is judged is what is to be seen, not how sharp it is.
    """
    return damaged(_blurred(x, rng) if rng.random() < 0.5 else x, rng)


def damaged(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Frames (F, 3, side, side) in [0, 1], bent, stained, noisy, in slightly other colours, or not."""
    frames, _, side, _ = x.shape
    for damage, share in ((_bent, 0.25), (_stained, 0.4), (_toned, 0.6)):
        if rng.random() < share:
            x = damage(x, rng)
    if rng.random() < 0.3:
        x = x + float(rng.uniform(0, 0.04)) * torch.from_numpy(rng.standard_normal((frames, 3, side, side), np.float32))
    return x.clamp(0, 1)


def _blurred(x: Tensor, rng: np.random.Generator) -> Tensor:
    side = x.shape[-1]
    coarse = round(side * float(rng.uniform(0.6, 0.95)))
    return F.interpolate(F.interpolate(x, (coarse, coarse), mode="area"), (side, side), mode="bilinear")


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
    return x + float(rng.uniform(0, 0.04)) * F.interpolate(stains, (side, side), mode="bicubic")


def _toned(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Slightly: the ten colours keep their names, and the lights theirs."""
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * float(rng.uniform(0.8, 1.15))
    drift = torch.linspace(-1, 1, len(x)).view(-1, 1, 1, 1) * float(rng.normal(0, 0.02))
    return x * (1 + 0.04 * _uniform(rng, (1, 3, 1, 1), -1, 1) + drift) + float(rng.normal(0, 0.015))


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float) -> Tensor:
    return torch.from_numpy(rng.uniform(low, high, shape).astype(np.float32))


def _reduced(frame: NDArray[np.uint8], side: int) -> Tensor:
    """A frame (SIZE, SIZE, 3) as (1, 3, side, side) in [0, 1]."""
    return _planar(np.array(Image.fromarray(frame).reduce(SIZE // side))[None])


def _planar(frames: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float().div_(255.0)

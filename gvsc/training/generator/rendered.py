"""Rendered clips as `mini` is trained on them: pictures, and what is known of their parts and of how these move."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common.conventions import FRAMES, SIZE
from gvsc.training.generator import tones
from receiver.generators.mini.layout import NUMBERS, RADIUS, TURN
from transmitter.clips.world import Photo, Scene, World, WorldClip, background
from transmitter.clips.world.camera import seen, views
from transmitter.clips.world.motion import pose
from transmitter.clips.world.patterns import LATTICES

PARTS = 2
"""Moving parts that are told apart; a rendered clip has no more objects."""

SMALL, FRAME = 64, 128
"""Sides in pixels of what motion is learned on, and of the picture that it is learned from."""


class Rendered(NamedTuple):
    """``video`` uint8 (8, 256, 256, 3); ``outlines`` uint8 (8, 64, 64), how much of each place of each frame the parts
    cover; ``frame`` uint8 (128, 128, 3), the first one; ``masks`` uint8 (2, 64, 64), how much of each place of it each
    part covers; ``behind`` uint8 (64, 64, 3), the first frame without the parts; ``moves`` float32 (3, 8, 4) as in
    mover.Motion, the background first; ``layout`` float32 (3, 6), the numbers of layout.Layout; ``forms`` uint8 (3,),
    the numbers of the pattern and of the kinds, and ``palette`` uint8 (3, tones, 3), the colours of their tones;
    ``caption``."""

    video: NDArray[np.uint8]
    outlines: NDArray[np.uint8]
    frame: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    behind: NDArray[np.uint8]
    moves: NDArray[np.float32]
    layout: NDArray[np.float32]
    forms: NDArray[np.uint8]
    palette: NDArray[np.uint8]
    caption: str


def rendered(world: World, number: int) -> Rendered:
    """Clip ``number`` of a world."""
    clip = world[number]
    labels = clip.masks[0]
    covers = np.stack([255 * (labels == part).astype(np.uint8) for part in range(1, PARTS + 1)])
    return Rendered(
        video=clip.video,
        outlines=smaller(255 * (clip.masks > 0).astype(np.uint8)[..., None], SMALL)[..., 0],
        frame=smaller(clip.video[:1], FRAME)[0],
        masks=smaller(covers[..., None], SMALL)[..., 0],
        behind=_behind(clip.scene, world.photo(number)),
        moves=_moves(clip),
        layout=layout_of(clip.scene),
        forms=forms_of(clip.scene),
        palette=_palette(clip.scene),
        caption=clip.caption,
    )


def smaller(pictures: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Square pictures (N, H, H, C) made smaller to a divisor of H, by the mean of the pixels."""
    count, height = pictures.shape[:2]
    step = height // side
    blocks = pictures.reshape(count, side, step, side, step, -1)
    return np.rint(blocks.mean((2, 4), dtype=np.float32)).astype(np.uint8)


def _moves(clip: WorldClip) -> NDArray[np.float32]:
    """Shift, logarithm of the size and angle of camera and objects since the first frame."""
    scene, through = clip.scene, views(clip.scene)
    first, centre = through[0], SIZE / 2
    moves = np.zeros((PARTS + 1, FRAMES, 4), np.float32)
    for time, view in enumerate(through):
        x, y = view.to_screen(*first.to_canvas(centre, centre))
        moves[0, time] = x - centre, y - centre, np.log(first.scale / view.scale), 0.0
        for part, shape in enumerate(scene.shapes[:PARTS], 1):
            start, now = pose(shape, 0), seen(pose(shape, time), first, view)
            grown = np.log(now.radius / start.radius)
            moves[part, time] = now.x - start.x, now.y - start.y, grown, now.angle - start.angle
    return moves


def layout_of(scene: Scene) -> NDArray[np.float32]:
    """Where a cell of the pattern and where the objects are in the first frame, and how they stand."""
    numbers = np.zeros((PARTS + 1, NUMBERS), np.float32)
    numbers[:, 0] = -1.0
    half = SIZE / 2
    if scene.background in LATTICES:
        lattice, first = background.lattice(scene), views(scene)[0]
        x, y = first.to_screen(*lattice.middle(*first.to_canvas(half, half)))
        size = 2 * np.log(lattice.period / 2 / first.scale / RADIUS)
        numbers[0] = 1.0, x / half - 1, y / half - 1, size, TURN * _least(lattice.turn), 0.0
    for slot, shape in zip(numbers[1:], scene.shapes, strict=False):
        at = pose(shape, 0)
        size = 2 * np.log(at.radius / RADIUS)
        slot[:] = 1.0, at.x / half - 1, at.y / half - 1, size, 6 * at.angle, -1.0 if at.mirrored else 1.0
    return numbers


def _least(turn: float) -> float:
    """The same turn of stripes within a quarter to either side."""
    return turn - np.pi if turn > np.pi / 2 else turn


def forms_of(scene: Scene) -> NDArray[np.uint8]:
    """Which pattern is behind and which kinds the objects are of, 0 for none."""
    forms = [tones.number(scene.background) if scene.background in LATTICES else 0]
    forms += [tones.number(shape.form) for shape in scene.shapes]
    return np.array((forms + [0] * PARTS)[: PARTS + 1], np.uint8)


def _palette(scene: Scene) -> NDArray[np.uint8]:
    """The colours of the tones of pattern and objects, in the light that there is."""
    made = np.zeros((PARTS + 1, tones.COUNT, 3), np.uint8)
    if scene.background in LATTICES:
        made[0] = tones.of_pattern(scene.detail, scene.light)
    for colours, shape in zip(made[1:], scene.shapes, strict=False):
        colours[:] = tones.palette(shape.colour, scene.light)
    return made


def _behind(scene: Scene, photo: Photo | None) -> NDArray[np.uint8]:
    canvas, view = background.draw(scene, photo), views(scene)[0]
    if scene.camera in ("in", "out"):
        box = (view.left, view.top, view.left + SIZE * view.scale, view.top + SIZE * view.scale)
        return np.array(Image.fromarray(canvas).resize((SMALL, SMALL), Image.Resampling.BOX, box))
    left, top = int(view.left), int(view.top)
    return smaller(canvas[None, top : top + SIZE, left : left + SIZE], SMALL)[0]

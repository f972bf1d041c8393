"""Draws scenes at random that make sense: objects are to be seen, stand out, and are where such things may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from common.conventions import SIZE
from transmitter.clips.world import background as backgrounds
from transmitter.clips.world.camera import canvas_size, seen, views
from transmitter.clips.world.held_out import HELD_OUT, HELD_OUT_PAIRS, held_out
from transmitter.clips.world.kinds import KINDS, SHAPES, SPRITES
from transmitter.clips.world.motion import APART, BEHIND, FRAMES, nearest, pose
from transmitter.clips.world.palette import COLOURS, LEAST_CONTRAST, LIGHTS, contrast, lit
from transmitter.clips.world.scene import CAMERAS, DIRECTIONS, Photo, Scene, Shape

PHOTO_SHARE = 0.4
"""Of the scenes, where there are photos."""

BARE = {"photo": 0.5, "ground": 0.08}
"""Of the training scenes with such a background, those without an object: there the camera moves more often."""

SHADE = {"day": 1.0, "sunset": 0.8, "night": 0.75}
"""What part of `LEAST_CONTRAST` is asked for in a light: colours come nearer to each other in the dark."""


def draw_scene(rng: np.random.Generator, split: str, photo: Photo | None = None) -> Scene:
    """One scene. ``split`` "train" has no held-out combination; in "held_out" the first object is in one."""
    while True:
        scene = _surroundings(rng, split, photo)
        made = _populate(rng, split, scene, photo)
        if made is not None:
            return made


def _surroundings(rng: np.random.Generator, split: str, photo: Photo | None) -> Scene:
    """A scene without objects."""
    detail: tuple[str, ...] = ()
    share = rng.random()
    if photo is not None and share < PHOTO_SHARE:
        background, detail = "photo", (photo.caption,)
    else:
        share = rng.random()
        if share < 0.15:
            background, detail = "plain", (_pick(rng, tuple(COLOURS)),)
        elif share < 0.45:
            background = _pick(rng, tuple(backgrounds.GROUNDS))
            background, detail = "ground", (background,)
        elif share < 0.75:
            first, second = rng.choice(len(COLOURS), 2, replace=False)
            names = tuple(COLOURS)
            background, detail = _pick(rng, backgrounds.TWO_COLOURS), (names[first], names[second])
        else:
            background = _pick(rng, tuple(backgrounds.MATERIALS))
    light = _pick(rng, ("day", "day", "day", "sunset", "night"))
    # before one colour, a pan could not be told from an object that moves
    camera = _pick(rng, CAMERAS[:-1]) if rng.random() < 0.24 and background not in ("plain", "gradient") else "still"
    return Scene(background, detail, (), camera, 7.0 * int(rng.integers(6, 18)), light, int(rng.integers(2**31)))


def _populate(rng: np.random.Generator, split: str, scene: Scene, photo: Photo | None) -> Scene | None:
    """The scene with its objects; None where one that is asked for cannot be there."""
    if split == "train" and rng.random() < BARE.get(scene.background, 0.0):
        return replace(scene, camera=_pick(rng, CAMERAS))
    colour = form = motion = ""
    if split == "held_out":
        combinations = sorted(HELD_OUT | HELD_OUT_PAIRS)
        told = combinations[int(rng.integers(len(combinations)))]
        if len(told) == 3:
            colour, form, motion = told
        else:
            form, around = told
            scene = _around(scene, around)
    shapes: list[Shape] = []
    for _ in range(2 if rng.random() < 0.3 else 1):
        for _ in range(12):
            shape = _draw_shape(rng, scene, colour, form, motion)
            asked_for = split == "held_out" and not shapes
            if shape is None or not _fits(shape, shapes, scene, photo):
                continue
            if asked_for or not held_out(shape, scene):
                shapes.append(shape)
                break
        else:
            if not shapes:
                return None
        colour = form = motion = ""
    return replace(scene, shapes=tuple(shapes))


def _around(scene: Scene, around: str) -> Scene:
    """The scene in that light, before that texture or in that landscape."""
    if around in LIGHTS:
        return replace(scene, light=around)
    if around in backgrounds.GROUNDS:
        return replace(scene, background="ground", detail=(around,))
    if around in backgrounds.TWO_COLOURS and len(scene.detail) < 2:
        return replace(scene, background=around, detail=("blue", "white"))
    return replace(scene, background=around, detail=scene.detail if around in backgrounds.TWO_COLOURS else ())


def _draw_shape(rng: np.random.Generator, scene: Scene, colour: str, form: str, motion: str) -> Shape | None:
    """An object; of what is named empty, any. None where it does not go with the scene."""
    colour = colour or _pick(rng, tuple(COLOURS))
    form = form or _pick(rng, tuple(SHAPES if rng.random() < 0.4 else SPRITES))
    kind = KINDS[form]
    if scene.background == "ground":
        at_sea = scene.detail[0] == "the blue sea"
        if (kind.where == "stands" and at_sea) or (kind.where in ("swims", "floats") and not at_sea):
            return None
    # with the camera in motion, what moves as well could not be told on the screen
    allowed = kind.motions if scene.camera == "still" else tuple(m for m in kind.motions if m in ("still", "rotating"))
    if motion and motion not in allowed:
        return None
    if not motion:
        motion = _pick(rng, tuple(m for m in allowed for _ in range(1 if m == "still" else 2)))
    radius = float(rng.uniform(28, 60) if form in SPRITES else rng.uniform(24, 56))
    amount = 7.0 * int(rng.integers(9, 19))
    if motion == "growing":
        radius *= 0.62
    upright = form in SPRITES and kind.motions != KINDS["ball"].motions
    angle = float(rng.uniform(-0.04, 0.04) if upright else rng.uniform(-0.25, 0.25))
    x, y = (float(v) for v in rng.uniform(0.95 * radius, SIZE - 0.95 * radius, 2))
    if motion in DIRECTIONS:  # start where there is room to go
        step_x, step_y = DIRECTIONS[motion]
        low, high = 0.95 * radius, SIZE - 0.6 * radius - amount
        ahead = float(rng.uniform(low, high)) if high > low else low
        x = x if not step_x else ahead if step_x > 0 else SIZE - ahead
        y = y if not step_y else ahead if step_y > 0 else SIZE - ahead
    return Shape(colour, form, motion, x, y, radius, amount, angle)


def _fits(shape: Shape, others: Sequence[Shape], scene: Scene, photo: Photo | None) -> bool:
    seen_from = views(scene)
    for frame in range(FRAMES):
        now = seen(pose(shape, frame), seen_from[0], seen_from[frame])
        # wholly there at first; about a quarter of it beyond the edge at most later
        room = (0.95 if frame == 0 else 0.45) * now.radius
        if not (room <= now.x <= SIZE - room and room <= now.y <= SIZE - room):
            return False
    return _in_its_place(shape, scene) and _apart(shape, others, scene) and _stands_out(shape, scene, photo)


def _in_its_place(shape: Shape, scene: Scene) -> bool:
    if scene.background != "ground":
        return True
    kind, first = KINDS[shape.form], views(scene)[0]
    line = first.to_screen(0, backgrounds.horizon(scene))[1]
    bottom = shape.y + kind.foot * shape.radius
    return {
        "anywhere": True,
        "stands": bottom >= line + 6,
        "floats": bottom >= line + 4,
        "swims": shape.y - 0.6 * shape.radius >= line,
        "flies": shape.y + 0.3 * shape.radius <= line,
    }[kind.where]


def _apart(shape: Shape, others: Sequence[Shape], scene: Scene) -> bool:
    """Clear of the others, or clearly in front of them, without hiding them at either end."""
    for other in others:
        if other.colour == shape.colour or (other.form, other.motion) == (shape.form, shape.motion):
            return False
        least = nearest(shape, other)
        if BEHIND <= least < APART:
            return False
        if least < BEHIND:
            ends = [(pose(shape, frame), pose(other, frame)) for frame in (0, FRAMES - 1)]
            hidden = any(np.hypot(a.x - b.x, a.y - b.y) < max(a.radius, b.radius) for a, b in ends)
            if hidden or not _differ(shape, [_lit(other, scene)], scene):
                return False
    return True


def _stands_out(shape: Shape, scene: Scene, photo: Photo | None) -> bool:
    if scene.background != "photo" or photo is None:
        return _differ(shape, backgrounds.palette(scene), scene)
    left, top, right, _ = backgrounds.photo_window(scene, photo)
    first, scale = views(scene)[0], (right - left) / canvas_size(scene)[1]
    behind = []
    for frame in (0, FRAMES - 1):
        now = pose(shape, frame)
        x, y = first.to_canvas(now.x, now.y)
        reach = now.radius * first.scale
        rows, columns = (
            slice(max(0, int(start + (v - reach) * scale)), max(1, int(start + (v + reach) * scale)))
            for start, v in ((top, y), (left, x))
        )
        behind.append(photo.pixels[rows, columns][::9, ::9].reshape(-1, 3))
    around = lit(np.concatenate(behind), scene.light)
    apart = contrast(around, _lit(shape, scene)) >= LEAST_CONTRAST * SHADE[scene.light]
    return bool(len(apart) and apart.mean() >= 0.8)


def _differ(shape: Shape, colours: NDArray[np.uint8] | Sequence[NDArray[np.uint8]], scene: Scene) -> bool:
    apart = contrast(np.asarray(colours), _lit(shape, scene))
    return bool(apart.min() >= LEAST_CONTRAST * SHADE[scene.light])


def _lit(shape: Shape, scene: Scene) -> NDArray[np.uint8]:
    return lit(COLOURS[shape.colour], scene.light)


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]

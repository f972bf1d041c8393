"""All kinds of objects: how they are drawn, how they may move and where they may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from transmitter.clips.world import shapes, sprites
from transmitter.clips.world.parts import Part
from transmitter.clips.world.scene import MOTIONS

SIZES = ("growing", "shrinking", "still")


@dataclass(frozen=True)
class Kind:
    """``where`` it may be in a landscape: standing on the ground, swimming in or floating on water, flying in the sky,
    or anywhere. ``foot``: how far below its centre it stands, in radii. ``faces``: it has a left and a right."""

    parts: Callable[[], list[Part]]
    motions: tuple[str, ...] = MOTIONS
    where: Literal["anywhere", "stands", "swims", "floats", "flies"] = "anywhere"
    foot: float = 0.0
    faces: bool = False
    noun: str = ""
    verbs: tuple[str, ...] = ("move", "slide", "glide", "drift")


SHAPES: dict[str, Kind] = {
    "circle": Kind(shapes.circle, tuple(motion for motion in MOTIONS if motion != "rotating")),  # it would not be seen
    "square": Kind(shapes.square),
    "triangle": Kind(shapes.triangle),
    "star": Kind(shapes.star),
    "cross": Kind(shapes.cross),
    "heart": Kind(shapes.heart),
}
SPRITES: dict[str, Kind] = {
    "car": Kind(sprites.car, ("left", "right", *SIZES), "stands", 0.58, True, verbs=("drive", "roll", "move")),
    "fish": Kind(sprites.fish, ("left", "right", *SIZES), "swims", faces=True, verbs=("swim", "glide")),
    "tree": Kind(sprites.tree, SIZES, "stands", 1.0),
    "house": Kind(sprites.house, SIZES, "stands", 0.85),
    "bird": Kind(sprites.bird, ("left", "right", *SIZES), "flies", faces=True, verbs=("fly", "glide")),
    "boat": Kind(sprites.boat, ("left", "right", *SIZES), "floats", 0.76, True, verbs=("sail", "glide")),
    "flower": Kind(sprites.flower, SIZES, "stands", 1.0),
    "cat": Kind(sprites.cat, noun="cat face"),
    "rocket": Kind(sprites.rocket, ("up", "rotating", *SIZES), "flies", verbs=("fly", "shoot")),
    "mushroom": Kind(sprites.mushroom, SIZES, "stands", 0.92),
    "balloon": Kind(sprites.balloon, ("left", "right", "up", "down", *SIZES), "flies", noun="hot-air balloon",
                    verbs=("float", "drift")),
    "ball": Kind(sprites.ball, verbs=("move", "glide")),
}  # fmt: skip
KINDS: dict[str, Kind] = SHAPES | SPRITES


@cache
def parts_of(form: str) -> tuple[Part, ...]:
    """The polygons of a kind, the rearmost first."""
    return tuple(KINDS[form].parts())

"""Where an object is in each frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transmitter.clips.world.kinds import KINDS
from transmitter.clips.world.scene import DIRECTIONS, Shape

FRAMES = 8
BOUNCES = 2
"""How often a bouncing object comes down within the clip."""

APART, BEHIND = 1.05, 0.8
"""Two objects whose centres stay this many sums of their radii from each other do not overlap; nearer than ``BEHIND``
they do."""


@dataclass(frozen=True)
class Pose:
    """Centre and radius in pixels, angle in radians clockwise, and whether left and right are exchanged."""

    x: float
    y: float
    radius: float
    angle: float
    mirrored: bool


def pose(shape: Shape, frame: int) -> Pose:
    """The shape in a frame, 0 … 7, as the first frame's camera would see it.

    What moves does so by whole pixels: its picture stays the same, and the flow is exact.
    """
    kind, progress = KINDS[shape.form], frame / (FRAMES - 1)
    step_x, step_y = DIRECTIONS.get(shape.motion, (0, 0))
    gone = float(np.rint(shape.amount * progress))
    x, y, radius, angle = shape.x + step_x * gone, shape.y + step_y * gone, shape.radius, shape.angle
    if shape.motion == "growing":
        radius *= 1.0 + progress * (0.6 + shape.amount / 130.0)
    elif shape.motion == "shrinking":
        radius *= 1.0 - progress * (0.3 + shape.amount / 400.0)
    elif shape.motion == "rotating":
        angle += progress * shape.amount / 60.0
    elif shape.motion == "bouncing":
        y -= float(np.rint(0.7 * shape.amount * abs(math.sin(math.pi * BOUNCES * progress))))
    if shape.form == "ball" and step_x:
        angle += step_x * gone / radius  # it rolls
    y -= kind.foot * (radius - shape.radius)  # what stands stays on its feet
    mirrored = kind.faces and (shape.motion == "left" or (shape.motion != "right" and shape.angle < 0))
    return Pose(x, y, radius, angle, mirrored)


def nearest(one: Shape, two: Shape) -> float:
    """The least distance of two objects' centres within the clip, in sums of their radii."""
    pairs = [(pose(one, frame), pose(two, frame)) for frame in range(FRAMES)]
    return min(math.hypot(a.x - b.x, a.y - b.y) / (a.radius + b.radius) for a, b in pairs)


def overlapping(shapes: Sequence[Shape]) -> bool:
    """Whether the last object comes in front of another one."""
    return any(nearest(shape, shapes[-1]) < BEHIND for shape in shapes[:-1])

"""What is to be seen in a clip, as data: from it follow the caption, the pixels and the ground truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOTIONS = ("left", "right", "up", "down", "growing", "shrinking", "rotating", "bouncing", "still")
CAMERAS = ("left", "right", "up", "down", "in", "out", "still")
DIRECTIONS: dict[str, tuple[int, int]] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
"""Unit steps (x right, y down)."""

BIG, SMALL = 48.0, 32.0
"""An object of a larger radius is called big, of a smaller one small."""

SLOW, FAST = 80.0, 102.0
"""What goes less far than this many pixels within the clip is called slow, what goes further fast."""


@dataclass(frozen=True)
class Photo:
    """A real photo to use as background: pixels uint8 (h, w, 3), both sides at least 256, and what it shows."""

    pixels: NDArray[np.uint8]
    caption: str


@dataclass(frozen=True)
class Shape:
    """One object: its main colour, its kind (``form``, a key of `kinds.KINDS`) and its motion (one of `MOTIONS`).

    ``x``, ``y`` and ``radius`` are of the first frame, in pixels of the screen (a pixel's centre is at its index + ½);
    ``amount`` is how far a motion goes within the clip, in pixels; ``angle`` is in radians, clockwise. A kind that
    faces right faces left if it moves left, or if it moves neither left nor right and ``angle`` is below 0.
    """

    colour: str
    form: str
    motion: str
    x: float
    y: float
    radius: float
    amount: float
    angle: float

    @property
    def size(self) -> str:
        """ "big", "small" or "medium"."""
        return "big" if self.radius > BIG else "small" if self.radius < SMALL else "medium"

    @property
    def speed(self) -> str:
        """ "slow", "fast" or "medium"; "none" of what stands still."""
        return "none" if self.motion == "still" else speed_of(self.amount)


@dataclass(frozen=True)
class Scene:
    """A background, objects from back to front, a camera and a light.

    ``background`` is a kind of `background.KINDS` and ``detail`` names what it needs: its colours, the landscape, or
    what the photo shows. ``camera`` is left, right, up, down, in, out or still, ``reach`` its extent in pixels (zoom:
    200 pixels double the size). What is random in the texture of the background follows from ``seed``.
    """

    background: str
    detail: tuple[str, ...]
    shapes: tuple[Shape, ...]
    camera: str
    reach: float
    light: str
    seed: int = 0

    @property
    def speed(self) -> str:
        """The camera's: "slow", "fast" or "medium"; "none" where it stands still."""
        return "none" if self.camera == "still" else speed_of(self.reach)


def speed_of(amount: float) -> str:
    """ "slow", "fast" or "medium" for so many pixels a clip."""
    return "slow" if amount < SLOW else "fast" if amount > FAST else "medium"

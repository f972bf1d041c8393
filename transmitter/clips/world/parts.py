"""What an object is made of: polygons, one over the other, each with a tone that follows from the main colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from transmitter.clips.world.palette import COLOURS, lit

Point = tuple[float, float]

FIXED: dict[str, tuple[int, int, int]] = {
    "ink": (28, 26, 32),
    "paper": (250, 250, 246),
    "brown": (122, 78, 44),
    "grey": (168, 170, 176),
    "leaf": (58, 140, 56),
    "cream": (246, 230, 196),
    "rose": (240, 140, 150),
    "gold": (250, 196, 40),
    "lamp": (250, 214, 90),
    "flame": (250, 110, 20),
    "glass": (190, 226, 244),
    "smoke": (70, 70, 78),
}
"""Tones that are the same whatever the main colour."""

TONES = ("main", "dark", "light", "accent", "line", *FIXED)
"""All tones, see `tones`."""

LAMPLIGHT = (255, 222, 120)
"""What glass and headlights look like by night."""


@dataclass(frozen=True)
class Part:
    """A polygon: its tone, corners float (n, 2) in an object of radius one (x right, y down), and if it is lined."""

    tone: str
    corners: NDArray[np.float64]
    lined: bool = True


def part(tone: str, *corners: Point, lined: bool = True) -> Part:
    return Part(tone, np.array(corners, float), lined)


def oval(tone: str, x: float, y: float, rx: float, ry: float | None = None, *, lined: bool = True) -> Part:
    """An ellipse; a circle without ``ry``."""
    return Part(tone, arc(x, y, rx, rx if ry is None else ry, 0, 360), lined)


def box(tone: str, left: float, top: float, right: float, bottom: float, *, lined: bool = True) -> Part:
    return part(tone, (left, top), (right, top), (right, bottom), (left, bottom), lined=lined)


def arc(x: float, y: float, rx: float, ry: float, start: float, stop: float) -> NDArray[np.float64]:
    """Points (n, 2) on an ellipse, clockwise from ``start`` to ``stop`` in degrees, 0 being to the right."""
    turns = np.radians(np.linspace(start, stop, max(8, int(abs(stop - start) / 9)), endpoint=abs(stop - start) < 360))
    return np.stack([x + rx * np.cos(turns), y + ry * np.sin(turns)], -1)


def stroke(tone: str, points: Sequence[Point] | NDArray[np.float64], width: float) -> Part:
    """A line through the points as a polygon of that width."""
    path = np.asarray(points, float)
    along = np.gradient(path, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], -1) / np.hypot(along[:, 0], along[:, 1])[:, None] * width / 2
    return Part(tone, np.concatenate([path + across, (path - across)[::-1]]), lined=False)


def tones(colour: str, light: str) -> dict[str, tuple[int, int, int]]:
    """All tones of an object of one of `COLOURS` in a light: of the main colour ``main``, ``dark``, ``light``,
    ``accent`` (what stands out from it) and ``line``, and those of `FIXED`."""
    main = np.array(COLOURS[colour], float)
    if colour == "black":
        own = {"dark": main + 50, "light": main + 85, "accent": np.array((236.0, 236.0, 236.0)), "line": main + 85}
    else:
        accent = np.array((246.0, 246.0, 246.0)) if colour not in ("white", "yellow") else main * (0.62, 0.66, 0.78)
        own = {"dark": main * 0.68, "light": main + (255 - main) * 0.5, "accent": accent, "line": main * 0.3}
    every: dict[str, ArrayLike] = {"main": main, **own, **FIXED}
    made = {name: _colour(lit(value, light)) for name, value in every.items()}
    return made | ({"glass": LAMPLIGHT, "lamp": LAMPLIGHT, "flame": FIXED["flame"]} if light == "night" else {})


def _colour(values: NDArray[np.uint8]) -> tuple[int, int, int]:
    red, green, blue = values.tolist()
    return red, green, blue

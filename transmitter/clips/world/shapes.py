"""Geometric shapes of one colour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from transmitter.clips.world.parts import Part, oval, part


def circle() -> list[Part]:
    return [oval("main", 0, 0, 1, lined=False)]


def square() -> list[Part]:
    return [part("main", (-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85), lined=False)]


def triangle() -> list[Part]:
    return [part("main", (0, -1), (0.95, 0.8), (-0.95, 0.8), lined=False)]


def star() -> list[Part]:
    turns = np.arange(10) * np.pi / 5 - np.pi / 2
    radii = np.where(np.arange(10) % 2, 0.42, 1.05)
    return [Part("main", _polar(turns, radii), lined=False)]


def cross() -> list[Part]:
    a, b = 0.95, 0.33
    corners = [
        (-b, -a),
        (b, -a),
        (b, -b),
        (a, -b),
        (a, b),
        (b, b),
        (b, a),
        (-b, a),
        (-b, b),
        (-a, b),
        (-a, -b),
        (-b, -b),
    ]
    return [part("main", *corners, lined=False)]


def heart() -> list[Part]:
    turns = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    x = 16 * np.sin(turns) ** 3
    y = -(13 * np.cos(turns) - 5 * np.cos(2 * turns) - 2 * np.cos(3 * turns) - np.cos(4 * turns))
    return [Part("main", np.stack([x, y], -1) / 17.0, lined=False)]


def _polar(turns: NDArray[np.float64], radii: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.cos(turns), np.sin(turns)], -1) * radii[:, None]

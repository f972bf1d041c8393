"""Regular patterns of two tones: how large a cell of each is, where the cells lie, and what is in one.

A cell of any of them is its own mirror image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Lattice(NamedTuple):
    """Cells are squares of ``period`` pixels, turned by ``turn`` radians clockwise; the canvas' first pixel is
    ``across`` and ``down`` cells from a cell's corner."""

    period: float
    across: float
    down: float
    turn: float = 0.0

    def cells(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where pixels are, in cells."""
        right, below = np.asarray(x, float) / self.period, np.asarray(y, float) / self.period
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        return right * cos + below * sin + self.across, below * cos - right * sin + self.down

    def middle(self, x: float, y: float) -> tuple[float, float]:
        """The middle of the cell that a place of the canvas is in; a pixel's own middle is at its index + ½."""
        u, v = (np.floor(part) + 0.5 for part in self.cells(x - 0.5, y - 0.5))
        right, below = (u - self.across) * self.period, (v - self.down) * self.period
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        return float(right * cos - below * sin) + 0.5, float(below * cos + right * sin) + 0.5


def stripes(rng: np.random.Generator) -> Lattice:
    period, turn = rng.uniform(36, 90), rng.choice([0, 45, 90, 135]) * np.pi / 180
    return Lattice(period, rng.random(), 0.0, turn)


def checks(rng: np.random.Generator) -> Lattice:
    period, down, across = rng.uniform(56, 120), rng.random(), rng.random()
    return Lattice(period, across, down)


def dots(rng: np.random.Generator) -> Lattice:
    """Two rows of two dots to a cell."""
    size, (down, across) = rng.uniform(34, 64), rng.random(2)
    return Lattice(2 * size, across / 2, down / 2)


def zigzag(rng: np.random.Generator) -> Lattice:
    period = rng.uniform(44, 80)
    return Lattice(period, 0.0, rng.random())


LATTICES: Final[dict[str, Callable[[np.random.Generator], Lattice]]] = {
    made.__name__: made for made in (stripes, checks, dots, zigzag)
}

DOT: Final = (0.22, 0.34)
"""Least and largest radius of a dot, in halves of a cell."""


def second(pattern: str, u: ArrayLike, v: ArrayLike) -> NDArray[np.bool_]:
    """Whether the second of two colours is at places in cells, ``u`` across and ``v`` down; dots are of mean size."""
    u, v = np.asarray(u, float), np.asarray(v, float)
    if pattern == "stripes":
        return _band(u + 0.0 * v)
    if pattern == "checks":
        return _band(u) ^ _band(v)
    if pattern == "zigzag":
        return _band(v + np.abs(u % 1 - 0.5))
    if pattern != "dots":
        raise KeyError(pattern)
    shifted = 2 * u + 0.5 * (np.floor(2 * v) % 2)
    return np.asarray(np.hypot(2 * v % 1 - 0.5, shifted % 1 - 0.5) < sum(DOT) / 2)


def _band(phase: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(np.abs(phase % 1 - 0.5) < 0.25)

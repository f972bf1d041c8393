"""Colours by name, what light does to them, and how far apart two of them look."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "red": (214, 38, 38),
    "green": (44, 160, 60),
    "blue": (40, 80, 210),
    "yellow": (240, 214, 40),
    "orange": (244, 136, 28),
    "purple": (130, 48, 170),
    "pink": (244, 130, 180),
    "cyan": (50, 200, 214),
    "white": (244, 244, 244),
    "black": (20, 20, 24),
}
LIGHTS: dict[str, tuple[float, float, float]] = {
    "day": (1.0, 1.0, 1.0),
    "sunset": (1.0, 0.72, 0.5),
    "night": (0.34, 0.4, 0.62),
}
LEAST_CONTRAST = 34.0
"""CIE ΔE*ab (1976) between an object and what is behind it, by day. Of `COLOURS`, only blue and purple are nearer."""

_FROM_RGB = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = _FROM_RGB.sum(1)


def lit(colours: ArrayLike, light: str) -> NDArray[np.uint8]:
    """Colours (..., 3), 0 … 255, as they look in a light of `LIGHTS`: uint8 (..., 3)."""
    return np.asarray(np.clip(np.asarray(colours, float) * LIGHTS[light], 0, 255), np.uint8)


def contrast(one: ArrayLike, two: ArrayLike) -> NDArray[np.float64]:
    """CIE 1976 colour difference ΔE*ab of sRGB colours (..., 3), 0 … 255; the arguments broadcast."""
    return np.asarray(np.sqrt(((_lab(one) - _lab(two)) ** 2).sum(-1)))


def _lab(colours: ArrayLike) -> NDArray[np.float64]:
    part = np.asarray(colours, float) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    ratio = linear @ _FROM_RGB.T / _WHITE
    x, y, z = np.moveaxis(np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)

"""Procedural textures: functions of (height, width, generator) to uint8 (height, width), to be coloured by a ramp."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from transmitter.clips.world import patterns

Tone = NDArray[np.uint8]
Field = NDArray[np.float32]


def noise(height: int, width: int, rng: np.random.Generator, across: float, down: float) -> Tone:
    """Smooth noise whose grains are about ``across`` by ``down`` pixels large."""
    cells = (max(2, round(height / down) + 1), max(2, round(width / across) + 1))
    grains = Image.fromarray(rng.integers(0, 256, cells, dtype=np.uint8))
    return np.asarray(grains.resize((width, height), Image.Resampling.BICUBIC))


def fractal(height: int, width: int, rng: np.random.Generator, size: float, octaves: int = 4) -> Field:
    """Noise at several scales from ``size`` pixels down, each half as strong as the last; mean about 0.5."""
    total = np.zeros((height, width), np.float32)
    weight = 0.5
    for _ in range(octaves):
        total += np.float32(weight / 255) * noise(height, width, rng, size, size)
        size, weight = size / 2, weight / 2
    return total + np.float32(weight)


def plain(height: int, width: int, rng: np.random.Generator) -> Tone:
    slope = rng.uniform(-30, 30, 2)
    return _tone(_plane(height, width, slope[0] / width, slope[1] / height, 128, centred=True) / np.float32(255))


def gradient(height: int, width: int, rng: np.random.Generator) -> Tone:
    """Dark at the left, the top or both."""
    right, down = ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5))[int(rng.integers(3))]
    return _tone(_plane(height, width, right / width, down / height))


def stripes(height: int, width: int, rng: np.random.Generator) -> Tone:
    period, across, _, turn = patterns.stripes(rng)
    return _tone(_band(_plane(height, width, np.cos(turn) / period, np.sin(turn) / period, across), period))


def checks(height: int, width: int, rng: np.random.Generator) -> Tone:
    period, across, down, _ = patterns.checks(rng)
    rows, columns = (
        _band(np.arange(n, dtype=np.float32) / np.float32(period) + np.float32(start), period)
        for n, start in ((height, down), (width, across))
    )
    return _tone(rows[:, None] + columns - 2 * rows[:, None] * columns)


def dots(height: int, width: int, rng: np.random.Generator) -> Tone:
    period, across, down, _ = patterns.dots(rng)
    size = period / 2
    rows = np.arange(height, dtype=np.float32) / np.float32(size) + np.float32(2 * down)
    columns = np.arange(width, dtype=np.float32) / np.float32(size) + np.float32(2 * across)
    shifted = columns + np.float32(0.5) * (np.floor(rows) % 2)[:, None]
    away = np.sqrt((rows % 1 - np.float32(0.5))[:, None] ** 2 + (shifted % 1 - np.float32(0.5)) ** 2)
    return _tone((np.float32(rng.uniform(*patterns.DOT)) - away) * np.float32(size) + np.float32(0.5))


def zigzag(height: int, width: int, rng: np.random.Generator) -> Tone:
    period, _, down, _ = patterns.zigzag(rng)
    swing = np.abs(np.arange(width, dtype=np.float32) / np.float32(period) % 1 - np.float32(0.5))
    rows = np.arange(height, dtype=np.float32) / np.float32(period) + np.float32(down)
    return _tone(_band(rows[:, None] + swing, period * 0.8))


def clouds(height: int, width: int, rng: np.random.Generator) -> Tone:
    return _tone(
        (fractal(height, width, rng, rng.uniform(60, 130)) - np.float32(0.5)) * np.float32(2.6) + np.float32(0.5)
    )


def wood(height: int, width: int, rng: np.random.Generator) -> Tone:
    """Planks with grain along them."""
    plank = rng.uniform(52, 96)
    bend = noise(height, width, rng, 60, 220) * np.float32(1.6 / 255)
    rings = np.abs((_plane(height, width, 1 / 17, 1 / 260) + 2 * bend) % 1 - np.float32(0.5))
    tone = np.float32(0.42) + rings * np.float32(0.5) + noise(height, width, rng, 2, 70) * np.float32(0.3 / 255)
    place = (np.arange(width, dtype=np.float32) + np.float32(rng.uniform(0, plank))) / np.float32(plank)
    shade = rng.uniform(-0.12, 0.12, int(place[-1]) + 1).astype(np.float32)[place.astype(int)]
    joint = np.clip(np.minimum(place % 1, 1 - place % 1) * np.float32(plank / 2.5), 0, 1)
    return _tone((tone + shade) * (np.float32(0.25) + np.float32(0.75) * joint))


def marble(height: int, width: int, rng: np.random.Generator) -> Tone:
    """Bright, with dark veins."""
    warp = fractal(height, width, rng, 110)
    vein = np.abs((_plane(height, width, 1 / 210, 1 / 150, rng.random()) + 2 * warp) % 1 - np.float32(0.5))
    return _tone(np.float32(0.25) + np.float32(1.5) * np.sqrt(vein) - np.float32(0.35) * warp)


def bricks(height: int, width: int, rng: np.random.Generator) -> Tone:
    """Mortar is 0, bricks are from a half up."""
    course = rng.uniform(22, 40)
    rows = np.arange(height, dtype=np.float32) / np.float32(course) + np.float32(rng.random())
    columns = np.arange(width, dtype=np.float32) / np.float32(2.3 * course)
    shifted = columns + np.float32(0.5) * (np.floor(rows) % 2)[:, None]
    table = rng.uniform(0.6, 0.95, (int(rows[-1]) + 1, int(shifted.max()) + 1)).astype(np.float32)
    brick = table[rows.astype(int)[:, None], shifted.astype(int)]
    upright = np.minimum(shifted % 1, 1 - shifted % 1) * np.float32(2.3 * course)
    level = (np.minimum(rows % 1, 1 - rows % 1) * np.float32(course))[:, None]
    grain = noise(height, width, rng, 3, 3) * np.float32(0.12 / 255)
    return _tone(np.clip(np.minimum(upright, level) - 1, 0, 1) * (brick + grain))


def grass(height: int, width: int, rng: np.random.Generator) -> Tone:
    blades = noise(height, width, rng, 2.2, 12) * np.float32(0.62 / 255)
    return _tone(blades + np.float32(0.5) * fractal(height, width, rng, 70, 2) - np.float32(0.06))


def sand(height: int, width: int, rng: np.random.Generator) -> Tone:
    bend = noise(height, width, rng, 90, 60) * np.float32(2.2 / 255)
    ripple = np.abs((_plane(height, width, 1 / 150, 1 / 24) + bend) % 1 - np.float32(0.5))
    return _tone(np.float32(0.3) + np.float32(0.65) * ripple + _grain(height, width, rng, 0.28))


def water(height: int, width: int, rng: np.random.Generator) -> Tone:
    """Ripples with bright lines."""
    one, two = (noise(height, width, rng, 42, 15).astype(np.float32) for _ in range(2))
    line = np.abs(one - two) * np.float32(1 / 130)
    return _tone(np.float32(0.16) + np.float32(0.62) / (1 + 9 * line) + one * np.float32(0.2 / 255))


def snow(height: int, width: int, rng: np.random.Generator) -> Tone:
    return _tone(
        np.float32(0.25) + np.float32(0.6) * fractal(height, width, rng, 90, 3) + _grain(height, width, rng, 0.1)
    )


def asphalt(height: int, width: int, rng: np.random.Generator) -> Tone:
    return _tone(
        np.float32(0.2) + noise(height, width, rng, 80, 40) * np.float32(0.3 / 255) + _grain(height, width, rng, 0.4)
    )


TEXTURES: dict[str, Callable[[int, int, np.random.Generator], Tone]] = {
    made.__name__: made
    for made in (plain, gradient, stripes, checks, dots, zigzag, clouds, wood, marble, bricks, grass, sand, water, snow,
                 asphalt)
}  # fmt: skip


def _tone(values: Field) -> Tone:
    """0 … 1 to 0 … 255; what is beyond is cut off."""
    return np.asarray(np.clip(values * np.float32(255), 0, 255).astype(np.uint8))


def _plane(height: int, width: int, right: float, down: float, start: float = 0.0, *, centred: bool = False) -> Field:
    rows, columns = np.arange(height, dtype=np.float32), np.arange(width, dtype=np.float32)
    if centred:
        rows, columns = rows - height / 2, columns - width / 2
    return np.asarray(
        (rows * np.float32(down))[:, None] + (columns * np.float32(right) + np.float32(start)), np.float32
    )


def _band(phase: Field, period: float) -> Field:
    """1 in the first half of each turn, 0 in the second, over a pixel's width between them."""
    return np.clip(
        (np.float32(0.25) - np.abs(phase % 1 - np.float32(0.5))) * np.float32(period) + np.float32(0.5), 0, 1
    )


def _grain(height: int, width: int, rng: np.random.Generator, strength: float) -> Field:
    return rng.integers(0, 256, (height, width), dtype=np.uint8) * np.float32(strength / 255)

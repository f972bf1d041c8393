"""The tones of the rendered world's objects and patterns as `mini` learns them: where each has which, and in which
colours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from receiver.generators.mini.layout import REACH
from transmitter.clips.world.kinds import KINDS
from transmitter.clips.world.motion import Pose
from transmitter.clips.world.palette import COLOURS, lit
from transmitter.clips.world.parts import TONES, tones
from transmitter.clips.world.patterns import LATTICES, second
from transmitter.clips.world.raster import drawn_tones

COUNT: Final = len(TONES)
FORMS: Final = (*KINDS, *LATTICES)
"""What has tones: kinds of objects, and patterns."""
_RADIUS: Final = 120
"""In pixels, of the forms that are looked up."""


def number(form: str) -> int:
    """Of a form, from 1."""
    return FORMS.index(form) + 1


@cache
def _forms() -> NDArray[np.uint8]:
    """Every kind as it stands upright, facing right, in the middle, and every pattern, a cell of it in the middle:
    (forms + 1, side, side); the first is nothing."""
    half = round(REACH * _RADIUS)
    made = np.zeros((len(FORMS) + 1, 2 * half, 2 * half), np.uint8)
    for picture, form in zip(made[1:], FORMS, strict=True):
        if form in LATTICES:
            cells = (np.arange(2 * half) + 0.5 - half) / (2 * _RADIUS) + 0.5
            picture[:] = 1 + second(form, cells, cells[:, None])
            continue
        left, top, shown = drawn_tones(form, Pose(half, half, _RADIUS, 0.0, False))
        height, width = shown.shape
        picture[top : top + height, left : left + width] = shown
    return made


def at(forms: NDArray[np.uint8], places: NDArray[np.float32]) -> NDArray[np.int64]:
    """Which tone forms (B, K) by `number` have at places (B, K, N, 2) as `Layout.tones` takes them: (B, K, N), or 0."""
    side = _forms().shape[1]
    columns, rows = np.moveaxis(((places + REACH) * _RADIUS).astype(int).clip(0, side - 1), -1, 0)
    return _forms()[forms[:, :, None], rows, columns].astype(np.int64)


def of_pattern(names: Sequence[str], light: str) -> NDArray[np.uint8]:
    """The colours (COUNT, 3) of the two tones of a pattern, the others black."""
    made = np.zeros((COUNT, 3), np.uint8)
    made[:2] = lit([COLOURS[name] for name in names], light)
    return made


def palette(colour: str, light: str) -> NDArray[np.uint8]:
    """The colours (COUNT, 3) of all tones of an object of one of the world's colours, in a light."""
    made = tones(colour, light)
    return np.array([made[tone] for tone in TONES], np.uint8)


@cache
def shown(form: int) -> NDArray[np.bool_]:
    """Which tones (COUNT,) a form has."""
    return np.isin(np.arange(1, COUNT + 1), _forms()[form])

"""The tones of the rendered world's objects as `mini` learns them: where each kind has which, and in which colours."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from receiver.generators.mini.layout import REACH
from transmitter.clips.world.kinds import KINDS
from transmitter.clips.world.motion import Pose
from transmitter.clips.world.parts import TONES, tones
from transmitter.clips.world.raster import drawn_tones

COUNT: Final = len(TONES)
_FORMS: Final = tuple(KINDS)
_RADIUS: Final = 120
"""In pixels, of the kinds that are looked up."""


def number(form: str) -> int:
    """Of a kind, from 1."""
    return _FORMS.index(form) + 1


@cache
def _kinds() -> NDArray[np.uint8]:
    """Every kind as it stands upright, facing right, in the middle: (kinds + 1, side, side); the first is nothing."""
    half = round(REACH * _RADIUS)
    made = np.zeros((len(_FORMS) + 1, 2 * half, 2 * half), np.uint8)
    for picture, form in zip(made[1:], _FORMS, strict=True):
        left, top, shown = drawn_tones(form, Pose(half, half, _RADIUS, 0.0, False))
        height, width = shown.shape
        picture[top : top + height, left : left + width] = shown
    return made


def at(forms: NDArray[np.uint8], places: NDArray[np.float32]) -> NDArray[np.int64]:
    """Which tone kinds (B, K) by `number` have at places (B, K, N, 2) as `Layout.tones` takes them: (B, K, N), or 0."""
    side = _kinds().shape[1]
    columns, rows = np.moveaxis(((places + REACH) * _RADIUS).astype(int).clip(0, side - 1), -1, 0)
    return _kinds()[forms[:, :, None], rows, columns].astype(np.int64)


def palette(colour: str, light: str) -> NDArray[np.uint8]:
    """The colours (COUNT, 3) of all tones of what has one of the world's colours, in a light."""
    made = tones(colour, light)
    return np.array([made[tone] for tone in TONES], np.uint8)


@cache
def shown(form: int) -> NDArray[np.bool_]:
    """Which tones (COUNT,) a kind has."""
    return np.isin(np.arange(1, COUNT + 1), _kinds()[form])

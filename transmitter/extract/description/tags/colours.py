"""Which colours a clip has: names over CIELAB, counted in the middle of the picture and around it.

The names are Berlin and Kay's basic terms, and beige and cyan. Where there is little chroma, lightness tells them
apart; otherwise the hue angle, where brown is dark orange, beige a pale one, pink a light red.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

NAMES: Final = (
    *("black", "grey", "white", "red", "orange", "brown", "beige"),
    *("yellow", "green", "cyan", "blue", "purple", "pink"),
)

LEAST_SHARE: Final = 0.22
"""A colour is named if it fills this share of its part of the picture; the most frequent always is."""

DARK: Final = 25.0
"""Mean lightness L* (0 … 100) below which a clip is dark."""

_BLACK, _GREY, _WHITE, _RED, _ORANGE, _BROWN, _BEIGE, _YELLOW, _GREEN, _CYAN, _BLUE, _PURPLE, _PINK = range(13)

# Where each hue ends, in degrees of the CIELAB hue angle; what is beyond the last is the first again.
_HUES: Final = (
    (15, _PINK),
    (46, _RED),
    (78, _ORANGE),
    (107, _YELLOW),
    (170, _GREEN),
    (235, _CYAN),
    (307, _BLUE),
    (328, _PURPLE),
    (360, _PINK),
)

# sRGB (IEC 61966-2-1) to CIE XYZ, its rows divided by the white point D65.
_TO_XYZ: Final = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
) / np.array([[0.95047], [1.0], [1.08883]])


@dataclass(frozen=True)
class Colours:
    """The names of the colours in the middle of the picture and around it, most frequent first; is it dark?"""

    middle: tuple[str, ...]
    around: tuple[str, ...]
    dark: bool


def lab(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """sRGB, uint8 (…, 3), as CIELAB for D65: L* in [0, 100], a*, b*."""
    value = pixels / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def names_of(pixels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """The colour of each pixel, sRGB uint8 (…, 3), as an index into NAMES."""
    lightness, a, b = np.moveaxis(lab(pixels), -1, 0)
    chroma = np.hypot(a, b)
    hue = np.degrees(np.arctan2(b, a)) % 360
    ends, hues = np.array([end for end, _ in _HUES]), np.array([name for _, name in _HUES])
    named = hues[np.minimum(np.searchsorted(ends, hue, side="right"), len(ends) - 1)]
    pale, light = chroma < 40, lightness > 65
    named = np.where((named == _PINK) & (lightness < 45), np.where(hue > 300, _PURPLE, _RED), named)
    named = np.where((named == _RED) & (chroma < 30), _BROWN, np.where((named == _RED) & light, _PINK, named))
    named = np.where((named == _YELLOW) & (lightness < 55) & (hue > 90), _GREEN, named)
    earthy = (named == _ORANGE) | (named == _BROWN) | ((named == _YELLOW) & (pale | (lightness < 55)))
    named = np.where(earthy & light & pale, _BEIGE, named)
    named = np.where(earthy & ~light & (pale | (lightness < 58)), _BROWN, named)
    grey = np.where(lightness < 22, _BLACK, np.where(lightness > 88, _WHITE, _GREY))
    # Near black there is little chroma to see, and near white pale tints still count as white.
    return np.where((chroma < 11) | (lightness < 10) | ((lightness > 90) & (chroma < 16)), grey, named)


def find(video: NDArray[np.uint8]) -> Colours:
    """The colours of a clip, uint8 (F, H, W, 3)."""
    _, height, width, _ = video.shape
    small = video[:, height % 4 // 2 :: 4, width % 4 // 2 :: 4]
    named = names_of(small)
    _, rows, columns = named.shape
    y, x = np.linspace(-1, 1, rows)[:, None], np.linspace(-1, 1, columns)
    middle = np.hypot(y, x) < 0.55
    around = np.maximum(np.abs(y), np.abs(x)) > 0.75
    dark = float(lab(small)[..., 0].mean()) < DARK
    return Colours(_most(named[:, middle]), _most(named[:, around]), dark)


def _most(named: NDArray[np.intp]) -> tuple[str, ...]:
    counts = np.bincount(named.ravel(), minlength=len(NAMES))
    order = np.argsort(-counts, kind="stable")
    return tuple(NAMES[i] for i in order[:2] if i == order[0] or counts[i] >= LEAST_SHARE * named.size)

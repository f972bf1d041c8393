"""Objects to pixels, with smooth edges: drawn at a multiple of the size within their box only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from transmitter.clips.world.camera import seen, views
from transmitter.clips.world.kinds import parts_of
from transmitter.clips.world.motion import FRAMES, Pose, pose
from transmitter.clips.world.parts import TONES, tones
from transmitter.clips.world.scene import Scene, Shape

LINE = 0.035
"""Width of the lines around parts, in radii."""


@dataclass(frozen=True)
class Patch:
    """An object's pixels: corner on the screen (may lie outside), colour times alpha uint8 (h, w, 3), alpha (h, w)."""

    left: int
    top: int
    colour: NDArray[np.uint8]
    alpha: NDArray[np.uint8]

    def moved(self, right: int, down: int) -> Patch:
        return Patch(self.left + right, self.top + down, self.colour, self.alpha)

    def window(self, height: int, width: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """The rows and columns of a screen that it covers, and which of its own those are."""
        h, w = self.alpha.shape
        top, bottom = (min(max(v, 0), height) for v in (self.top, self.top + h))
        left, right = (min(max(v, 0), width) for v in (self.left, self.left + w))
        own = (slice(top - self.top, bottom - self.top), slice(left - self.left, right - self.left))
        return (slice(top, bottom), slice(left, right)), own


def paste(frame: NDArray[np.uint8], patch: Patch) -> None:
    """Puts it over the frame (H, W, 3)."""
    there, own = patch.window(*frame.shape[:2])
    through = 255 - patch.alpha[own].astype(np.uint16)
    behind = frame[there] * through[..., None] + 127
    behind //= 255
    frame[there] = patch.colour[own] + behind.astype(np.uint8)


def patches(scene: Scene) -> list[list[Patch]]:
    """Every object of the scene, from back to front, in each of the 8 frames."""
    seen_from = views(scene)
    return [
        _over_time([seen(pose(shape, f), seen_from[0], seen_from[f]) for f in range(FRAMES)], shape, scene.light)
        for shape in scene.shapes
    ]


def _over_time(poses: list[Pose], shape: Shape, light: str) -> list[Patch]:
    """Draws again only where more changed than the place by whole pixels."""
    palette = tones(shape.colour, light)
    drawn: dict[tuple[float, ...], tuple[Pose, Patch]] = {}
    made = []
    for now in poses:
        key = tuple(round(v, 6) for v in (now.x % 1, now.y % 1, now.radius, now.angle))
        if key not in drawn:
            drawn[key] = now, _draw(shape.form, now, palette)
        then, patch = drawn[key]
        made.append(patch.moved(round(now.x - then.x), round(now.y - then.y)))
    return made


def _draw(form: str, now: Pose, palette: Mapping[str, tuple[int, int, int]]) -> Patch:
    factor = _factor(now.radius)
    left, top, width, height, polygons = _placed(form, now, factor)
    # four plain bands: of RGBA, Pillow would divide the colour by alpha again
    picture = Image.new("CMYK", (width * factor, height * factor))
    pen = ImageDraw.Draw(picture)
    line = (*palette["line"], 255)
    stroke = max(1, round(LINE * now.radius * factor))
    for piece, corners in zip(parts_of(form), polygons, strict=True):
        pen.polygon(corners, fill=(*palette[piece.tone], 255))
        if piece.lined:
            pen.line([*corners, *corners[:4]], fill=line, width=stroke)
    # nothing is where nothing was drawn, so the mean over a pixel is its colour times its alpha
    pixels = np.asarray(picture.reduce(factor))
    return Patch(left, top, pixels[..., :3], pixels[..., 3])


def drawn_parts(form: str, now: Pose) -> tuple[int, int, NDArray[np.uint8]]:
    """The box of `_draw` (left, top) and which part each of its pixels shows: uint8 (h, w), from 1, 0 where none."""
    numbers = range(1, len(parts_of(form)) + 1)
    return _numbered(form, now, numbers, numbers)


def drawn_tones(form: str, now: Pose) -> tuple[int, int, NDArray[np.uint8]]:
    """As `drawn_parts`, but which of `TONES` each pixel shows, the lines around parts among them."""
    fills = [TONES.index(piece.tone) + 1 for piece in parts_of(form)]
    return _numbered(form, now, fills, [TONES.index("line") + 1] * len(fills))


def _numbered(form: str, now: Pose, fills: Sequence[int], lines: Sequence[int]) -> tuple[int, int, NDArray[np.uint8]]:
    """The box of `_draw`, its parts and the lines around them drawn with these numbers."""
    factor = 3
    left, top, width, height, polygons = _placed(form, now, factor)
    picture = Image.new("L", (width * factor, height * factor))
    pen = ImageDraw.Draw(picture)
    stroke = max(1, round(LINE * now.radius * factor))
    for piece, corners, fill, line in zip(parts_of(form), polygons, fills, lines, strict=True):
        pen.polygon(corners, fill=fill)
        if piece.lined:
            pen.line([*corners, *corners[:4]], fill=line, width=stroke)
    fine = np.asarray(picture)
    middle = fine[1::factor, 1::factor]
    any_part = fine.reshape(height, factor, width, factor).max((1, 3))
    return left, top, np.where(middle == 0, any_part, middle)


def _placed(form: str, now: Pose, factor: int) -> tuple[int, int, int, int, list[list[int]]]:
    """An object's box (left, top, width, height) and its polygons there, ``factor`` times as large."""
    pieces = parts_of(form)
    cos, sin = now.radius * math.cos(now.angle), now.radius * math.sin(now.angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    if now.mirrored:
        turn[0] = -turn[0]
    corners = np.concatenate([piece.corners for piece in pieces]) @ turn + (now.x, now.y)
    margin = 1 + LINE * now.radius
    left, top = (math.floor(v - margin) for v in corners.min(0))
    right, bottom = (math.ceil(v + margin) for v in corners.max(0))
    whole = np.rint((corners - (left, top)) * factor - 0.5).astype(int)
    ends = np.cumsum([len(piece.corners) for piece in pieces])[:-1]
    return left, top, right - left, bottom - top, [cut.ravel().tolist() for cut in np.split(whole, ends)]


def _factor(radius: float) -> int:
    return 4 if radius < 40 else 3 if radius < 90 else 2

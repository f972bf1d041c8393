"""A picture of rendered clips: each with its caption, three frames and the ground truth of the last of them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from transmitter.clips.world import WorldClip, contours

SIDE = 160
GAP = 4
CAPTION = 34
"""Pixels above a row for its caption: two lines."""

COLUMNS = ("frame 0", "frame 3", "frame 7", "masks", "contours, with parts", "flow to frame 0")
MASKS = np.array([(30, 34, 44), (244, 160, 70), (90, 190, 240)], np.uint8)
STILL = 24.0
"""Pixels of flow that have half the full colour."""


def varied(clips: Sequence[WorldClip], count: int) -> list[WorldClip]:
    """Of the clips those that add most to what has been seen, one after the other."""
    left, chosen, known = list(clips), list[WorldClip](), set[str]()
    while left and len(chosen) < count:
        best = max(left, key=lambda clip: len(_shown(clip) - known))
        left.remove(best)
        chosen.append(best)
        known |= _shown(best)
    return chosen


def _shown(clip: WorldClip) -> set[str]:
    scene = clip.scene
    what = {f"camera {scene.camera}", f"light {scene.light}", scene.background, *scene.detail}
    return what | {name for s in scene.shapes for name in (s.form, f"motion {s.motion}", f"{clip.facts['in_front']}")}


def draw_sheet(clips: Sequence[WorldClip]) -> Image.Image:
    """One row a clip, RGB."""
    width = len(COLUMNS) * (SIDE + GAP) + GAP
    row_height = CAPTION + SIDE + GAP
    sheet = Image.new("RGB", (width, 22 + len(clips) * row_height), (250, 250, 250))
    pen, small, plain = ImageDraw.Draw(sheet), ImageFont.load_default(12), ImageFont.load_default(14)
    for column, name in enumerate(COLUMNS):
        pen.text((GAP + column * (SIDE + GAP), 4), name, (110, 110, 110), small)
    for row, clip in enumerate(clips):
        top = 22 + row * row_height
        lines = textwrap.wrap(clip.caption, 132)[:2]
        for number, line in enumerate(lines):
            pen.text((GAP, top + CAPTION - 18 - (len(lines) - 1 - number) * 15), line, (20, 20, 20), plain)
        for column, picture in enumerate(_pictures(clip)):
            made = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX)
            sheet.paste(made, (GAP + column * (SIDE + GAP), top + CAPTION))
    return sheet


def flow_colours(flow: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Flow (H, W, 2) as RGB uint8: the hue is its direction, white is none."""
    length = np.hypot(flow[..., 0], flow[..., 1])
    hue = (np.arctan2(flow[..., 1], flow[..., 0]) / (2 * np.pi) % 1 * 255).astype(np.uint8)
    strength = (255 * length / (length + STILL)).astype(np.uint8)
    return np.asarray(Image.fromarray(np.stack([hue, strength, np.full_like(hue, 245)], -1), "HSV").convert("RGB"))


def _pictures(clip: WorldClip) -> list[NDArray[np.uint8]]:
    lines = np.where(contours(clip.parts[7]), 255, 0).astype(np.uint8)
    # a line of a pixel would be lost in the smaller picture
    lines = np.maximum(lines, np.maximum(np.roll(lines, 1, 0), np.roll(lines, 1, 1)))
    return [
        *clip.video[[0, 3, 7]],
        MASKS[clip.masks[7]],
        np.repeat(lines[..., None], 3, -1),
        flow_colours(clip.dense_flow[7]),
    ]

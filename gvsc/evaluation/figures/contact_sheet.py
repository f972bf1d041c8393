"""A contact sheet: the source and what was rebuilt from the air, frame under frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from common.errors import SettingError
from gvsc.evaluation.figures.base import FIGURES
from gvsc.evaluation.figures.fonts import fit_lines, font
from gvsc.evaluation.metrics import METRICS

FRAME = 128
GAP = 4
MARGIN = 28
LABELS = 172
"""Width of the column of labels, pixels; the other three likewise."""

PAPER = (255, 255, 255)
INK = (24, 28, 34)
QUIET = (104, 112, 122)
RULE = (222, 226, 231)
GOOD = (22, 128, 82)
BAD = (196, 40, 40)
BAD_PAPER = (253, 238, 237)

LINE = 19
VALUES = 56
"""Pixels from labels of metrics to their values, more where a label is longer."""


LOST = "description lost: its checksum failed, so the picture was made without it"


@dataclass(frozen=True)
class SheetRow:
    """One row of frames.

    ``label`` in bold ("source", "10 dB"), ``note`` below it (a scheme), ``metrics`` name -> value below that, None for
    one that could not be computed.
    ``text`` is the description sent or received. ``text_ok`` False says that it was lost, with what ``text`` says of
    that, if anything; None that none was due.
    """

    label: str
    video: NDArray[np.uint8]
    note: str = ""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    text: str = ""
    text_ok: bool | None = None


@FIGURES.register("contact_sheet", "clips row under row, with what was measured", of="clips")
def contact_sheet(
    rows: Sequence[SheetRow], *, title: str = "", footer: str = "", fps: float | None = None
) -> Image.Image:
    """Row under row: labels at the left, the frames at 128 pixels, the description below.

    Every video is uint8 (F, H, W, 3); all have the same F. ``fps`` puts the time of each frame above it. ``footer``
    names what made the pictures. Raises SettingError where there is no row or the videos do not match.
    """
    videos = [row.video for row in rows]
    counts = {video.shape[0] for video in videos if video.ndim == 4 and video.shape[3] == 3 and video.size}
    if len(counts) != 1 or not all(video.ndim == 4 and video.dtype == np.uint8 for video in videos):
        raise SettingError("a contact sheet needs rows of uint8 clips (F, H, W, 3) with the same number of frames")
    frames = counts.pop()
    strip = frames * FRAME + (frames - 1) * GAP
    width = max(MARGIN + LABELS + strip + MARGIN, 640)
    left = MARGIN + LABELS
    captions = [_caption(row, width - left - MARGIN) for row in rows]
    header = MARGIN + (40 if title else 0) + (22 if fps else 0)
    heights = [FRAME + 12 + LINE * len(lines) + 16 for _, lines in captions]
    height = header + sum(heights) + (LINE + 8 if footer else 0) + MARGIN - 12
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    if title:
        draw.text((MARGIN, MARGIN - 6), fit_lines(title, 22, width - 2 * MARGIN, 1)[0], INK, font(22, bold=True))
    if fps:
        for k in range(frames):
            x = left + k * (FRAME + GAP) + FRAME // 2
            draw.text((x, header - 8), f"{k / fps:.2f} s", QUIET, font(12), anchor="ms")
    top = header
    for row, (colour, lines), tall in zip(rows, captions, heights, strict=True):
        _row(sheet, draw, row, colour, lines, top, left)
        top += tall
        if row is not rows[-1]:
            draw.line((MARGIN, top - 10, width - MARGIN, top - 10), RULE)
    if footer:
        draw.text((left, top), fit_lines(footer, 12, width - left - MARGIN, 1)[0], QUIET, font(12))
    return sheet


def _caption(row: SheetRow, width: int) -> tuple[tuple[int, int, int], list[str]]:
    """Colour and lines of what stands below a row."""
    if row.text_ok is False:
        return BAD, fit_lines(f"✗ {row.text or LOST}", 14, width, 2)
    if not row.text:
        return QUIET, []
    mark = "✓ " if row.text_ok else ""
    return (GOOD if row.text_ok else INK), fit_lines(f"{mark}“{row.text}”", 14, width, 2)


def _row(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    row: SheetRow,
    colour: tuple[int, int, int],
    lines: list[str],
    top: int,
    left: int,
) -> None:
    y = top + 2
    if row.text_ok is False:
        right = sheet.width - MARGIN
        draw.rectangle((left - 6, top + FRAME + 8, right, top + FRAME + 12 + LINE * len(lines)), BAD_PAPER)
    if row.text_ok is not None:
        draw.rectangle((MARGIN - 12, top, MARGIN - 8, top + FRAME - 1), GOOD if row.text_ok else BAD)
    draw.text((MARGIN, y), fit_lines(row.label, 20, LABELS - 16, 1)[0] if row.label else "", INK, font(20, bold=True))
    y += 30
    for line in fit_lines(row.note, 13, LABELS - 16, 2):
        draw.text((MARGIN, y), line, QUIET, font(13))
        y += 18
    y += 6
    metrics = [METRICS.metric(name) for name in row.metrics]
    column = max([VALUES, *(font(13).getlength(metric.label) + 10 for metric in metrics)])
    for metric, value in zip(metrics, row.metrics.values(), strict=True):
        draw.text((MARGIN, y), metric.label, QUIET, font(13))
        draw.text((MARGIN + column, y), metric.text(value), INK, font(13, bold=True))
        y += 19
    for k, picture in enumerate(row.video):
        scaled = Image.fromarray(picture).resize((FRAME, FRAME), Image.Resampling.LANCZOS)
        sheet.paste(scaled, (left + k * (FRAME + GAP), top))
    for k, line in enumerate(lines):
        draw.text((left, top + FRAME + 10 + LINE * k), line, colour, font(14))

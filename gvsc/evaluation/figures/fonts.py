"""The typeface of the figures: DejaVu Sans, which comes with matplotlib, so that every machine draws the same."""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from pathlib import Path

from PIL import ImageFont


@cache
def font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans at ``size`` pixels."""
    import matplotlib as mpl

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    # the basic layout, since the other one needs a library that not every Pillow has and draws differently
    return ImageFont.truetype(
        folder / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"), size, layout_engine=ImageFont.Layout.BASIC
    )


def fit_lines(text: str, size: int, width: int, lines: int) -> list[str]:
    """The text as at most ``lines`` lines of at most ``width`` pixels; the last ends in … where something was cut."""
    face = font(size)
    words = " ".join("".join(c if c.isprintable() else " " for c in text[:2000]).split()).split(" ")
    done: list[str] = []
    line = ""
    while words:
        longer = f"{line} {words[0]}".strip()
        if face.getlength(longer) <= width:
            line = longer
            words.pop(0)
        elif not line:  # one word that is wider than the line
            cut = max(1, _longest(words[0], face, width))
            line, words[0] = words[0][:cut], words[0][cut:]
        else:
            done.append(line)
            line = ""
        if len(done) == lines:
            break
    if len(done) < lines:
        return [*done, line] if line else done
    room = width - face.getlength("…")
    return [*done[:-1], done[-1][: _longest(done[-1], face, room)].rstrip() + "…"]


def _longest(text: str, face: ImageFont.FreeTypeFont, width: float) -> int:
    """How many characters of the text fit into ``width`` pixels."""
    return bisect_right(range(1, len(text) + 1), width, key=lambda count: face.getlength(text[:count]))

"""The schemes as data: what each puts on the air, and what the receiver makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from common.errors import SchemeError

Section = Literal["description", "first_frame", "sketch", "sketches", "rgb", "h264", "h265"]
"""What a burst may carry. A new one gets its length in :mod:`common.burst`, its encoder in transmitter/transmitter.py
and its decoder in receiver/receiver.py: a few lines."""

DIGITAL: Final[frozenset[Section]] = frozenset({"description", "h264", "h265"})
"""Sections of coded bits in QAM points; the others are analogue."""


@dataclass(frozen=True)
class Scheme:
    """``number`` is its name on the air (4 bits). ``sections`` are in the order in which they are sent."""

    name: str
    number: int
    sections: tuple[Section, ...]
    summary: str


SCHEMES: Final = (
    Scheme("desc-only", 1, ("description",), "description alone; text to video (paper, Desc. Only)"),
    # The description goes first: once its CRC holds, its symbols are known and sharpen the SNR estimate that the
    # picture is decoded with.
    Scheme(
        "first-frame-desc", 2, ("description", "first_frame"), "first frame and description (paper, First Frame+Desc.)"
    ),
    Scheme("sketch-desc", 3, ("description", "sketch"), "sketch of the first frame, description (paper, Sketch+Desc.)"),
    Scheme("sketches-desc", 4, ("description", "sketches"), "a sketch of each frame, description"),
    # Of the rest nothing is generated: what is decoded is shown.
    Scheme("djscc-rgb", 6, ("rgb",), "all frames, each an analogue picture (paper, DJSCC-RGB)"),
    Scheme("h264-ldpc", 7, ("h264",), "all frames, H.264, LDPC and QAM (paper, H.264)"),
    Scheme("h265-ldpc", 8, ("h265",), "all frames, H.265, LDPC and QAM (paper, H.265)"),
)

NAMES: Final = tuple(scheme.name for scheme in SCHEMES)

PICTURED: Final = tuple(s.name for s in SCHEMES if "description" in s.sections and len(s.sections) > 1)
"""Those whose video is rebuilt from a description and something to look at."""

_BY_NAME: Final = {scheme.name: scheme for scheme in SCHEMES}
_BY_NUMBER: Final = {scheme.number: scheme for scheme in SCHEMES}


def by_name(name: str) -> Scheme:
    """The scheme of that name. Raises SchemeError, listing those there are."""
    scheme = _BY_NAME.get(name)
    if scheme is None:
        raise SchemeError(f"no scheme {name!r}: there are {', '.join(NAMES)}")
    return scheme


def by_number(number: int) -> Scheme | None:
    """The scheme with that number on the air, or None."""
    return _BY_NUMBER.get(number)

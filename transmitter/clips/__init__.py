"""Clips from video files, folders, data sets, a camera and the rendered world."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from common.clip import Clip
from transmitter.clips.read import read_clip
from transmitter.clips.readers import Reader, find
from transmitter.clips.wanted import Wanted

__all__ = ["Reader", "Wanted", "find", "read_clip", "read_clips"]


def read_clips(source: str | Path, wanted: Wanted | None = None) -> Iterator[Clip]:
    """Every clip of a source, one after the other: see ``find`` for the sources, ``Wanted`` for the clips.

    Raises ClipError where there is none to be had.
    """
    return find(source).read(wanted or Wanted())

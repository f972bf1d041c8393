"""Clips from video files, folders, data sets, a camera and the rendered world.

What opens videos is imported when it is asked for: the rendered world does without, and without PyAV.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from common.clip import Clip
    from transmitter.clips.read import read_clip
    from transmitter.clips.readers import Reader, find
    from transmitter.clips.wanted import Wanted

__all__ = ["Reader", "Wanted", "find", "read_clip", "read_clips"]

_HOMES = {"Reader": "readers", "Wanted": "wanted", "find": "readers", "read_clip": "read"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def read_clips(source: str | Path, wanted: Wanted | None = None) -> Iterator[Clip]:
    """Every clip of a source, one after the other: see ``find`` for the sources, ``Wanted`` for the clips.

    Raises ClipError where there is none to be had.
    """
    from transmitter.clips.readers import find
    from transmitter.clips.wanted import Wanted

    return find(source).read(wanted or Wanted())

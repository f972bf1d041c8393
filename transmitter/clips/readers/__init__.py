"""Where clips come from: readers, one to a file, each for a kind of source. A new one is a file and a line here."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from transmitter.clips.readers import camera, file, folder, webvid, world
from transmitter.clips.readers.base import Reader

__all__ = ["Reader", "find"]

_KINDS: Final = (camera.recognise, world.recognise, webvid.recognise, folder.recognise)
"""In the order in which they are asked: a folder called ``world`` is ``./world``. What none of them knows is a file."""


def find(source: str | Path) -> Reader:
    """The reader for a source: ``camera:N``, ``world:SEED``, a folder with captions.csv, a folder, a file.

    Raises ClipError where it names a camera that is not there or a world that cannot be.
    """
    for kind in _KINDS:
        with suppress(OSError):  # a name too long, a folder that may not be searched: told by whoever reads it
            if (reader := kind(str(source))) is not None:
                return reader
    return file.recognise(str(source))

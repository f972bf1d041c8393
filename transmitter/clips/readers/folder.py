"""A folder of videos, by name, each with a text file of its name beside it for a caption."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from common.clip import Clip
from common.errors import ClipError
from transmitter.clips.readers import webvid
from transmitter.clips.readers.base import each
from transmitter.clips.readers.file import VideoFile
from transmitter.clips.wanted import Wanted

SUFFIXES: Final = (
    *(".3gp", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"),
    *(".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm", ".wmv", ".y4m"),
)
"""What counts as a video in a folder. A file given by itself may have any name."""


@dataclass(frozen=True)
class Folder:
    """The videos in ``path``, not those in folders in it."""

    path: Path
    endless: ClassVar[bool] = False

    def videos(self) -> list[VideoFile]:
        """By name. Raises ClipError where there is none, or the folder cannot be read."""
        try:
            found = sorted(
                p
                for p in self.path.iterdir()
                if p.suffix.lower() in SUFFIXES and not p.name.startswith(".") and p.is_file()
            )
        except OSError as error:
            raise ClipError(f"{self.path}: cannot be read ({error.strerror})") from None
        if not found:
            raise ClipError(f"{self.path}: holds neither {webvid.TABLE} nor a video ({', '.join(SUFFIXES)})")
        return [VideoFile(path) for path in found]

    def check(self, wanted: Wanted) -> None:
        """See ``Reader``."""
        self.videos()

    def read(self, wanted: Wanted) -> Generator[Clip]:
        """See ``Reader`` and ``each``."""
        yield from each(str(self.path), self.videos(), wanted)


def recognise(source: str) -> Folder | None:
    """A folder."""
    path = Path(source)
    return Folder(path) if path.is_dir() else None

"""One video file: all of it, clip after clip, or the one clip that starts at a given second."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from common.clip import Clip
from transmitter.clips.decode import check
from transmitter.clips.read import read_clip
from transmitter.clips.stream import read_stream
from transmitter.clips.wanted import Wanted


@dataclass(frozen=True)
class VideoFile:
    """``caption`` None: look for a text file beside it. It is the caption of all of its clips."""

    path: Path
    caption: str | None = None
    endless: ClassVar[bool] = False

    def check(self, wanted: Wanted) -> None:
        """See ``Reader``."""
        check(self.path)

    def read(self, wanted: Wanted) -> Generator[Clip]:
        """See ``Reader``, ``read_stream`` and ``read_clip``."""
        caption = self.caption if wanted.caption is None else wanted.caption
        name = self.path.stem
        if wanted.clip_at is None:
            yield from read_stream(self.path, wanted, caption=caption, name=name, start_s=wanted.start_s or 0.0)
            return
        yield read_clip(
            self.path,
            frames=wanted.frames,
            size=wanted.size,
            fps=wanted.fps,
            start_s=wanted.clip_at,
            caption=caption,
            name=name,
        )


def recognise(source: str) -> VideoFile:
    """Whatever no other reader is for: a file with any name, there or not."""
    return VideoFile(Path(source))

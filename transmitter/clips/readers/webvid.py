"""A data set in WebVid's form: a folder with a table of captions and the videos that it names."""

from __future__ import annotations

import csv
import logging
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar, Final

from common.clip import Clip
from common.errors import ClipError
from transmitter.clips.caption import clean
from transmitter.clips.readers.base import each, none_of
from transmitter.clips.readers.file import VideoFile
from transmitter.clips.wanted import Wanted

log = logging.getLogger(__name__)

TABLE: Final = "captions.csv"
"""Name of the table; its columns: videoid, contentUrl, duration, page_dir, name."""

TOLD_ROWS: Final = 5
"""Bad rows of a table that are logged one by one; the rest are counted."""


@dataclass(frozen=True)
class WebVid:
    """The rows of ``path`` / captions.csv; a video lies at videos/{page_dir}/{videoid}.mp4 or {videoid}.mp4.

    A path that leads out of the folder is refused. Bad rows are logged and left out.
    """

    path: Path
    endless: ClassVar[bool] = False

    def videos(self) -> Iterator[VideoFile]:
        """Row by row: a long table costs no memory. Raises ClipError, at once, where it has no usable header."""
        _check_header(self._table)
        return _told(self._table, _rows(self.path, self._table))

    def check(self, wanted: Wanted) -> None:
        """See ``Reader``. Reads the table up to the first video that is there, and tells of no row."""
        _check_header(self._table)
        if all(isinstance(found, Exception) for _, found in _rows(self.path, self._table)):
            raise none_of(str(self.path))

    @property
    def _table(self) -> Path:
        return self.path / TABLE

    def read(self, wanted: Wanted) -> Generator[Clip]:
        """See ``Reader`` and ``each``."""
        yield from each(str(self.path), self.videos(), wanted)


def recognise(source: str) -> WebVid | None:
    """A folder with captions.csv in it."""
    path = Path(source)
    return WebVid(path) if (path / TABLE).is_file() else None


def _check_header(table: Path) -> None:
    try:
        with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            header = next(csv.reader(file), [])
    except OSError as error:
        raise ClipError(f"{table}: cannot be read ({error.strerror})") from None
    except csv.Error as error:
        raise ClipError(f"{table}: not a table ({error})") from None
    if "videoid" not in header:
        raise ClipError(f"{table}: its first line must name the columns videoid, contentUrl, duration, page_dir, name")


def _told(table: Path, rows: Iterator[tuple[int, VideoFile | Exception]]) -> Iterator[VideoFile]:
    """The videos among the rows; tells what is wrong with the others."""
    listed = bad = 0
    for line, found in rows:
        if isinstance(found, Exception):
            bad += 1
            if bad <= TOLD_ROWS:
                log.warning("%s, line %d, left out: %s", table, line, found)
            continue
        if not found.caption:
            log.warning("%s, line %d: no caption", table, line)
        yield found
        listed += 1
    if bad:
        log.warning("%s: %d clips listed, %d bad rows left out", table, listed, bad)


def _rows(folder: Path, table: Path) -> Iterator[tuple[int, VideoFile | Exception]]:
    """Of each row the line it ends in, and its video or why there is none."""
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.DictReader(file, restkey="", restval="")
        while True:
            found: VideoFile | Exception
            try:
                row = next(reader)
                path = _video_of(folder, row["videoid"].strip(), row.get("page_dir", "").strip())
                found = VideoFile(path, clean(row.get("name", "")))
            except StopIteration:
                break
            except (csv.Error, ClipError) as error:
                found = error
            yield reader.line_num, found


def _video_of(folder: Path, videoid: str, page_dir: str) -> Path:
    """The row's video inside the folder. Raises ClipError where it is not there or would lie elsewhere."""
    if not videoid:
        raise ClipError("no videoid")
    if "/" in videoid or _leads_out(videoid) or _leads_out(page_dir):
        raise ClipError(f"the path {page_dir[:80]!r}, {videoid[:80]!r} leads out of the folder")
    places = (folder / "videos" / page_dir / f"{videoid}.mp4", folder / f"{videoid}.mp4")
    try:
        path = next((p for p in places if p.is_file()), None)
    except OSError as error:  # a name longer than the file system takes
        raise ClipError(f"the path cannot be read ({error.strerror})") from None
    if path is None:
        raise ClipError(f"no video {videoid[:80]!r}, neither below videos/ nor beside the table")
    # A link that came with the folder must not lead out of it either.
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ClipError(f"{videoid[:80]!r} is a link that leads out of the folder")
    return path


def _leads_out(part: str) -> bool:
    pure = PurePosixPath(part)
    return pure.is_absolute() or ".." in pure.parts or "\\" in part or "\0" in part

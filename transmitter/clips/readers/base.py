"""What a reader is: a source of clips. Every reader has this face, and lives in a file of its own."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Generator, Iterable
from typing import ClassVar, Protocol

from common.clip import Clip
from common.errors import ClipError, SettingError
from transmitter.clips.wanted import Wanted

log = logging.getLogger(__name__)


class Reader(Protocol):
    """Reads clips. Beside it, in its file, stands ``recognise(source) -> Reader | None``, which opens nothing."""

    endless: ClassVar[bool]
    """Whether another clip always follows."""

    def check(self, wanted: Wanted) -> None:
        """Looks whether there is anything to read, and decodes nothing: what passes may still turn out unreadable.

        Raises ClipError (one line) where there is nothing now, SettingError where it never has clips as ``wanted``.
        """
        ...

    def read(self, wanted: Wanted) -> Generator[Clip]:
        """The clips in order, numbered from 0. Raises ClipError (one line) where there is none to be had."""
        ...


def refuse_start(source: str, wanted: Wanted) -> None:
    """For sources whose clips have no place in time. Raises SettingError where those at some second are wanted."""
    if wanted.clip_at is not None or wanted.start_s is not None:
        raise SettingError(f"{source}: a start in seconds is only for videos")


def each(source: str, readers: Iterable[Reader], wanted: Wanted) -> Generator[Clip]:
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
        raise none_of(source)


def none_of(source: str) -> ClipError:
    """What is to be said of many clips that all are bad."""
    return ClipError(f"{source}: not one of its clips could be read")

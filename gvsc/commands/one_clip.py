"""What the commands that take one clip have in common: of which source, where in it, its caption, or all of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, TypeVar

import click

from common.clip import Clip
from common.errors import SettingError

F = TypeVar("F", bound=Callable[..., Any])


def clip_options(command: F) -> F:
    """The argument CLIP and its options: the parameters ``clip``, ``caption``, ``start_s``, ``whole`` of ``read``."""
    options = (
        click.argument("clip"),
        click.option("--caption", help="The clip's caption; default: the one that came with it."),
        click.option(
            "--start",
            "start_s",
            type=float,
            help="Where in a video the clip starts, in seconds; default: its beginning.",
        ),
        click.option(
            "--all",
            "whole",
            is_flag=True,
            help="Not one clip but all from there to the end, as `gvsc transmit` sends them: a folder for each.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def read(source: str, caption: str | None, start_s: float | None, *, whole: bool, number: int = 0) -> Iterator[Clip]:
    """The first clip of a source (of a video the one at ``start_s``), or with ``whole`` all from there on.

    Numbered from ``number``. Raises ClipError, SettingError.
    """
    from transmitter.clips import Wanted, find

    reader = find(source)
    if not whole:
        with closing(reader.read(Wanted(clip_at=start_s, caption=caption))) as clips:
            first = next(clips)
        yield dataclasses.replace(first, number=number)
        return
    if reader.endless:
        raise SettingError(f"{source}: its clips have no end: leave --all out")
    for clip in reader.read(Wanted(start_s=start_s, caption=caption)):
        yield dataclasses.replace(clip, number=number + clip.number)

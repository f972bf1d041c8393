"""What the commands that take one clip have in common: which file, where in it, its caption, or all clips of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from common.clip import Clip

F = TypeVar("F", bound=Callable[..., Any])


def clip_options(command: F) -> F:
    """The argument CLIP and its options: the parameters ``clip``, ``caption``, ``start_s``, ``whole`` of ``read``."""
    options = (
        click.argument("clip", type=click.Path(path_type=Path)),
        click.option("--caption", help="The clip's caption; default: the .txt file of the same name beside the clip."),
        click.option(
            "--start", "start_s", default=0.0, show_default=True, help="Where in the file the clip starts, in seconds."
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


def read(clip: Path, caption: str | None, start_s: float, *, whole: bool, number: int = 0) -> Iterator[Clip]:
    """The clip, or with ``whole`` all from there on, numbered from ``number``. Raises ClipError, SettingError."""
    from transmitter.clips import Wanted, read_clip
    from transmitter.clips.stream import read_stream

    if not whole:
        yield read_clip(clip, start_s=start_s, caption=caption, number=number)
        return
    wanted = Wanted(clip_at=start_s)  # checks the start
    for one in read_stream(clip, wanted, caption=caption, name=clip.stem, start_s=start_s):
        yield dataclasses.replace(one, number=number + one.number)

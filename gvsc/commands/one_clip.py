"""What the commands that take one clip have in common: which file, where in it, and its caption."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def clip_options(command: F) -> F:
    """The argument CLIP and the options --caption and --start: parameters ``clip``, ``caption``, ``start_s``."""
    options = (
        click.argument("clip", type=click.Path(path_type=Path)),
        click.option("--caption", help="The clip's caption; default: the .txt file of the same name beside the clip."),
        click.option(
            "--start", "start_s", default=0.0, show_default=True, help="Where in the file the clip starts, in seconds."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command

"""``gvsc train NAME``: trains a picture codec, or the generator `mini`. Options: ``gvsc.training.options``."""

from __future__ import annotations

import sys
from typing import Any

import click

from common.service import OneLineErrors
from gvsc.training.options import MINI_NAMES, NAMES, OPTIONS

_ABOUT = """Train {name}, {what}, on what `gvsc train prepare` made.

The run's folder holds a checkpoint, event files for TensorBoard, and at the end {name}.safetensors and its card
{name}.md. Interrupt it freely: the same command goes on where it stopped, even after kill -9.
"""


_ABOUT_MINI = """Train {name}, {what}, on what `gvsc train prepare-mini` made.

The run's folder has a folder for each part with its checkpoint, event files for TensorBoard, and at the end its weights
and their card; once all parts are trained, mini/, the pipeline, and mini.md, its card. Interrupt it freely: the same
command goes on where it stopped, even after kill -9.
"""


def commands() -> list[click.Command]:
    """A command for each codec, for `mini` and for each of its parts."""
    codecs = [_command(name, what, _ABOUT) for name, what in NAMES.items()]
    return [*codecs, *(_command(name, what, _ABOUT_MINI) for name, what in MINI_NAMES.items())]


def _command(name: str, what: str, about: str) -> click.Command:
    def train(**options: Any) -> None:
        from gvsc.training.train import run

        try:
            weights = run(name, lambda line: click.echo(line, err=True), **options)
        except KeyboardInterrupt:
            sys.exit(130)
        click.echo(weights)

    parameters: list[click.Parameter] = [
        click.Option(
            [option.flag],
            type=click.Path(path_type=option.kind) if option.is_path else option.kind,
            default=option.default,
            show_default=option.default not in (None, ()),
            multiple=option.many,
            metavar=option.metavar,
            help=option.help,
        )
        for option in OPTIONS
    ]
    return OneLineErrors(name, callback=train, params=parameters, help=about.format(name=name, what=what))

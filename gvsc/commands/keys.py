"""``gvsc keys``: make the keys that lock the sockets."""

from __future__ import annotations

from pathlib import Path

import click

from common import keys
from common.service import OneLineErrors

_WHERE = {
    "transmitter": "the machine of the transmitter",
    "channel": "the machine of the channel",
    "receiver": "the machine of the receiver",
    "viewer": "whoever may use `gvsc control`, `inspect`, `demo`",
}


@click.command("keys", cls=OneLineErrors)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="keys",
    show_default=True,
    help="The folder for them.",
)
def command(out: Path) -> None:
    """Make CURVE key pairs for the transmitter, the channel, the receiver and viewers.

    Each process then gets `--keys DIR` (or GVSC_KEYS): it locks the sockets that it binds, and opens those of others.
    Keys that exist are never overwritten. On one machine all can share the folder; else copy what is told.
    """
    keys.make(out)
    click.echo(f"Keys made in {out}. Copy, by a way that nobody else can read:")
    for role, where in _WHERE.items():
        click.echo(f"  {out / role}.secret and {out}/*.public   to {where}")
    click.echo(
        "Public keys need no secrecy, but must arrive unaltered. Never put a .secret into git, a log or an image."
    )

"""``python -m common.weights update [NAME…]``: brings the manifest and the cards up to date after training."""

from __future__ import annotations

import sys

import click

from common.errors import WeightsError
from common.weights import update


@click.group()
def main() -> None:
    """Keeps the manifest of the committed weights."""


@main.command("update")
@click.argument("names", nargs=-1)
def update_command(names: tuple[str, ...]) -> None:
    """Hashes the committed weights (or NAMES only) anew; rewrites their entries and the cards' tables of files."""
    try:
        entries = update.update(names)
    except WeightsError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    for name, entry in sorted(entries.items()):
        click.echo(f"{name}: {len(entry.files)} file(s), {entry.bytes} bytes")


main()

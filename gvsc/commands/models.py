"""``gvsc models``: which weights there are, fetching those that a package holds, and verifying all by hash."""

from __future__ import annotations

import json
import sys

import click

from common.service import OneLineErrors
from common.weights import Registry


@click.group("models")
def command() -> None:
    """The weights this installation runs on: list, fetch, verify."""


@command.command("list", cls=OneLineErrors)
@click.option("--json", "as_json", is_flag=True, help="One JSON array on stdout.")
def list_models(as_json: bool) -> None:
    """Lists the weights by name: committed ones come with gvsc, fetched ones lie in the cache."""
    registry = Registry()
    entries = sorted(registry.entries.items())
    if as_json:
        rows = [
            {
                "name": name,
                "kind": entry.kind,
                "bytes": entry.bytes,
                "present": registry.locate(name).exists(),
                "path": str(registry.locate(name)),
                "package": None if entry.wheel is None else f"{entry.wheel.package}=={entry.wheel.version}",
            }
            for name, entry in entries
        ]
        click.echo(json.dumps(rows))
        return
    for name, entry in entries:
        absent = "missing" if entry.wheel is None else f"absent: gvsc models get {name}"
        presence = "present" if registry.locate(name).exists() else absent
        click.echo(f"{name:<20} {entry.kind:<10} {entry.bytes / 1e6:>8.1f} MB  {presence}")


@command.command("get", cls=OneLineErrors)
@click.argument("name")
def get_model(name: str) -> None:
    """Fetches the weights NAME into the cache with pip, unless they are there and right, and prints where they are."""
    click.echo(str(Registry().get(name)))


@command.command("verify", cls=OneLineErrors)
@click.option("--present", is_flag=True, help="Leave out weights that have not been fetched.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def verify_models(present: bool, as_json: bool) -> None:
    """Hashes every file of all weights. Exits with 1 if any is missing or altered, fetched weights included."""
    registry = Registry()
    names = [
        name
        for name, entry in sorted(registry.entries.items())
        if not (present and entry.kind == "fetched" and not registry.locate(name).exists())
    ]
    problems = {name: [str(problem) for problem in registry.problems(name)] for name in names}
    good = not any(problems.values())
    if as_json:
        click.echo(json.dumps({"ok": good, "problems": problems}))
    else:
        for name, lines in problems.items():
            click.echo(f"{name}: {'ok' if not lines else ''}".rstrip())
            for line in lines:
                click.echo(f"  {line}")
    if not good:
        sys.exit(1)

"""``gvsc models``: what there is, what of it works here, fetching what is missing, and verifying all by hash."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace

import click

from common.errors import SettingError
from common.needs import Hub, UserFile, Weights
from common.service import OneLineErrors
from common.weights import Registry
from gvsc.catalogue import here, hub, page, table
from gvsc.catalogue.items import Item

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")


class _Group(click.Group, OneLineErrors):
    """A group that does something by itself, whose errors are one line, too."""


@click.group("models", cls=_Group, invoke_without_command=True)
@click.option("--verify", is_flag=True, help="The same as the subcommand verify.")
@_AS_JSON
@click.pass_context
def command(context: click.Context, verify: bool, as_json: bool) -> None:
    """Generators, captioners, edge extractors, codecs, metrics: list, fetch, verify.

    Without a subcommand all are listed.
    """
    if context.invoked_subcommand is not None:
        if verify or as_json:
            raise click.UsageError(f"put options behind the subcommand: gvsc models {context.invoked_subcommand} …")
        return
    if verify:
        context.invoke(verify_models, names=(), present=False, as_json=as_json)
    else:
        context.invoke(list_models, as_json=as_json)


@command.command("list", cls=OneLineErrors, short_help="Everything by kind, and why what does not work does not.")
@_AS_JSON
def list_models(as_json: bool) -> None:
    """Lists everything by kind: what works here, size, licence, origin, needs, and why the rest does not."""
    states = _states(table.items())
    for kind, broken in table.broken():
        click.echo(f"gvsc: the {kind} {broken.name!r} of {broken.origin} does not load: {broken.reason}", err=True)
    if as_json:
        click.echo(json.dumps([state.fields() for state in states]))
        return
    for line in page.listing(states):
        click.echo(line)


@command.command("show", cls=OneLineErrors, short_help="Everything about NAME.")
@click.argument("name")
@_AS_JSON
def show_model(name: str, as_json: bool) -> None:
    """Tells everything about NAME: what it needs, where that comes from and lies, licences, memory.

    Where several kinds have one of that name, all are told, one after the other; as JSON a line each.
    """
    for number, state in enumerate(_states(table.named(name))):
        if as_json:
            click.echo(json.dumps(state.fields()))
            continue
        for line in ([""] if number else []) + page.sheet(state):
            click.echo(line)


@command.command("get", cls=OneLineErrors, short_help="Fetch the weights that NAME needs.")
@click.argument("name")
def get_model(name: str) -> None:
    """Fetches the weights that NAME needs, and prints where they are. NAME is one of the list, weights by their name
    (minilm), or one of the hub's ids that are listed. What is there and right is not fetched again."""
    registry = Registry()
    needs = _gettable(name, registry)
    for need in needs:
        click.echo(str(registry.get(need.name) if isinstance(need, Weights) else hub.get(need)))
    states = _states([item for item in table.items() if item.name == name], registry)
    lacks = list(dict.fromkeys(lack for state in states for lack in state.missing))
    if states and not needs and not lacks:
        click.echo(f"gvsc: {name} needs no weights", err=True)
    for lack in lacks:
        click.echo(f"gvsc: {name}: {lack}", err=True)
    if not needs and lacks and any(isinstance(need, UserFile) for state in states for need in state.item.needs):
        raise SettingError(f"{name} cannot be fetched: it needs a file that you bring")


@command.command("verify", cls=OneLineErrors, short_help="Hash weights, all or those of NAMES.")
@click.argument("names", nargs=-1)
@click.option("--present", is_flag=True, help="Leave out weights that have not been fetched.")
@_AS_JSON
def verify_models(names: Sequence[str], present: bool, as_json: bool) -> None:
    """Hashes every file of NAMES, by default of all weights and of the hub's models that are in its cache.

    Exits with 1 if any is missing or altered, fetched weights included.
    """
    registry = Registry()
    problems: dict[str, list[str]] = {}
    for need in _verifiable(names, registry):
        if isinstance(need, Weights):
            fetched = registry.entry(need.name).kind == "fetched"
            if not (present and fetched and not registry.locate(need.name).exists()):
                problems[need.name] = [str(problem) for problem in registry.problems(need.name)]
        elif folder := hub.folder_of(need):
            problems[need.id] = hub.problems(folder, need)
        elif names and not present:
            problems[need.id] = [f"{hub.named(need)} is not in the hub cache"]
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


def _states(items: Sequence[Item], registry: Registry | None = None) -> list[here.State]:
    registry = registry or Registry()
    machine = here.machine()
    return [here.state_of(item, registry, machine) for item in items]


def _gettable(name: str, registry: Registry) -> list[Weights | Hub]:
    """What can be fetched of an item, of weights or of a hub model. Raises SettingError."""
    found = [item for item in table.items() if item.name == name]
    if found:
        needs = dict.fromkeys(need for item in found for need in item.needs)
        return [need for need in needs if isinstance(need, Weights | Hub)]
    if name in registry.entries:
        return [Weights(name)]
    for model in table.hub_models():
        if model.id == name:
            return [_itself(model)]
    known = dict.fromkeys((*(item.name for item in table.items()), *registry.entries))
    raise SettingError(f"nothing is called {name!r}; there are: {', '.join(known)}")


def _verifiable(names: Sequence[str], registry: Registry) -> list[Weights | Hub]:
    if names:
        return list(dict.fromkeys(need for name in names for need in _gettable(name, registry)))
    return [*(Weights(name) for name in sorted(registry.entries)), *map(_itself, table.hub_models())]


def _itself(model: Hub) -> Hub:
    """The model of that id, whatever the environment names instead."""
    return replace(model, variable=None)

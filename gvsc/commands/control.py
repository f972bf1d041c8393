"""``gvsc control``: read and turn the live settings of a running service."""

from __future__ import annotations

import json
from typing import Any

import click

from common.control import ask
from common.doors import open_context
from common.endpoints import CONTROLS, address_of, check_address
from common.service import OneLineErrors, keys_option, printable


def _as_json(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    # Taken before or after the verb, so noted in what the group and its verbs share.
    shared = context.ensure_object(dict)
    shared["json"] = shared.get("json", False) or value


_json_option = click.option(
    "--json", is_flag=True, expose_value=False, callback=_as_json, help="Print the reply as one JSON object."
)


@click.group("control")
@click.option(
    "--of",
    "role",
    type=click.Choice(list(CONTROLS)),
    default="channel",
    show_default=True,
    help="Which service to talk to.",
)
@click.option("--address", help="Its control address, where it is not the default or the environment's.")
@keys_option
@_json_option
@click.pass_context
def command(context: click.Context, role: str, address: str | None) -> None:
    """Read and turn the live settings of a running service.

    A reply tells the old value, the new one, and the first burst that it holds for.
    """
    context.ensure_object(dict).update(role=role, address=address)


_link_option = click.option(
    "--link",
    metavar="N|NAME",
    help="Only of the link with this number, or to the receiver of this name; default: all links and those to come.",
)


def _of_link(link: str | None) -> dict[str, Any]:
    """The field of a request that names a link, where one is meant."""
    return {} if link is None else {"link": link}


def _exchange(context: click.Context, fields: dict[str, Any]) -> dict[str, Any]:
    told = context.obj
    address = check_address(told["address"]) if told["address"] else address_of(CONTROLS[told["role"]])
    with open_context() as zmq_context:
        return ask(zmq_context, told["role"], address, fields)


def _show(context: click.Context, result: dict[str, Any], line: str) -> None:
    # What a peer said goes to a terminal: line by line, with nothing in it that a terminal would obey.
    click.echo(json.dumps(result) if context.obj["json"] else "\n".join(map(printable, line.split("\n"))))


@command.command("get", cls=OneLineErrors)
@click.argument("key", required=False)
@_link_option
@_json_option
@click.pass_context
def get(context: click.Context, key: str | None, link: str | None) -> None:
    """Print the setting KEY, or all of them with units and limits."""
    if key:
        result = _exchange(context, {"op": "get", "key": key, **_of_link(link)})
        _show(context, result, f"{result['key']} = {_value(result['value'])} {result['unit']}".rstrip())
        return
    settings = _exchange(context, {"op": "get", **_of_link(link)})
    lines = [
        f"{name} = {_value(about['value'])} {about['unit']}".rstrip() + f"    {about['help']}{_limits(about)}"
        for name, about in settings.items()
    ]
    _show(context, settings, "\n".join(lines))


@command.command("set", cls=OneLineErrors, context_settings={"ignore_unknown_options": True})
@click.argument("key")
@click.argument("value")
@click.option("--from-seq", type=click.IntRange(min=0), help="Let it hold from this burst on, not from the next.")
@_link_option
@_json_option
@click.pass_context
def set_(context: click.Context, key: str, value: str, from_seq: int | None, link: str | None) -> None:
    """Set KEY to VALUE, for example `set snr-db 3`, or `set snr-db 0 --link 2` for one of several receivers."""
    fields: dict[str, Any] = {"op": "set", "key": key, "value": value, **_of_link(link)}
    if from_seq is not None:
        fields["from_seq"] = from_seq
    _show_change(context, _exchange(context, fields))


@command.command("ramp", cls=OneLineErrors, context_settings={"ignore_unknown_options": True})
@click.argument("key")
@click.argument("start", type=float)
@click.argument("stop", type=float)
@click.option("--seconds", type=click.FloatRange(min=0, max=86400), required=True, help="How long the ramp lasts.")
@_link_option
@_json_option
@click.pass_context
def ramp(context: click.Context, key: str, start: float, stop: float, seconds: float, link: str | None) -> None:
    """Move KEY from START to STOP over some seconds, for example `ramp snr-db 10 -5 --seconds 20`."""
    fields = {"op": "ramp", "key": key, "start": start, "stop": stop, "seconds": seconds, **_of_link(link)}
    _show_change(context, _exchange(context, fields))


@command.command("status", cls=OneLineErrors)
@_json_option
@click.pass_context
def status(context: click.Context) -> None:
    """Print what the service has counted so far."""
    result = _exchange(context, {"op": "status"})
    _show(context, result, "\n".join(f"{key}: {_value(value)}" for key, value in result.items()))


def _show_change(context: click.Context, change: dict[str, Any]) -> None:
    line = f"{change['key']}: {_value(change['old'])} -> {_value(change['new'])} from burst {change['first_seq']} on"
    _show(context, change, line)


def _value(value: Any) -> str:
    if value is None:
        return "auto"
    if isinstance(value, float):
        return f"{value:g}"
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def _limits(about: dict[str, Any]) -> str:
    limits = f" ({about['low']:g} … {about['high']:g})" if "low" in about and "high" in about else ""
    if "choices" in about:
        limits = f" ({', '.join(about['choices'])})"
    return limits + (f" [{', '.join(about['only_for'])}]" if "only_for" in about else "")

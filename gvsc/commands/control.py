"""``gvsc control``: read and turn the live settings of a running service."""

from __future__ import annotations

import json
from typing import Any

import click
import zmq

from common.control import ask
from common.endpoints import CONTROLS, address_of, check_address
from common.service import OneLineErrors


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
@_json_option
@click.pass_context
def command(context: click.Context, role: str, address: str | None) -> None:
    """Read and turn the live settings of a running service.

    A reply tells the old value, the new one, and the first burst that it holds for.
    """
    context.ensure_object(dict).update(role=role, address=address)


def _exchange(context: click.Context, fields: dict[str, Any]) -> dict[str, Any]:
    told = context.obj
    address = check_address(told["address"]) if told["address"] else address_of(CONTROLS[told["role"]])
    with zmq.Context() as zmq_context:
        return ask(zmq_context, address, fields)


def _show(context: click.Context, result: dict[str, Any], line: str) -> None:
    click.echo(json.dumps(result) if context.obj["json"] else line)


@command.command("get", cls=OneLineErrors)
@click.argument("key", required=False)
@_json_option
@click.pass_context
def get(context: click.Context, key: str | None) -> None:
    """Print the setting KEY, or all of them with units and limits."""
    if key:
        result = _exchange(context, {"op": "get", "key": key})
        _show(context, result, f"{result['key']} = {_value(result['value'])} {result['unit']}".rstrip())
        return
    settings = _exchange(context, {"op": "get"})
    lines = [
        f"{name} = {_value(about['value'])} {about['unit']}".rstrip() + f"    {about['help']}{_limits(about)}"
        for name, about in settings.items()
    ]
    _show(context, settings, "\n".join(lines))


@command.command("set", cls=OneLineErrors, context_settings={"ignore_unknown_options": True})
@click.argument("key")
@click.argument("value")
@click.option("--from-seq", type=click.IntRange(min=0), help="Let it hold from this burst on, not from the next.")
@_json_option
@click.pass_context
def set_(context: click.Context, key: str, value: str, from_seq: int | None) -> None:
    """Set KEY to VALUE, for example `set snr-db 3`."""
    fields: dict[str, Any] = {"op": "set", "key": key, "value": value}
    if from_seq is not None:
        fields["from_seq"] = from_seq
    _show_change(context, _exchange(context, fields))


@command.command("ramp", cls=OneLineErrors, context_settings={"ignore_unknown_options": True})
@click.argument("key")
@click.argument("start", type=float)
@click.argument("stop", type=float)
@click.option("--seconds", type=click.FloatRange(min=0, max=86400), required=True, help="How long the ramp lasts.")
@_json_option
@click.pass_context
def ramp(context: click.Context, key: str, start: float, stop: float, seconds: float) -> None:
    """Move KEY from START to STOP over some seconds, for example `ramp snr-db 10 -5 --seconds 20`."""
    fields = {"op": "ramp", "key": key, "start": start, "stop": stop, "seconds": seconds}
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
    if "choices" in about:
        return f" ({', '.join(about['choices'])})"
    return f" ({about['low']:g} … {about['high']:g})" if "low" in about and "high" in about else ""

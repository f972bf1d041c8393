"""``gvsc control``: read and turn the live settings of a running service."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import click

from common.endpoints import CONTROLS
from common.service import OneLineErrors, keys_option, printable
from gvsc.client import SERVICES, Change, Client, Setting


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
    type=click.Choice(SERVICES),
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


def _client(context: click.Context) -> Client:
    told = context.obj
    return Client({CONTROLS[told["role"]]: told["address"]} if told["address"] else {})


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
    role = context.obj["role"]
    with _client(context) as client:
        if key:
            fields: dict[str, Any] = {"key": key} if link is None else {"key": key, "link": link}
            reply = client.ask(role, "get", **fields)
            _show(context, reply, f"{reply.get('key')} = {_value(reply.get('value'))} {reply.get('unit')}".rstrip())
            return
        settings = client.settings(role, link=link)
    lines = [
        f"{name} = {_value(setting.value)} {setting.unit}".rstrip() + f"    {setting.help}{_limits(setting)}"
        for name, setting in settings.items()
    ]
    _show(context, {name: setting.facts() for name, setting in settings.items()}, "\n".join(lines))


@command.command("set", cls=OneLineErrors, context_settings={"ignore_unknown_options": True})
@click.argument("key")
@click.argument("value")
@click.option("--from-seq", type=click.IntRange(min=0), help="Let it hold from this burst on, not from the next.")
@_link_option
@_json_option
@click.pass_context
def set_(context: click.Context, key: str, value: str, from_seq: int | None, link: str | None) -> None:
    """Set KEY to VALUE, for example `set snr-db 3`, or `set snr-db 0 --link 2` for one of several receivers."""
    with _client(context) as client:
        _show_change(context, client.set(context.obj["role"], key, value, from_seq=from_seq, link=link))


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
    with _client(context) as client:
        _show_change(context, client.ramp(context.obj["role"], key, stop, seconds, start=start, link=link))


@command.command("status", cls=OneLineErrors)
@_json_option
@click.pass_context
def status(context: click.Context) -> None:
    """Print what the service has counted so far."""
    with _client(context) as client:
        result = client.status(context.obj["role"])
    _show(context, result, "\n".join(f"{key}: {_value(value)}" for key, value in result.items()))


def _show_change(context: click.Context, change: Change) -> None:
    line = f"{change.key}: {_value(change.old)} -> {_value(change.new)} from burst {change.first_seq} on"
    _show(context, dataclasses.asdict(change), line)


def _value(value: Any) -> str:
    if value is None:
        return "auto"
    if isinstance(value, float):
        return f"{value:g}"
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def _limits(setting: Setting) -> str:
    limits = ""
    if setting.low is not None and setting.high is not None:
        limits = f" ({setting.low:g} … {setting.high:g})"
    if setting.choices:
        marked = (
            f"{choice}: {setting.unavailable[choice]}" if choice in setting.unavailable else choice
            for choice in setting.choices
        )
        limits = f" ({', '.join(marked)})"
    return limits + (f" [{', '.join(setting.only_for)}]" if setting.only_for else "")

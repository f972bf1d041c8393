"""``gvsc channel``, also ``python -m channel``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from channel.channel import Channel
from channel.memory import keep_freed_memory
from channel.models import MODELS
from channel.models.trace import Traced, read_trace
from channel.process import ChannelProcess
from common import endpoints
from common.conventions import DEFAULT_SEED
from common.errors import SettingError
from common.service import (
    OneLineErrors,
    SnrDb,
    endpoint_option,
    insecure_option,
    keys_option,
    say,
    service_context,
    until_stopped,
)

F = TypeVar("F", bound=Callable[..., Any])


def _pairs(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = dict(value.partition("=")[::2] for value in values)
    if not all(key and text for key, text in pairs.items()):
        raise click.BadParameter("write KEY=VALUE, for example coherence_symbols=2000")
    return pairs


def model_options(flag: str, *, environment: bool = True) -> Callable[[F], F]:
    """The options of ``open_channel``: the model by ``flag``, its parameters, a trace. ``environment``: variables set
    them too."""

    def variable(name: str) -> dict[str, Any]:
        return {"envvar": name, "show_envvar": True} if environment else {}

    options = (
        click.option(
            flag,
            "model",
            type=click.Choice(list(MODELS)),
            **variable("GVSC_CHANNEL_MODEL"),
            help="Channel model to begin with; default: awgn, or trace where there is one.",
        ),
        click.option(
            "--channel",
            "parameters",
            multiple=True,
            metavar="KEY=VALUE",
            **variable("GVSC_CHANNEL_SETTINGS"),
            callback=_pairs,
            help="A parameter of a channel model, as `gvsc control get` lists them; may be repeated.",
        ),
        click.option(
            "--trace",
            "trace_file",
            type=click.Path(dir_okay=False, path_type=Path),
            **variable("GVSC_TRACE"),
            help="SNR trace for the model trace: CSV with the columns burst,snr_db or seconds,snr_db.",
        ),
    )

    def add(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def open_channel(
    snr_db: float, seed: int, model: str | None, parameters: dict[str, str], trace_file: Path | None
) -> Channel:
    """The channel that the options ask for. Raises SettingError."""
    trace = read_trace(trace_file) if trace_file else None
    name = model or (Traced.name if trace else "awgn")
    if name == Traced.name and trace is None:
        raise SettingError("the model trace needs a file to follow: give --trace FILE")
    return Channel(snr_db=snr_db, seed=seed, model=name, settings=parameters, trace=trace)


@click.command("channel", cls=OneLineErrors)
@click.option(
    "--snr-db",
    type=SnrDb(),
    default=10.0,
    show_default=True,
    envvar="GVSC_SNR_DB",
    show_envvar=True,
    help="Es/N0 per symbol to begin with.",
)
@click.option(
    "--seed", default=DEFAULT_SEED, show_default=True, envvar="GVSC_SEED", show_envvar=True, help="Seed of the noise."
)
@model_options("--model")
@endpoint_option(endpoints.UPLINK)
@endpoint_option(endpoints.DOWNLINK)
@endpoint_option(endpoints.TAP)
@endpoint_option(endpoints.CHANNEL_CONTROL, "control")
@keys_option
@insecure_option
def command(
    snr_db: float,
    seed: int,
    model: str | None,
    parameters: dict[str, str],
    trace_file: Path | None,
    uplink: str,
    downlink: str,
    tap: str,
    control: str,
) -> None:
    """Emulate the channel: fading and noise at a live SNR for every burst.

    Turn the SNR while it runs with `gvsc control set snr-db 3`, the model with `gvsc control set model rayleigh`; look
    at the samples with `gvsc inspect`.
    """
    with until_stopped():
        keep_freed_memory()
        channel = open_channel(snr_db, seed, model, parameters, trace_file)
        process = ChannelProcess(
            service_context("channel"), channel, uplink=uplink, downlink=downlink, tap=tap, control=control
        )
        say(
            "channel",
            f"ready at {snr_db:g} dB, {channel.model};"
            f" uplink {process.addresses['uplink']}, control {process.addresses['control']}",
        )
        process.run()

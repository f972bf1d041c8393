"""``gvsc channel``, also ``python -m channel``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from channel.channel import Channel, start_options
from channel.memory import keep_freed_memory
from channel.models.base import MODELS
from channel.process import ChannelProcess
from common import endpoints
from common.choices import Registered
from common.conventions import DEFAULT_SEED
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
from common.start_options import click_options

F = TypeVar("F", bound=Callable[..., Any])


def _pairs(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = dict(value.partition("=")[::2] for value in values)
    if not all(key and text for key, text in pairs.items()):
        raise click.BadParameter("write KEY=VALUE, for example coherence_symbols=2000")
    return pairs


def model_options(flag: str, *, environment: bool = True) -> Callable[[F], F]:
    """The options of ``open_channel``: the model by ``flag``, its parameters, and the start options of all models,
    which the command gets as the dictionary ``start``. ``environment``: variables set them too."""

    def variable(name: str) -> dict[str, Any]:
        return {"envvar": name, "show_envvar": True} if environment else {}

    declared = start_options()
    selecting = [option.flag for option in declared if option.selects]
    default = f"{MODELS.default}, or the one that {' or '.join(selecting)} is for" if selecting else MODELS.default
    options = (
        click.option(
            flag,
            "model",
            type=Registered(MODELS),
            **variable("GVSC_CHANNEL_MODEL"),
            help=f"Channel model to begin with; default: {default}.",
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
        click_options(declared, "start", environment=environment),
    )

    def add(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def open_channel(
    snr_db: float, seed: int, model: str | None, parameters: Mapping[str, str], start: Mapping[str, Any]
) -> Channel:
    """The channel that the options ask for. Raises SettingError."""
    return Channel(snr_db=snr_db, seed=seed, model=model, settings=parameters, options=start)


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
    start: dict[str, Any],
    uplink: str,
    downlink: str,
    tap: str,
    control: str,
) -> None:
    """Emulate the channel: fading and noise at a live SNR for every burst.

    Turn the SNR while it runs with `gvsc control set snr-db 3`, the model with `gvsc control set model NAME`; look at
    the samples with `gvsc inspect`.
    """
    with until_stopped():
        keep_freed_memory()
        channel = open_channel(snr_db, seed, model, parameters, start)
        process = ChannelProcess(
            service_context("channel"), channel, uplink=uplink, downlink=downlink, tap=tap, control=control
        )
        say(
            "channel",
            f"ready at {snr_db:g} dB, {channel.model};"
            f" uplink {process.addresses['uplink']}, control {process.addresses['control']}",
        )
        process.run()

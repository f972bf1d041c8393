"""``gvsc channel``, also ``python -m channel``."""

from __future__ import annotations

import click

from channel.channel import Channel
from channel.process import ChannelProcess
from common import endpoints
from common.conventions import DEFAULT_SEED
from common.service import OneLineErrors, SnrDb, endpoint_option, say, service_context, until_stopped


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
@endpoint_option(endpoints.UPLINK)
@endpoint_option(endpoints.DOWNLINK)
@endpoint_option(endpoints.TAP)
@endpoint_option(endpoints.CHANNEL_CONTROL, "control")
def command(snr_db: float, seed: int, uplink: str, downlink: str, tap: str, control: str) -> None:
    """Emulate the channel: add noise at a live SNR to every burst.

    Turn the SNR while it runs with `gvsc control set snr-db 3`; look at the samples with `gvsc inspect`.
    """
    with until_stopped():
        channel = Channel(snr_db=snr_db, seed=seed)
        process = ChannelProcess(service_context(), channel, uplink=uplink, downlink=downlink, tap=tap, control=control)
        say(
            "channel",
            f"ready at {snr_db:g} dB; uplink {process.addresses['uplink']}, control {process.addresses['control']}",
        )
        process.run()

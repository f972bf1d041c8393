"""``gvsc health``: whether a service is bound and its models are loaded; for health checks, so it starts fast."""

from __future__ import annotations

import click

from common.endpoints import CONTROLS
from common.errors import GvscError
from common.service import OneLineErrors, keys_option
from gvsc.client import SERVICES, Client


class NotReadyError(GvscError):
    """The service answers, but has not loaded its models yet."""


@click.command("health", cls=OneLineErrors)
@click.argument("role", type=click.Choice(SERVICES))
@click.option("--address", help="Its control address, where it is not the default or the environment's.")
@click.option("--timeout", type=click.FloatRange(0.1, 60), default=3.0, show_default=True, metavar="SECONDS")
@keys_option
def command(role: str, address: str | None, timeout: float) -> None:
    """Ask the service ROLE whether it is bound and has loaded its models.

    Prints one line; the exit code is 0 where it is ready, else 1.
    """
    with Client({CONTROLS[role]: address} if address else {}, timeout_s=timeout) as client:
        status = client.status(role)
    if not status.get("ready"):
        raise NotReadyError(f"the {role} is bound and loads its models")
    click.echo(f"the {role} is ready")

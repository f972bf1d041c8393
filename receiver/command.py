"""``gvsc receive``, also ``python -m receiver``."""

from __future__ import annotations

from pathlib import Path

import click

from common import endpoints
from common.conventions import DEFAULT_SEED
from common.service import OneLineErrors, endpoint_option, say, service_context, threads_option, until_stopped

steps_option = click.option(
    "--steps", type=click.IntRange(1, 1000), help="Sampling steps; default: the generator's own."
)
guidance_option = click.option(
    "--guidance", type=click.FloatRange(0, 100), help="Guidance scale, ω of eq. (2); default: the generator's own."
)


@click.command("receive", cls=OneLineErrors)
@click.option(
    "--seed",
    default=DEFAULT_SEED,
    show_default=True,
    envvar="GVSC_SEED",
    show_envvar=True,
    help="Seed of the generator.",
)
@click.option("--generator", default="mini", show_default=True, help="Which generator rebuilds the video.")
@steps_option
@guidance_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write each reconstruction there: mp4, lossless frames, facts as JSON.",
)
@threads_option
@endpoint_option(endpoints.DOWNLINK)
@endpoint_option(endpoints.FEEDBACK)
@endpoint_option(endpoints.RESULTS)
@endpoint_option(endpoints.RECEIVER_CONTROL, "control")
def command(
    seed: int,
    generator: str,
    steps: int | None,
    guidance: float | None,
    out: Path | None,
    downlink: str,
    feedback: str,
    results: str,
    control: str,
) -> None:
    """Receive bursts: decode them, and let a diffusion model rebuild each video.

    The order in which the three services start does not matter.
    """
    # Imported here: the models bring torch, which `--help` and a wrong option can do without.
    from receiver.output import Recorder
    from receiver.process import ReceiverProcess
    from receiver.receiver import Receiver

    with until_stopped():
        process = ReceiverProcess(
            service_context(),
            steps=steps,
            guidance=guidance,
            downlink=downlink,
            feedback=feedback,
            results=results,
            control=control,
        )
        say("receiver", f"loading; downlink {downlink}, control {process.addresses['control']}")
        process.run(lambda: Receiver(seed=seed, generator=generator), Recorder(out) if out else None)

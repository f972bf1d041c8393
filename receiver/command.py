"""``gvsc receive``, also ``python -m receiver``."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from common import endpoints, schemes, wire
from common.conventions import DEFAULT_SEED
from common.errors import SettingError
from common.loading import loading
from common.service import (
    OneLineErrors,
    endpoint_option,
    insecure_option,
    keys_option,
    say,
    service_context,
    threads_option,
    until_stopped,
)
from receiver import generators, policy
from receiver.generator_options import generator_options
from receiver.generators import GeneratorOptions
from receiver.resident import hold_memory


def _named(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    try:
        policy.named(value)
    except SettingError as error:
        raise click.BadParameter(str(error), context, parameter) from None
    return value


generator_option = click.option(
    "--generator",
    multiple=True,
    metavar="[TASK=]NAME",
    envvar="GVSC_GENERATOR",
    show_envvar=True,
    callback=_named,
    help="Who rebuilds the video; with a TASK, such as frame-text, who does so of that. Repeatable; default: the first "
    "that `gvsc models` lists.",
)
steps_option = click.option(
    "--steps",
    type=click.IntRange(1, 1000),
    envvar="GVSC_STEPS",
    show_envvar=True,
    help="Sampling steps; default: the generator's own.",
)
guidance_option = click.option(
    "--guidance", type=click.FloatRange(0, 100), help="Guidance scale, ω of eq. (2); default: the generator's own."
)


def _checked_name(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value and not wire.is_name(value):
        raise click.BadParameter('a name has 1 to 64 letters, digits, ".", "_" or "-", the first a letter or a digit')
    return value or None


def _folder(out: Path, given: str | None, name: str) -> Path:
    """Where this receiver writes, so that several with one ``--out`` do not write over each other."""
    if "{name}" in str(out):
        return Path(str(out).replace("{name}", name))
    return out / given if given else out


@click.command("receive", cls=OneLineErrors)
@click.option(
    "--seed",
    default=DEFAULT_SEED,
    show_default=True,
    envvar="GVSC_SEED",
    show_envvar=True,
    help="Seed of the generator.",
)
@click.option(
    "--name",
    envvar="GVSC_RECEIVER_NAME",
    show_envvar=True,
    callback=_checked_name,
    help="What to join the channel as, one name for each receiver; default: the host's name.",
)
@generator_option
@generator_options
@steps_option
@guidance_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write each reconstruction there: mp4, lossless frames, facts as JSON. With --name into a folder of that name"
    " in it; {name} in it stands for the name, given or not.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    envvar="GVSC_KEEP",
    show_envvar=True,
    help="Keep the newest N reconstructions in --out and delete older ones; default: keep all.",
)
@click.option(
    "--film",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append each reconstruction to this mp4, one film that can be watched while it grows. {name} in it stands for "
    "the receiver's name. One that is there stays: then it is NAME-2.mp4.",
)
@threads_option
@endpoint_option(endpoints.DOWNLINK)
@endpoint_option(endpoints.FEEDBACK)
@endpoint_option(endpoints.RESULTS)
@endpoint_option(endpoints.RECEIVER_CONTROL, "control")
@keys_option
@insecure_option
def command(
    name: str | None,
    seed: int,
    generator: tuple[str, ...],
    settings: GeneratorOptions,
    steps: int | None,
    guidance: float | None,
    out: Path | None,
    keep: int | None,
    film: Path | None,
    downlink: str,
    feedback: str,
    results: str,
    control: str,
) -> None:
    """Receive bursts: decode them, and let a diffusion model rebuild each video.

    The order in which the three services start does not matter.
    """
    hold_memory()
    with loading():
        # Imported here: the models bring torch, which `--help` and a wrong option can do without.
        from receiver.downlink import host_name
        from receiver.film import Film
        from receiver.output import Recorder, to_all
        from receiver.process import ReceiverProcess
        from receiver.receiver import Receiver

    called = name or host_name()
    with until_stopped():
        process = ReceiverProcess(
            service_context("receiver"),
            name=called,
            steps=steps,
            guidance=guidance,
            downlink=downlink,
            feedback=feedback,
            results=results,
            control=control,
        )
        say("receiver", f"{called} is loading; downlink {downlink}, control {process.addresses['control']}")
        recorder = Recorder(_folder(out, name, called), keep) if out else None
        shown = Film(Path(str(film).replace("{name}", called))) if film else None
        try:
            load = partial(generators.load, options=settings)

            def loaded() -> Receiver:
                with loading():
                    receiver = Receiver(seed=seed, generator=generator, load=load)
                    receiver.prepare(schemes.DEFAULT)
                return receiver

            process.run(loaded, to_all(recorder, shown))
        finally:
            if shown is not None:
                shown.close()

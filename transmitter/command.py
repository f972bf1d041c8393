"""``gvsc transmit``, also ``python -m transmitter``."""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from common import endpoints, schemes
from common.choices import Registered
from common.clip import Clip
from common.errors import ClipError, SettingError
from common.knobs import Knob, Value
from common.sections.base import encoder_options
from common.service import (
    OneLineErrors,
    SnrOrAuto,
    endpoint_option,
    insecure_option,
    keys_option,
    say,
    service_context,
    threads_option,
    until_stopped,
)
from common.start_options import click_options
from transmitter import adaptive
from transmitter.credit import WINDOW
from transmitter.extract.base import CAPTIONER, EDGE_EXTRACTOR, EXTRACTORS

if TYPE_CHECKING:
    from transmitter.clips import Wanted

F = TypeVar("F", bound=Callable[..., Any])

NO_CLIP: Final = "there is no clip to send"

scheme_option = click.option(
    "--scheme",
    type=Registered(schemes.SCHEMES, names=adaptive.choices),
    default=schemes.DEFAULT,
    show_default=True,
    envvar="GVSC_SCHEME",
    show_envvar=True,
    help="What each burst carries; adaptive: what suits the SNR.",
)


def encoder_option_flags(function: F) -> F:
    """Adds an option for each setting of the sections' encoders; the command gets them as one keyword ``options``, by
    name."""
    known = encoder_options()

    @wraps(function)
    def gathered(*args: Any, **given: Any) -> Any:
        return function(*args, options={name: given.pop(name) for name in known}, **given)

    added: Any = gathered
    for name, option in reversed(known.items()):
        about = option.parameter
        added = click.option(
            f"--{name.replace('_', '-')}",
            type=click.Choice(about.choices) if about.kind == "choice" else _Setting(about),
            default="auto" if option.default is None else str(option.default),
            show_default=True,
            envvar=f"GVSC_{name.upper()}",
            show_envvar=True,
            help=f"{about.help[0].upper()}{about.help[1:]}.",
        )(added)
    result: F = added
    return result


class _Setting(click.ParamType):
    """A value that a live parameter takes."""

    def __init__(self, parameter: Knob) -> None:
        self.name = parameter.kind
        self._parameter = parameter

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Value:
        try:
            return self._parameter.check(value)
        except SettingError as error:
            self.fail(str(error), param, ctx)


describe_option = click.option(
    "--describe",
    type=Registered(EXTRACTORS, names=partial(EXTRACTORS.names_of, CAPTIONER)),
    default=EXTRACTORS.default_of(CAPTIONER),
    show_default=True,
    envvar="GVSC_DESCRIBE",
    show_envvar=True,
    help=f"What describes a clip. {EXTRACTORS.summaries(CAPTIONER)}.",
)
sketch_option = click.option(
    "--sketch",
    "sketch_by",
    type=Registered(EXTRACTORS, names=partial(EXTRACTORS.names_of, EDGE_EXTRACTOR)),
    default=EXTRACTORS.default_of(EDGE_EXTRACTOR),
    show_default=True,
    envvar="GVSC_SKETCH",
    show_envvar=True,
    help=f"What draws the sketches, where the scheme has any. {EXTRACTORS.summaries(EDGE_EXTRACTOR)}.",
)
extractor_option_flags = click_options(EXTRACTORS.start_options(), "extractor_options")
"""The start options of all extractors; the command gets those that are given as ``extractor_options``, by name."""


@click.command("transmit", cls=OneLineErrors)
@click.argument("clips", nargs=-1, metavar="[CLIP]...")
@click.option("--camera", "cameras", multiple=True, metavar="N", help="Send what camera N sees; the same as camera:N.")
@click.option(
    "--clip-at",
    type=click.FloatRange(min=0),
    metavar="S",
    help="Of each video only the one clip that starts S seconds in; default: all of it, clip after clip.",
)
@click.option("--caption", help="The description, for every clip; default: each clip's own.")
@describe_option
@sketch_option
@extractor_option_flags
@scheme_option
@encoder_option_flags
@click.option(
    "--tx-snr-db",
    type=SnrOrAuto(),
    default="auto",
    show_default=True,
    help="SNR that the encoders assume; auto: the receiver's last estimate.",
)
@click.option(
    "--repeat", type=click.IntRange(min=0), default=1, show_default=True, help="Rounds through the clips; 0: for ever."
)
@click.option("--or-samples", is_flag=True, help="Send the sample clips for as long as there is no CLIP to send.")
@click.option("--paused", is_flag=True, help="Send nothing until `gvsc control --of transmitter set paused off`.")
@click.option(
    "--window", type=click.IntRange(1, 64), default=WINDOW, show_default=True, help="Bursts that may be on their way."
)
@threads_option
@endpoint_option(endpoints.UPLINK)
@endpoint_option(endpoints.FEEDBACK)
@endpoint_option(endpoints.PREVIEW)
@endpoint_option(endpoints.TRANSMITTER_CONTROL, "control")
@keys_option
@insecure_option
def command(
    clips: tuple[str, ...],
    cameras: tuple[str, ...],
    clip_at: float | None,
    caption: str | None,
    describe: str,
    sketch_by: str,
    extractor_options: dict[str, Any],
    scheme: str,
    options: dict[str, Value],
    tx_snr_db: float | None,
    repeat: int,
    or_samples: bool,
    paused: bool,
    window: int,
    uplink: str,
    feedback: str,
    preview: str,
    control: str,
) -> None:
    """Send clips: extract what they mean, code it into symbols.

    CLIP is a video file; a folder (with captions.csv in WebVid's form, or videos with .txt captions beside them);
    camera:N; or world:SEED, endless clips that are drawn here (world:SEED:held_out: what was kept from training).
    Without one, the sample clips are sent. A long video is sent as a stream of clips, each of one shot.
    The order in which the three services start does not matter.
    """
    from transmitter.clips import Wanted

    # A wrong start, a camera that is not there and a CLIP without a clip are told before anything is loaded. Whoever
    # sends for ever, or has the sample clips instead, may fill a folder later.
    wanted = Wanted(clip_at=clip_at, caption=caption)
    sources = (*clips, *(f"camera:{camera}" for camera in cameras))
    missing = _look(sources, wanted)
    if sources and len(missing) == len(sources) and repeat and not or_samples:
        raise ClipError(NO_CLIP)
    # Imported here: the encoders bring torch, which `--help` and a wrong option can do without.
    from transmitter.process import TransmitterProcess
    from transmitter.transmitter import Transmitter

    def load() -> Transmitter:
        transmitter = Transmitter(describe, sketch_by, extractor_options)
        transmitter.prepare(scheme)
        return transmitter

    logging.basicConfig(format="transmitter: %(message)s")
    with until_stopped():
        process = TransmitterProcess(
            service_context("transmitter"),
            scheme=scheme,
            options=options,
            tx_snr_db=tx_snr_db,
            paused=paused,
            window=window,
            uplink=uplink,
            feedback=feedback,
            preview=preview,
            control=control,
        )
        say("transmitter", f"loading; uplink {uplink}, control {process.addresses['control']}")
        process.run(load, _stream(sources, wanted, repeat, or_samples, missing))


def _look(sources: Sequence[str], wanted: Wanted) -> list[str]:
    """Tells of each source that has no clip now, and returns these lines. Nothing is decoded.

    Raises ClipError for a camera that is not there and a world that cannot be, SettingError for a start in seconds
    where there are no seconds.
    """
    from transmitter.clips import find

    problems: list[str] = []
    for reader in [find(source) for source in sources]:
        try:
            reader.check(wanted)
        except ClipError as error:
            problems.append(f"left out: {error}")
    for problem in problems:
        say("transmitter", problem)
    return problems


def _stream(
    sources: Sequence[str], wanted: Wanted, repeat: int, or_samples: bool, told: Sequence[str] = ()
) -> Iterator[Clip]:
    """All clips of all sources, ``repeat`` times (0: for ever), numbered from 0 in each round; of no sources, the
    sample clips.

    A source that cannot be read is told and left out of this round, from where it breaks off. Where a whole round was
    empty, the sample clips are its clips if ``or_samples``, else ClipError is raised. What is ``told`` already is told
    again only when something else was wrong in between.
    """
    from transmitter.clips import read_clips, samples

    caption = wanted.caption

    def read(source: str | None, first: int) -> Iterator[Clip]:
        clips = samples.read() if source is None else read_clips(source, wanted)
        for number, clip in enumerate(clips, first):
            yield dataclasses.replace(clip, number=number, caption=clip.caption if caption is None else caption)

    for turn in range(repeat) if repeat else itertools.count():
        if turn == 1:  # what there was to say about the clips was said in the first round
            logging.getLogger("transmitter.clips").setLevel(logging.ERROR)
        number = 0
        problems: list[str] = []
        for source in sources or (None,):
            try:
                for clip in read(source, number):
                    yield clip
                    number += 1
            except ClipError as error:
                problems.append(f"left out: {error}")
        if problems != list(told):
            for problem in problems:
                say("transmitter", problem)
            told = problems
        if number == 0:
            if not (sources and or_samples):
                raise ClipError(NO_CLIP)
            yield from read(None, 0)

"""``gvsc simulate``: one clip through the whole link in one process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from channel.command import model_options, open_channel
from common.conventions import DEFAULT_SEED, airtime_ms
from common.knobs import Value
from common.loading import loading
from common.schemes import by_name
from common.service import OneLineErrors, SnrDb, printable, threads_option
from gvsc.commands.metric_option import metric_option
from gvsc.commands.one_clip import clip_options, read
from receiver import generators
from receiver.command import generator_option, guidance_option, steps_option
from receiver.generator_options import generator_options
from receiver.generators import GeneratorOptions
from transmitter.adaptive import LinkAdaptation
from transmitter.command import (
    describe_option,
    encoder_option_flags,
    extractor_option_flags,
    scheme_option,
    sketch_option,
)

if TYPE_CHECKING:
    from common.clip import Clip
    from gvsc.link import LinkRun
    from receiver.film import Film

FILMS = ("source", "reconstruction")
"""Names of the two films of a whole video."""


@click.command("simulate", cls=OneLineErrors)
@clip_options
@describe_option
@sketch_option
@extractor_option_flags
@scheme_option
@encoder_option_flags
@click.option("--snr-db", type=SnrDb(), default=10.0, show_default=True, help="Es/N0 per symbol of the channel.")
@model_options("--channel-model", environment=False)
@click.option("--tx-snr-db", type=SnrDb(), help="SNR that the encoders assume; default: that of the channel.")
@click.option(
    "--seed",
    default=DEFAULT_SEED,
    show_default=True,
    envvar="GVSC_SEED",
    show_envvar=True,
    help="Seed of noise and generator.",
)
@click.option(
    "--number", type=click.IntRange(min=0), default=0, show_default=True, help="The clip's number on the air."
)
@click.option(
    "--sequence",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The burst's sequence number: which noise.",
)
@click.option("--genie-snr", is_flag=True, help="Tell the receiver the true SNR, to compare with its own estimate.")
@generator_option
@generator_options
@steps_option
@guidance_option
@metric_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for pictures, symbols and summary.json.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@threads_option
def command(
    clip: str,
    caption: str | None,
    start_s: float | None,
    whole: bool,
    describe: str,
    sketch_by: str,
    extractor_options: dict[str, Any],
    scheme: str,
    options: dict[str, Value],
    snr_db: float,
    model: str | None,
    parameters: dict[str, str],
    start: dict[str, Any],
    tx_snr_db: float | None,
    seed: int,
    number: int,
    sequence: int,
    genie_snr: bool,
    generator: tuple[str, ...],
    settings: GeneratorOptions,
    steps: int | None,
    guidance: float | None,
    metrics: tuple[str, ...],
    out: Path,
    as_json: bool,
) -> None:
    """Send CLIP through transmitter, channel and receiver in one process.

    CLIP is whatever `gvsc transmit` takes; of more clips than one the first.
    With the same seed, clip number, sequence, tx-snr-db and thread count it gives the same bytes as the three services.
    Writes the frames of source and reconstruction as lossless PNG, the symbols as .npy, both videos as mp4. With --all
    that for each clip of the video, sent one after the other, in a folder 000000, 000001 …, and both as one film.
    """
    sources = read(clip, caption, start_s, whole=whole, number=number)
    first = next(sources)
    channel = open_channel(snr_db, seed, model, parameters, start)
    with loading():
        # Imported only now: torch takes seconds, and a clip that cannot be read should be told at once.
        from gvsc.link import Link
        from receiver.receiver import Receiver
        from transmitter.transmitter import Transmitter

        load = partial(generators.load, options=settings)
        receiver = Receiver(seed=seed, generator=generator, steps=steps, guidance=guidance, load=load)
        transmitter = Transmitter(describe, sketch_by, extractor_options)
        transmitter.prepare(scheme)
        link = Link(transmitter, receiver, channel=channel)
    adaptation = LinkAdaptation()

    def simulate(source: Clip, burst: int, folder: Path) -> tuple[LinkRun, dict[str, Any]]:
        set_snr_db = channel.snr_set_db(channel.knobs.begin(burst), burst)
        believed_snr_db = set_snr_db if tx_snr_db is None else tx_snr_db
        chosen = adaptation.choose(scheme, options, believed_snr_db)
        run = link.run(
            source,
            snr_db=snr_db,
            tx_snr_db=believed_snr_db,
            scheme=chosen.scheme,
            options=chosen.options,
            sequence=burst,
            genie_snr=genie_snr,
        )
        settings = {"snr_db": set_snr_db, "tx_snr_db": believed_snr_db, "genie_snr": genie_snr, "seed": seed}
        return run, {**_facts(run, metrics), **settings, "files": _write(folder, run)}

    if not whole:
        _, summary = simulate(first, sequence, out)
        _write_text(out / "summary.json", json.dumps(summary, indent=2))
        click.echo(json.dumps(summary) if as_json else _table(summary))
        return
    summaries = []
    with _films(out) as (sent, rebuilt):
        for k, source in enumerate(chain([first], sources)):
            run, summary = simulate(source, sequence + k, out / f"{k:06d}")
            sent.append(run.clip.video)
            rebuilt.append(run.reconstruction.video)
            summaries.append({"number": source.number, "sequence": sequence + k, **summary})
            if not as_json:
                click.echo(_line(summary))
    files = {name: str(out / f"{name}.mp4") for name in FILMS}
    summary = {"clips": summaries, "files": files}
    _write_text(out / "summary.json", json.dumps(summary, indent=2))
    click.echo(json.dumps(summary) if as_json else f"films: {', '.join(files.values())}")


@contextmanager
def _films(out: Path) -> Iterator[list[Film]]:
    """A film of what was sent and one of what was rebuilt, in the place of those of an earlier run."""
    from receiver.film import Film

    films = []
    for name in FILMS:
        (out / f"{name}.mp4").unlink(missing_ok=True)
        films.append(Film(out / f"{name}.mp4"))
    try:
        yield films
    finally:
        for film in films:
            film.close()


def _facts(run: LinkRun, metrics: Sequence[str]) -> dict[str, Any]:
    from gvsc.evaluation.metrics import measure
    from receiver.output import section_facts

    header, made = run.encoded.burst.header, run.reconstruction
    return {
        "clip": run.clip.name,
        "scheme": header.scheme.name,
        "modes": header.modes,
        "symbols_payload": header.payload_symbols,
        "symbols_total": header.total_symbols,
        "cbr_payload": header.cbr_payload,
        "cbr_total": header.cbr_total,
        "airtime_ms": airtime_ms(header.total_symbols),
        "channel": run.passage,
        "snr_estimated_db": made.snr_db,
        "fits": run.encoded.fits,
        "text_sent": run.encoded.text,
        "described_by": _captioner(run),
        "messages": [*run.encoded.messages, *made.messages],
        "text_received": made.text,
        "text_ok": made.text is not None,
        "failed": list(made.failed),
        "generator": made.generator,
        "task": made.task,
        "sections": section_facts(made),
        **measure(run.clip.video, made.video, metrics or None).facts(),
        "seconds": run.seconds,
    }


def _captioner(run: LinkRun) -> str:
    """Whose words were sent, "none" where there were none."""
    return next((str(of.by) for of in run.encoded.contents.values() if hasattr(of, "by")), "none")


def _write(out: Path, run: LinkRun) -> dict[str, str]:
    """Writes all files and returns where each is."""
    from receiver.media import write_frames, write_mp4, write_png

    made = run.reconstruction
    write_frames(out / "source", run.clip.video)
    write_frames(out / "reconstruction", made.video)
    write_mp4(out / "source.mp4", run.clip.video, run.clip.fps)
    write_mp4(out / "reconstruction.mp4", made.video, run.clip.fps)
    received = {f"received_{name}": picture for name, picture in made.pictures.items()}
    for name, picture in received.items():
        write_png(out / f"{name}.png", Image.fromarray(picture))
    _write_symbols(out / "tx.npy", run.encoded.burst.samples)
    _write_symbols(out / "rx.npy", run.received)
    names = {
        "source": "source",
        "reconstruction": "reconstruction",
        **{name: f"{name}.png" for name in received},
        "tx": "tx.npy",
        "rx": "rx.npy",
        "source_mp4": "source.mp4",
        "reconstruction_mp4": "reconstruction.mp4",
    }
    return {key: str(out / name) for key, name in names.items()}


def _write_symbols(path: Path, symbols: NDArray[np.complex64]) -> None:
    from receiver.media import replacing

    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, symbols, allow_pickle=False)


def _write_text(path: Path, text: str) -> None:
    from receiver.media import replacing

    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _table(summary: dict[str, Any]) -> str:
    from gvsc.evaluation.metrics.scores import rows

    decoded = not by_name(summary["scheme"]).is_generated
    trouble = "; ".join(summary["messages"]) or ("the frames as decoded" if decoded else "nothing to generate from")
    made_by = f"{summary['generator']}, from {summary['task']}" if summary["generator"] else f"none: {trouble}"
    estimated = "-" if summary["snr_estimated_db"] is None else f"{summary['snr_estimated_db']:.2f}"
    text = "none" if decoded else f"“{summary['text_received']}”" if summary["text_ok"] else "lost"
    seconds = "  ".join(f"{stage} {value:.2f}" for stage, value in summary["seconds"].items())
    return "\n".join(
        [
            f"scheme       {summary['scheme']}, code rate {', '.join(summary['modes'].values()) or 'none'}",
            f"generator    {made_by}",
            f"channel      {_channel(summary['channel'])}",
            f"SNR          estimated {estimated} dB",
            f"payload      {summary['symbols_payload']} symbols, CBR {summary['cbr_payload']:.5f}",
            f"in all       {summary['symbols_total']} symbols, CBR {summary['cbr_total']:.5f}",
            f"airtime      {summary['airtime_ms']:.2f} ms",
            f"description  {text}",
            *(f"{label:<12} {value}" for label, value in rows(summary)),
            f"seconds      {seconds}",
            f"files        {Path(summary['files']['tx']).parent}",
        ]
    )


def _line(summary: dict[str, Any]) -> str:
    """One clip of many on one line."""
    from gvsc.evaluation.metrics.scores import rows

    measured = "  ".join(f"{label} {text}" for label, text in rows(summary))
    text = f"“{summary['text_received']}”" if summary["text_ok"] else "no description"
    return printable(f"{summary['clip']}  {summary['scheme']}  {measured}  {text}")


def _channel(passage: dict[str, Any]) -> str:
    gain = "the burst was lost" if passage["gain_db"] is None else f"mean gain {passage['gain_db']:.1f} dB"
    return f"{passage['model']}, {passage['snr_set_db']:g} dB, {gain}"

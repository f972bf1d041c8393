"""``gvsc bench``: speed, memory and error rates, measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from common import schemes as scheme_table
from common.choices import Registered
from common.conventions import DEFAULT_SEED
from common.service import OneLineErrors, SnrDb, printable, threads_option
from gvsc.bench.codec import NAMES as CODECS
from gvsc.bench.curves import NAMES as CURVE_SETS
from gvsc.bench.curves import load as load_curves
from gvsc.bench.generator import PARTS as GENERATOR_PARTS
from receiver.command import generator_option, guidance_option, steps_option
from receiver.generator_options import generator_options
from receiver.generators import GENERATORS, GeneratorOptions
from transmitter.command import describe_option, sketch_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from gvsc.bench.curves.engine import Row


@click.group("bench")
def command() -> None:
    """Measure speed, memory and error rates. Speeds are of this machine, at this moment; run it on an idle one."""


@command.command("channel", cls=OneLineErrors)
@click.option("--symbols", type=click.IntRange(min=1), default=10_000, show_default=True, help="Symbols in a burst.")
@click.option(
    "--seconds", type=click.FloatRange(min=0.1), default=5.0, show_default=True, help="How long each part lasts."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def channel(symbols: int, seconds: float, as_json: bool) -> None:
    """The channel process through its real sockets, against bare numpy in one thread."""
    from gvsc.bench.channel import measure

    made = measure(symbols, seconds)
    if as_json:
        click.echo(json.dumps(made))
        return
    click.echo(
        f"channel process {made['msymbols_per_s']:.1f} Msymbol/s, numpy {made['numpy_msymbols_per_s']:.1f} Msymbol/s,"
        f" ratio {made['ratio']:.2f}; latency at half load p50 {made['latency_ms']['p50']:.2f} ms,"
        f" p99 {made['latency_ms']['p99']:.2f} ms ({made['symbols']} symbols a burst); without a channel in between p50"
        f" {made['direct_latency_ms']['p50']:.2f} ms, p99 {made['direct_latency_ms']['p99']:.2f} ms"
    )


@command.command("clip", cls=OneLineErrors)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def clip(as_json: bool) -> None:
    """Seconds of each stage for one clip, and the peak memory of each of the three processes."""
    from gvsc.bench.clip import measure

    made = measure(lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps(made))
        return
    for scheme, seconds in made["seconds"].items():
        click.echo(f"{scheme:<18} " + "  ".join(f"{stage} {value:.3f} s" for stage, value in seconds.items()))
    click.echo("peak RSS           " + "  ".join(f"{role} {mb:.0f} MB" for role, mb in made["peak_rss_mb"].items()))


@command.command("startup", cls=OneLineErrors)
@click.argument("film", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option("--runs", type=click.IntRange(min=1), default=3, show_default=True, help="Runs, after one to warm up.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def startup(film: str | None, runs: int, as_json: bool) -> None:
    """CPU seconds that `gvsc simulate` takes before it works on FILM, a video of two clips or more, against torch's."""
    from gvsc.bench.startup import measure

    made = measure(film, runs, lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps(made))
        return
    click.echo(
        f"start-up {made['startup_s']:.2f} s ({'at most' if made['within'] else 'more than'} {made['limit_s']:.2f} s);"
        f" importing torch {made['torch_s']:.2f} s, one more clip {made['clip_s']:.2f} s; CPU seconds"
    )


@command.command("film", cls=OneLineErrors)
@click.argument("film", type=click.Path(exists=True, dir_okay=False))
@describe_option
@sketch_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, every description included.")
@threads_option
def film(film: str, describe: str, sketch_by: str, as_json: bool) -> None:
    """All clips of FILM through reader, sketcher and describer: seconds, and memory that should not grow."""
    from gvsc.bench.film import measure

    made = measure(film, describe, sketch_by, lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps(made))
        return
    stages = "  ".join(f"{stage} {value:.1f} s" for stage, value in made["seconds_by_stage"].items())
    memory = "  ".join(f"{mark} % {mb} MB" for mark, mb in made["rss_mb"].items())
    click.echo(f"clips    {made['clips']} in {made['seconds']:.1f} s: {stages}")
    click.echo(f"RSS      {memory}  peak {made['peak_rss_mb']} MB")


@command.command("codec", cls=OneLineErrors)
@click.argument("name", type=click.Choice(CODECS))
@click.option("--images", type=click.Path(path_type=Path), help="Folder of pictures of any size, or one picture.")
@click.option(
    "--clips", type=click.Path(path_type=Path), help="Folder of videos, or one: two frames of each are taken."
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Prepared training data: the photos that it holds out.",
)
@click.option(
    "--weights", type=click.Path(dir_okay=False, path_type=Path), help="Weights to try instead of the committed ones."
)
@click.option("--genie", is_flag=True, help="Tell the receiver the true SNR instead of letting it estimate.")
@click.option("--alone", is_flag=True, help="Leave out what the codec is held against.")
@click.option("--save", type=click.Path(file_okay=False, path_type=Path), help="Folder for all pictures as PNG.")
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for NAME.json and NAME.png, such as docs/results/codecs.",
)
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True, help="Seed of the noise.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@threads_option
def codec(
    name: str,
    images: Path | None,
    clips: Path | None,
    data: Path | None,
    weights: Path | None,
    genie: bool,
    alone: bool,
    save: Path | None,
    folder: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """A picture codec from -5 to 20 dB, beside H.265, a linear code and others in as many symbols.

    Pictures are cropped to their centre and scaled to 256x256. Without --images, --clips or --data: photos that come
    with scikit-image.
    """
    from gvsc.bench.codec import pictures as read
    from gvsc.bench.codec.measure import measure, table
    from receiver.media import replacing, write_png

    def tell(line: str) -> None:
        click.echo(printable(line), err=True)

    if sum(given is not None for given in (images, clips, data)) > 1:
        raise click.UsageError("--images, --clips and --data exclude each other")
    if images is not None:
        taken, whence = read.from_folder(images, tell), str(images)
    elif clips is not None:
        taken, whence = read.from_clips(clips), str(clips)
    elif data is not None:
        taken, whence = read.held_out(data), "held-out photos of the prepared data"
    else:
        taken, whence = read.packaged(tell), "photos of scikit-image"
    tell(f"{len(taken)} pictures: {whence}")

    def keep(picture: str, what: str, pixels: NDArray[np.uint8]) -> None:
        if save is not None:
            write_png(save / picture / f"{what}.png", pixels)

    made = measure(name, taken, tell, weights_file=weights, genie=genie, alone=alone, seed=seed, save=keep)
    made |= {"pictures_from": whence}
    if folder is not None:
        with replacing(folder / f"{name}.json") as file:
            file.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        _draw("codec", made, folder / f"{name}.png")
    click.echo(json.dumps(made) if as_json else table(made))


@command.command("generator", cls=OneLineErrors)
@click.argument("name", type=Registered(GENERATORS))
@click.option(
    "--clips",
    type=click.Path(path_type=Path),
    help="Folder of videos, or one: frames and sketches of these instead of the rendered world.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data"),
    show_default=True,
    help="Prepared training data: the real clips that it holds out, where it has any.",
)
@click.option(
    "--save", type=click.Path(file_okay=False, path_type=Path), help="Folder for all sources and results as PNG."
)
@click.option(
    "--sheet", type=click.Path(dir_okay=False, path_type=Path), help="A picture of some of them, failures included."
)
@click.option("--only", "parts", multiple=True, type=click.Choice(GENERATOR_PARTS), help="This part; repeatable.")
@click.option("--count", type=click.IntRange(min=1), help="Clips of a part; default: text 200, frame 40, sketches 30.")
@click.option(
    "--snr-db", "snrs_db", type=SnrDb(), multiple=True, help="Of received frames; repeatable. Default: 20, 10 and 0 dB."
)
@click.option(
    "--sketches",
    "ways",
    multiple=True,
    type=click.Choice(("received", "clean")),
    help="Sketches as received at 10 dB, or clean; default: both.",
)
@click.option(
    "--weights", type=click.Path(file_okay=False, path_type=Path), help="Weights of mini to try, a saved pipeline."
)
@generator_options
@steps_option
@guidance_option
@click.option("--seed", type=click.IntRange(min=0), default=DEFAULT_SEED, show_default=True, help="Of clips and noise.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@threads_option
def generator(
    name: str,
    clips: Path | None,
    data: Path,
    save: Path | None,
    sheet: Path | None,
    parts: tuple[str, ...],
    count: int | None,
    snrs_db: tuple[float, ...],
    ways: tuple[str, ...],
    weights: Path | None,
    settings: GeneratorOptions,
    steps: int | None,
    guidance: float | None,
    seed: int,
    as_json: bool,
) -> None:
    """A generator on held-out captions and clips, judged by what its clips show; seconds and memory.

    Text alone: colour, kind, direction and background, told by judges that do not see the caption. Frame and text: PSNR
    beside the received frame repeated, and whether left and right in the caption turn the motion. Sketches and text:
    whether edges follow the sketches. A part that the generator does not serve is null, and left_out says so.
    """
    from gvsc.bench.generator import frame, sketches
    from gvsc.bench.generator.keep import Keep
    from gvsc.bench.generator.measure import Wanted, measure
    from gvsc.bench.generator.table import table

    if sheet is not None and sheet.suffix.lower() != ".png":
        raise click.BadParameter("the picture is a PNG: give a name that ends in .png", param_hint="--sheet")
    wanted = Wanted(
        seed=seed,
        parts=parts or GENERATOR_PARTS,
        count=count,
        snrs_db=snrs_db or frame.SNRS_DB,
        ways=ways or sketches.WAYS,
        clips=clips,
        data=data,
        weights=weights,
        steps=steps,
        guidance=guidance,
        settings=settings,
    )
    made = measure(name, wanted, Keep(save, sheet), lambda line: click.echo(printable(line), err=True))
    click.echo(json.dumps(made) if as_json else table(made))


@command.command("ablation", cls=OneLineErrors)
@click.option(
    "--clips",
    type=click.Path(exists=True, path_type=Path),
    help="Folder of videos, or one: a clip of each, instead of rendered and sample clips.",
)
@click.option(
    "--rendered",
    type=click.IntRange(min=0),
    default=12,
    show_default=True,
    help="Held-out clips of the rendered world, beside the sample clips.",
)
@click.option("--snr-db", "snrs_db", type=SnrDb(), multiple=True, help="Repeatable. Default: -4, 0, 5, 10 and 15 dB.")
@click.option(
    "--scheme",
    "schemes",
    type=Registered(scheme_table.SCHEMES, names=scheme_table.with_visuals),
    multiple=True,
    help="Repeatable. Default: all that have pictures.",
)
@generator_option
@generator_options
@steps_option
@guidance_option
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True, help="Of noise, generator and world.")
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for ablation.json and ablation.png, such as docs/results/generators.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@threads_option
def ablation(
    clips: Path | None,
    rendered: int,
    snrs_db: tuple[float, ...],
    schemes: tuple[str, ...],
    generator: tuple[str, ...],
    settings: GeneratorOptions,
    steps: int | None,
    guidance: float | None,
    seed: int,
    folder: Path | None,
    as_json: bool,
) -> None:
    """What a rebuilt clip owes to its text, its pictures, clean ones, and a known SNR: each taken away or given.

    White noise. The text is taken as whole wherever it is not taken away, and pictures are used however noisy they are.
    """
    from gvsc.bench import ablation as bench
    from receiver import generators
    from receiver.media import replacing
    from receiver.receiver import Receiver
    from transmitter.transmitter import Transmitter

    sets = bench.clip_sets(clips, rendered, seed)
    load = partial(generators.load, options=settings)
    receiver = Receiver(seed=seed, generator=generator, steps=steps, guidance=guidance, load=load, least_snr_db={})
    made = bench.measure(
        sets,
        Transmitter(),
        receiver,
        lambda line: click.echo(printable(line), err=True),
        seed=seed,
        snrs_db=snrs_db or bench.SNRS_DB,
        schemes=schemes or scheme_table.with_visuals(),
    )
    made |= {"steps": steps, "guidance": guidance}
    if folder is not None:
        with replacing(folder / "ablation.json") as file:
            file.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        _draw("ablation", made, folder / "ablation.png")
    click.echo(json.dumps(made) if as_json else bench.table(made))


@command.command("motion", cls=OneLineErrors)
@click.option(
    "--clips",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="Folder of videos, or one; a clip's source is its name without the last two numbers.",
)
@click.option("--count", type=click.IntRange(min=1), help="So many of them, chosen by the SHA-256 of their names.")
@click.option("--held-out", is_flag=True, help="Only clips that `gvsc.training.motion` would not have learned from.")
@click.option("--snr-db", "snrs_db", type=SnrDb(), multiple=True, help="Repeatable. Default: 0, 5 and 10 dB.")
@click.option("--save", type=click.Path(file_okay=False, path_type=Path), help="Folder for contact sheets as PNG.")
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True, help="Seed of the noise.")
@click.option(
    "--out", "file", type=click.Path(dir_okay=False, path_type=Path), help="JSON file for the result, each clip's too."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@threads_option
def motion(
    clips: Path,
    count: int | None,
    held_out: bool,
    snrs_db: tuple[float, ...],
    save: Path | None,
    seed: int,
    file: Path | None,
    as_json: bool,
) -> None:
    """Motion on the air: the received frame repeated, moved as received, and moved by dense flow as if that were known.

    Through the real burst, white noise, the SNR estimated. With intervals of a bootstrap over sources.
    """
    from gvsc.bench import motion as bench
    from gvsc.training.motion import is_held_out
    from receiver.media import replacing, write_png

    taken = bench.read(clips, count, is_held_out if held_out else None)
    sources = {clip.name: clip.video for clip in taken}

    def sheet(name: str, snr_db: float, videos: Mapping[str, NDArray[np.uint8]]) -> None:
        if save is not None:
            write_png(save / f"{name}_{snr_db:g}dB.png", bench.sheet([sources[name], *videos.values()]))

    def tell(line: str) -> None:
        click.echo(printable(line), err=True)

    made = bench.measure(taken, tell, seed=seed, snrs_db=snrs_db or bench.SNRS_DB, keep=sheet)
    if file is not None:
        with replacing(file) as written:
            written.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    click.echo(json.dumps(made) if as_json else bench.table(made))


@command.command("header", cls=OneLineErrors)
@click.option(
    "--bursts",
    type=click.IntRange(min=100),
    default=40_000,
    show_default=True,
    help="Bursts at each SNR, and of noise alone; fewer where enough are lost before.",
)
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True, help="Seed of fields and noise.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def header(bursts: int, seed: int, as_json: bool) -> None:
    """The burst's header as the receiver reads it: lost, invented, and how well it tells the SNR."""
    from gvsc.bench.header import measure, table

    made = measure(bursts, seed, lambda line: click.echo(line, err=True))
    click.echo(json.dumps(made) if as_json else table(made))


@command.command("genie", cls=OneLineErrors)
@click.option("--bursts", type=click.IntRange(min=1), default=100, show_default=True, help="Bursts at each SNR.")
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True, help="Seed of the noise.")
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for genie.json and genie.png, such as docs/results/link.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def genie(bursts: int, seed: int, folder: Path | None, as_json: bool) -> None:
    """What it costs that the receiver estimates the SNR: against a genie that tells it, over AWGN and in fading."""
    from gvsc.bench.genie import measure, table
    from receiver.media import replacing

    made = measure(bursts, seed, lambda line: click.echo(line, err=True))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / "genie.json") as file:
            file.write_text(json.dumps(made, indent=1) + "\n")
        _draw("genie", made, folder / "genie.png")
    click.echo(json.dumps(made) if as_json else table(made))


@command.command("link", cls=OneLineErrors)
@click.argument("names", metavar="WHAT...", type=click.Choice([*CURVE_SETS, "all"]), nargs=-1, required=True)
@click.option(
    "--out",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("docs/results/link"),
    show_default=True,
    help="Where results and figures go, and where a run that was cut short goes on.",
)
@click.option(
    "--errors", type=click.IntRange(min=1), default=100, show_default=True, help="A point is done at so many errors …"
)
@click.option(
    "--trials", type=click.IntRange(min=1), help="… or after so many blocks; the default depends on what is measured."
)
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True, help="Seed of bits and noise.")
@click.option("--fresh", is_flag=True, help="Measure again what is there already.")
@click.option("--draw-only", is_flag=True, help="Draw the figures from the results that are there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def link(
    names: tuple[str, ...],
    folder: Path,
    errors: int,
    trials: int | None,
    seed: int,
    fresh: bool,
    draw_only: bool,
    as_json: bool,
) -> None:
    """Error rates against the SNR: of text, header, both together (joint), LDPC; undetected errors; or all.

    One JSON file and one figure each. Interrupt it freely: the next call goes on where this one stopped.
    """
    from gvsc.bench.curves import engine

    made = {}
    for name in CURVE_SETS if "all" in names else names:
        file = folder / f"{name}.json"
        if fresh and not draw_only:
            file.unlink(missing_ok=True)
        if draw_only:
            made[name] = engine.read(file)
        else:
            curves = load_curves(name)
            effort = engine.Effort(errors, trials or curves.max_trials, seed)
            made[name] = engine.measure(curves, file, effort, _Table(quiet=as_json), partial(click.echo, err=True))
        _draw("link", made[name], file.with_suffix(".png"))
    if as_json:
        click.echo(json.dumps(made))


def _draw(bench: str, result: Mapping[str, Any], file: Path) -> None:
    """Writes the figures that are registered for a bench: one as ``file``, further ones beside it, with their names."""
    from gvsc.evaluation.figures import FIGURES
    from receiver.media import write_png

    for number, (name, picture) in enumerate(FIGURES.drawn(bench, result).items()):
        write_png(file if number == 0 else file.with_stem(f"{file.stem}-{name}"), picture)


class _Table:
    """A line for each point on stdout, the one in the making on stderr where that is a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._curve = ""
        self._live = sys.stderr.isatty()

    def __call__(self, row: Row) -> None:
        line = (
            f"{row.snr_db:7.2f} {row.ebno_db:8.2f} {row.rate.trials:8d} {row.rate.errors:7d}  {row.rate!s:<28}"
            f"{row.seconds:7.1f} s"
        )
        if not row.complete:
            if self._live:
                click.echo(f"{line}\r", err=True, nl=False)
            return
        if self._quiet:
            return
        if row.curve != self._curve:
            self._curve = row.curve
            click.echo(f"{row.curve}\n  Es/N0    Eb/N0   trials  errors  error rate [95 %]              time")
        click.echo(line)


@command.command("adaptive", cls=OneLineErrors)
@click.option("--ramps", type=click.IntRange(1, 25), default=10, show_default=True, help="How often down and up again.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def adaptive(ramps: int, as_json: bool) -> None:
    """The adaptive scheme, live: three processes while the SNR goes from 12 to -7 dB and back, 1 dB a burst."""
    from gvsc.bench.adaptive import measure

    made = measure(ramps, lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps(made))
        return
    for number, content in enumerate(made["reaches"], 1):
        click.echo(f"ramp {number}: " + " > ".join(content))
    for what, found in made["failed_above"].items():
        low, high = found["interval"]
        click.echo(
            f"{what} failed in {found['failed']} of {found['bursts']} bursts above {made['above_db']:g} dB "
            f"[{low:.1e}, {high:.1e}]"
        )


@command.command("turbo", cls=OneLineErrors)
@click.option(
    "--blocks", type=click.IntRange(min=1), default=1000, show_default=True, help="Blocks for each error rate."
)
@click.option("--batch", type=click.IntRange(min=1), default=64, show_default=True, help="Blocks decoded at once.")
@click.option("--iterations", type=click.IntRange(min=1), default=8, show_default=True, help="Of each block, all run.")
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True, help="Seed of bits and noise.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def turbo(blocks: int, batch: int, iterations: int, seed: int, as_json: bool) -> None:
    """The turbo decoder (K = 768, rate 1/3, one thread): time of a block, commpy's beside it, error rates."""
    from gvsc.bench.turbo import measure

    made = measure(blocks, batch, iterations, lambda line: click.echo(line, err=True), seed)
    if as_json:
        click.echo(json.dumps(made))
        return
    click.echo(
        f"{made['ms_per_block']:.3f} ms a block in batches of {batch}, {made['ms_single_block']:.2f} ms alone; commpy "
        f"{made['commpy_ms_per_block']:.1f} ms, {made['ratio_vs_commpy']:.0f} times as long"
    )
    for snr_db, rate in made["bler"].items():
        low, high = made["bler_interval"][snr_db]
        click.echo(f"BLER at {snr_db} dB: {rate:.4f} [{low:.4f}, {high:.4f}] of {blocks} blocks")


@command.command("text", cls=OneLineErrors)
@click.option("--mode", "names", multiple=True, help='Text mode, such as "1/3" or "1/8+"; repeatable. Default: all.')
@click.option("--snr-db", "snrs_db", type=float, multiple=True, help="Es/N0; repeatable. Default: -4 and -2 and 0 dB.")
@click.option("--blocks", type=click.IntRange(min=1), default=1000, show_default=True, help="Bursts at each point.")
@click.option(
    "--errors", type=click.IntRange(min=1), default=200, show_default=True, help="A point is done at so many losses."
)
@click.option("--thresholds", is_flag=True, help="Search the SNR at which each mode loses one burst in a hundred.")
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True, help="Seed of phases and noise.")
@click.option(
    "--out",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the JSON to this file, such as docs/results/link/text-thresholds.json.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def text(
    names: tuple[str, ...],
    snrs_db: tuple[float, ...],
    blocks: int,
    errors: int,
    thresholds: bool,
    seed: int,
    file: Path | None,
    as_json: bool,
) -> None:
    """How often a description of 96 characters arrives, header and the receiver's own estimates included."""
    from common.codecs.text import MODES, by_name
    from gvsc.bench import provenance
    from gvsc.bench import text as bench

    def tell(line: str) -> None:
        click.echo(line, err=True)

    modes = [by_name(name) for name in names] or MODES
    if thresholds and snrs_db:
        raise click.UsageError("--thresholds searches the SNR; leave --snr-db out")
    if thresholds:
        made = bench.thresholds(modes, blocks, errors, tell, seed)
    else:
        made = bench.measure(modes, snrs_db or (-4.0, -2.0, 0.0), blocks, errors, tell, seed)
    if file is not None:
        from receiver.media import replacing

        made_with = {
            "effort": {"target_errors": errors, "max_trials": blocks, "seed": seed},
            "versions": provenance.versions(),
            "sources": provenance.sources(),
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as part:
            part.write_text(json.dumps(made_with | made, indent=1) + "\n", encoding="utf-8")
    if as_json:
        click.echo(json.dumps(made))
        return
    if thresholds:
        for mode in made["modes"]:
            click.echo(f"{mode['mode']:<5} {mode['symbols']:>5} symbols  1 % lost at {mode['snr_db']:+.2f} dB")
        return
    for point in made["points"]:
        low, high = point["lost_interval"]
        click.echo(
            f"{point['mode']:<5} {point['symbols']:>5} symbols  {point['snr_db']:+6.2f} dB  delivered "
            f"{point['delivered']:.4f}  lost [{low:.1e}, {high:.1e}] of {point['blocks']}"
        )

"""``gvsc demo``: start everything, turn the SNR, write what came of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from common import schemes
from common.conventions import check_snr_db
from common.errors import SettingError
from common.service import OneLineErrors, keys_option, printable
from gvsc.commands.metric_option import metric_option

DEFAULT_SNR_DB = "10,5,0,-3,15"


class SnrList(click.ParamType):
    """SNRs in dB with commas between them."""

    name = "dB,dB,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[float]:
        try:
            return [check_snr_db(part) for part in str(value).split(",") if str(value)]
        except SettingError as error:
            self.fail(str(error), param, ctx)


@click.command("demo", cls=OneLineErrors)
@click.option(
    "--clips",
    type=click.Path(exists=True, path_type=Path),
    help="A video or a folder of them, one clip of each; default: the sample clips.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="out/demo",
    show_default=True,
    help="Where the pictures go.",
)
@click.option(
    "--snr-db",
    type=SnrList(),
    multiple=True,
    default=[DEFAULT_SNR_DB],
    show_default=True,
    help=f"The walk of the SNR, one round through the clips at each, by {schemes.SHOWN}.",
)
@click.option(
    "--beside-snr-db",
    type=SnrList(),
    default="10,0",
    show_default=True,
    help=f"SNRs of further rounds by each of {', '.join(schemes.SHOWN_BESIDE)}; empty: none.",
)
@click.option(
    "--desc-only-snr-db",
    type=SnrList(),
    default="0",
    show_default=True,
    help="SNRs of further rounds with the description alone.",
)
@click.option(
    "--threads", type=click.IntRange(1, 1024), help="CPU threads of transmitter and receiver; default: all cores."
)
@metric_option
@keys_option
@click.option("--json", "as_json", is_flag=True, help="Print summary.json instead of a table.")
def command(
    clips: Path | None,
    out: Path,
    snr_db: tuple[list[float], ...],
    beside_snr_db: list[float],
    desc_only_snr_db: list[float],
    threads: int | None,
    metrics: tuple[str, ...],
    as_json: bool,
) -> None:
    """Start transmitter, channel and receiver, send clips, turn the SNR down and up again while they run.

    Writes for each clip the source and every reconstruction as mp4, a contact sheet, a constellation; and summary.json.
    While it runs, `gvsc inspect` in another terminal shows the symbols.
    """
    # Imported here, so that `--help` does not wait for the numeric packages.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from gvsc import demo

    steps = [demo.Step(snr, schemes.SHOWN) for snrs in snr_db for snr in snrs]
    steps += [demo.Step(snr, scheme) for scheme in schemes.SHOWN_BESIDE for snr in beside_snr_db]
    steps += [demo.Step(snr, schemes.TEXT_ALONE) for snr in desc_only_snr_db]
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("bursts", total=None)
        done = demo.run(
            clips,
            steps,
            out / "logs",
            () if threads is None else ("--threads", str(threads)),
            tell=console.print,
            advance=lambda count, due: progress.update(task, completed=count, total=due),
            metrics=metrics,
        )
        progress.add_task("pictures", total=None)
        summary = demo.write(done, out)
    if as_json:
        click.echo(json.dumps(summary))
    else:
        _print_table(summary)
        console.print(f"Look at {out / 'contact_sheet.png'}")


def _print_table(summary: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from gvsc.evaluation.metrics import METRICS

    runs = [(clip["name"], run) for clip in summary["clips"] for run in clip["runs"]]
    measured = [METRICS.metric(name) for name in dict.fromkeys(name for _, run in runs for name in run["metrics"])]
    labels = [metric.label for metric in measured]
    table = Table("clip", "scheme", "SNR", "estimated", "CBR payload / total", *labels, "text")
    console = Console()
    console.width = max(console.width, 120)  # a pipe has no width of its own, and rich would cut columns
    for name, run in runs:
        estimated = run["snr_estimated_db"]
        table.add_row(
            name,
            run["scheme"],
            f"{run['snr_db']:g} dB",
            "-" if estimated is None else f"{estimated:.1f} dB",
            f"{run['cbr_payload']:.5f} / {run['cbr_total']:.5f}",
            *(metric.text(run["metrics"].get(metric.name)) for metric in measured),
            "received" if run["text_ok"] else "lost",
        )
    console.print(table)
    reasons = {(name, why) for _, run in runs for name, why in run["metrics_missing"].items()}
    for name, why in sorted(reasons):
        console.print(printable(f"{METRICS.metric(name).label} was not computed: {why}"), markup=False)

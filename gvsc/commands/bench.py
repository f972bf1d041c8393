"""``gvsc bench``: speed and memory, measured."""

from __future__ import annotations

import json

import click

from common.service import OneLineErrors


@click.group("bench")
def command() -> None:
    """Measure speed and memory. Figures are of this machine, at this moment; run it on an idle one."""


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
        f" p99 {made['latency_ms']['p99']:.2f} ms ({made['symbols']} symbols a burst)"
    )


@command.command("link", cls=OneLineErrors)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def link(as_json: bool) -> None:
    """Seconds of each stage for one clip, and the peak memory of each of the three processes."""
    from gvsc.bench.link import measure

    made = measure(lambda line: click.echo(line, err=True))
    if as_json:
        click.echo(json.dumps(made))
        return
    for scheme, seconds in made["seconds"].items():
        click.echo(f"{scheme:<18} " + "  ".join(f"{stage} {value:.3f} s" for stage, value in seconds.items()))
    click.echo("peak RSS           " + "  ".join(f"{role} {mb:.0f} MB" for role, mb in made["peak_rss_mb"].items()))

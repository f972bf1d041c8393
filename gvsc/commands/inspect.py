"""``gvsc inspect``: the symbol traffic of a running channel, live."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from common.endpoints import TAP
from common.service import OneLineErrors, endpoint_option, keys_option, say, until_stopped
from gvsc.client import Client, Gap, TappedBurst
from gvsc.evaluation.figures.terminal_constellation import terminal_constellation
from receiver.media import replacing

HEADINGS = (
    f"{'burst':>6} {'link':>4} {'scheme, code rate':<22} {'symbols':>8} {'CBR payload / total':>19}"
    f" {'SNR set':>8} {'measured':>9} {'power':>7} {'EVM':>7}"
)


@click.command("inspect", cls=OneLineErrors)
@click.option(
    "--count", type=click.IntRange(min=1), help="Stop after so many bursts; default: go on until interrupted."
)
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Fail if no burst comes for so long.")
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.npz",
    help="Keep the samples of all bursts.",
)
@click.option("--link", help="Only the link of this number, or of the receiver of this name; default: all links.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, and nothing else on stdout.")
@click.option(
    "--constellation/--no-constellation", default=True, help="Draw the samples after the channel in the terminal."
)
@endpoint_option(TAP)
@keys_option
def command(
    count: int | None,
    timeout: float | None,
    save: Path | None,
    link: str | None,
    as_json: bool,
    constellation: bool,
    tap: str,
) -> None:
    """Look at the symbol traffic: a line for a burst on its way to a receiver, and a small constellation.

    A line tells where scheme or code rate switch. Each receiver has a link of its own: `gvsc control status` tells
    which. The SNR that is set stands beside the one measured from the samples before and after the channel. FILE.npz
    holds, for burst N of those seen, before_N and after_N (complex64), and the facts of all as JSON lines.
    """
    seen: list[TappedBurst] = []
    contents: dict[int, str] = {}
    with until_stopped(), Client({TAP: tap}) as client:
        say("inspect", f"waiting for bursts at {tap}")
        if not as_json:
            click.echo(HEADINGS)
        bursts = client.bursts(
            link=link,
            timeout_s=timeout,
            on_refused=lambda why: say("inspect", f"refused a message: {why}"),
            on_gap=_tell_gap,
        )
        for burst in islice(bursts, count):
            if save is not None:
                seen.append(burst)
            former = contents.get(burst.link)
            switched_from = former if former != burst.content else None
            contents[burst.link] = burst.content
            if as_json:
                click.echo(json.dumps({**burst.facts(), "switched_from": switched_from}))
                continue
            if switched_from:
                click.echo(f"{burst.seq:>6} {burst.link:>4} switched from {switched_from} to {burst.content}")
            click.echo(_line(burst))
            if constellation:
                click.echo(terminal_constellation(burst.after, 41, 17))
    if save is not None:
        _save(save, seen)
        say("inspect", f"{len(seen)} bursts saved to {save}")


def _tell_gap(gap: Gap) -> None:
    say("inspect", f"{gap.missed} bursts not seen on link {gap.link}")


def _line(burst: TappedBurst) -> str:
    header = burst.header
    cbrs = f"{header.cbr_payload:.5f} / {header.cbr_total:.5f}" if header else "-"
    return (
        f"{burst.seq:>6} {burst.link:>4} {burst.content:<22} {burst.before.size:>8}"
        f" {cbrs:>19}"
        f" {burst.snr_set_db:>5.1f} dB {burst.snr_measured_db:>6.2f} dB"
        f" {burst.power:>7.3f} {100 * burst.evm_rms:>6.1f}%"
    )


def _save(path: Path, bursts: list[TappedBurst]) -> None:
    arrays: dict[str, NDArray[Any]] = {f"before_{i}": burst.before for i, burst in enumerate(bursts)}
    arrays |= {f"after_{i}": burst.after for i, burst in enumerate(bursts)}
    arrays["facts"] = np.array([json.dumps(burst.facts()) for burst in bursts], dtype=np.str_)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)

"""``gvsc inspect``: the symbol traffic of a running channel, live."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import zmq
from numpy.typing import NDArray

from common import endpoints, wire
from common.errors import EndpointError, ProtocolError
from common.service import OneLineErrors, endpoint_option, say, until_stopped
from gvsc import tap as tapped
from gvsc.evaluation.figures.terminal_constellation import terminal_constellation
from gvsc.tap import TappedBurst
from receiver.media import replacing

HEADINGS = (
    f"{'burst':>6} {'scheme':<18} {'symbols':>8} {'CBR':>9} {'SNR set':>8} {'measured':>9} {'power':>7} {'EVM':>7}"
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
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, and nothing else on stdout.")
@click.option(
    "--constellation/--no-constellation", default=True, help="Draw the samples after the channel in the terminal."
)
@endpoint_option(endpoints.TAP)
def command(
    count: int | None, timeout: float | None, save: Path | None, as_json: bool, constellation: bool, tap: str
) -> None:
    """Look at the symbol traffic: a line a burst, and a small constellation.

    The SNR that is set stands beside the one measured from the samples before and after the channel. FILE.npz holds,
    for burst N of those seen, before_N and after_N (complex64), and the facts of all as JSON lines.
    """
    seen: list[TappedBurst] = []
    with until_stopped(), zmq.Context() as context:
        say("inspect", f"waiting for bursts at {tap}")
        if not as_json:
            click.echo(HEADINGS)
        for burst in _bursts(context, tap, count, timeout):
            if save is not None:
                seen.append(burst)
            if as_json:
                click.echo(json.dumps(burst.facts()))
                continue
            click.echo(_line(burst))
            if constellation:
                click.echo(terminal_constellation(burst.after, 41, 17))
    if save is not None:
        _save(save, seen)
        say("inspect", f"{len(seen)} bursts saved to {save}")


def _bursts(
    context: zmq.Context[zmq.Socket[bytes]], address: str, count: int | None, timeout_s: float | None
) -> Iterator[TappedBurst]:
    session, expected, seen = "", 0, 0
    with endpoints.open_socket(context, zmq.SUB, high_water_mark=256) as socket:
        socket.subscribe(b"")
        endpoints.connect(socket, address, "tap")
        while count is None or seen < count:
            if timeout_s is not None and not socket.poll(int(timeout_s * 1000)):
                raise EndpointError(
                    f"no burst at {address} within {timeout_s:g} s, {seen} seen: is the channel running?"
                )
            try:
                burst = tapped.from_message(wire.receive(socket, ("tap",)))
            except ProtocolError as error:
                say("inspect", f"refused a message: {error}")
                continue
            if burst.session == session and burst.seq > expected:
                say("inspect", f"{burst.seq - expected} bursts not seen")
            session, expected = burst.session, burst.seq + 1
            seen += 1
            yield burst


def _line(burst: TappedBurst) -> str:
    header = burst.header
    return (
        f"{burst.seq:>6} {header.scheme.name if header else 'unreadable':<18} {burst.before.size:>8}"
        f" {header.cbr_total if header else float('nan'):>9.5f}"
        f" {burst.snr_set_db:>5.1f} dB {burst.snr_measured_db:>6.2f} dB"
        f" {burst.power:>7.3f} {100 * burst.evm_rms:>6.1f}%"
    )


def _save(path: Path, bursts: list[TappedBurst]) -> None:
    arrays: dict[str, NDArray[Any]] = {f"before_{i}": burst.before for i, burst in enumerate(bursts)}
    arrays |= {f"after_{i}": burst.after for i, burst in enumerate(bursts)}
    arrays["facts"] = np.array([json.dumps(burst.facts()) for burst in bursts], dtype=np.str_)
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)

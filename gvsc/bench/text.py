"""How often a description arrives, as the receiver gets it: header, pilots and text of a description-only burst."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from common import burst, schemes
from common.codecs import text
from common.conventions import FRAMES, SIZE, noise_variance
from common.header import Header
from gvsc.bench.trials import ErrorRate, count
from receiver.listen import listen

DESCRIPTION = "A group of cyclists rides down a narrow street between parked cars while a bus waits at the side"
"""96 characters."""

SCHEME = "desc-only"
BATCH = 50

LOSS = 0.01
"""Rate of loss that a mode's threshold is told at."""

STEP_DB = 0.25


def measure(
    modes: Sequence[text.TextMode],
    snrs_db: Sequence[float],
    blocks: int,
    target_errors: int,
    tell: Callable[[str], None],
    seed: int,
) -> dict[str, Any]:
    """``{"characters", "points": [{"mode", "symbols", "total_symbols", "snr_db", "blocks", "delivered", …}]}``.

    A burst counts as delivered where the receiver returns the very description: it has found gain and noise by its own
    estimate, each time in a new phase and a new noise, and the header told it the mode and the length. ``symbols`` are
    the description's, ``total_symbols`` all of the burst. ``blocks`` bursts a point, fewer where ``target_errors`` were
    lost before; ``lost_interval`` is Wilson's, of ``1 − delivered``; ``header_lost`` those whose header was not read,
    ``wrong`` those that arrived as something else.
    """
    points = []
    for mode in modes:
        for snr_db in snrs_db:
            points.append(point(mode, snr_db, blocks, target_errors, seed))
            made = points[-1]
            tell(
                f"{mode.name:<4} {made['symbols']:>4} symbols  {snr_db:+.2f} dB  lost {made['lost']} of "
                f"{made['blocks']} (header {made['header_lost']}), wrong {made['wrong']}"
            )
    return {"characters": len(DESCRIPTION), "points": points}


def thresholds(
    modes: Sequence[text.TextMode], blocks: int, target_errors: int, tell: Callable[[str], None], seed: int
) -> dict[str, Any]:
    """The SNR at which one description in a hundred is lost, for each mode: ``{"characters", "modes": [{"mode",
    "symbols", "total_symbols", "snr_db", "points"}]}``.

    Points lie STEP_DB apart, from the last one where 40 bursts all arrive downwards until more than LOSS is lost for
    certain; between the two that have LOSS between them, the logarithm of the rate is taken for linear.
    """
    found = []
    for mode in modes:
        start = next(snr for snr in itertools.count(12.0, -1.0) if point(mode, snr, 40, 1, seed + 1)["lost"]) + 1.0
        points = [point(mode, start, blocks, target_errors, seed)]
        while points[-1]["lost_interval"][0] < LOSS:
            points.append(point(mode, points[-1]["snr_db"] - STEP_DB, blocks, target_errors, seed))
        while _rate(points[0]) >= LOSS:
            points.insert(0, point(mode, points[0]["snr_db"] + STEP_DB, blocks, target_errors, seed))
        above, below = next(pair for pair in itertools.pairwise(points) if _rate(pair[1]) >= LOSS)
        share = math.log(LOSS / _rate(above)) / math.log(_rate(below) / _rate(above))
        snr_db = above["snr_db"] - STEP_DB * share
        symbols = {name: points[0][name] for name in ("symbols", "total_symbols")}
        found.append({"mode": mode.name, **symbols, "snr_db": round(snr_db, 2), "points": points})
        tell(f"{mode.name:<4} {symbols['symbols']:>4} symbols  {snr_db:+.2f} dB")
    return {"characters": len(DESCRIPTION), "loss": LOSS, "modes": found}


def _rate(made: dict[str, Any]) -> float:
    """Rate of loss; half an error where there was none, so that it has a logarithm."""
    return float(max(made["lost"], 0.5) / made["blocks"])


def point(mode: text.TextMode, snr_db: float, blocks: int, target_errors: int, seed: int) -> dict[str, Any]:
    """One point of :func:`measure`."""
    data = DESCRIPTION.encode()
    scheme = schemes.by_name(SCHEME)
    values = {"description": {"bytes": text.byte_count(data, mode.number), "mode": mode.number}}
    header = Header(scheme, 0, FRAMES, SIZE, SIZE, values)
    sent = burst.assemble(header, {"description": text.encode(data, mode.number)}).samples

    def trial(rng: np.random.Generator, size: int) -> dict[str, int]:
        found = [_receive(_through_air(sent, snr_db, rng)) for _ in range(size)]
        return {
            "lost": sum(got != DESCRIPTION for _, got in found),
            "header_lost": sum(not header_read for header_read, _ in found),
            "wrong": sum(got is not None and got != DESCRIPTION for _, got in found),
        }

    made = count(trial, until="lost", target_errors=target_errors, max_trials=blocks, batch=BATCH, seed=seed)
    rate = ErrorRate(made["lost"], made["trials"])
    return {
        "mode": mode.name,
        "symbols": header.payload_symbols,
        "total_symbols": header.total_symbols,
        "snr_db": snr_db,
        "blocks": rate.trials,
        "delivered": 1.0 - rate.rate,
        "lost": rate.errors,
        "lost_interval": rate.interval(),
        "header_lost": made["header_lost"],
        "wrong": made["wrong"],
    }


def _through_air(sent: burst.Symbols, snr_db: float, rng: np.random.Generator) -> burst.Symbols:
    phase = np.exp(2j * np.pi * rng.random())
    noise = rng.standard_normal((sent.size, 2)).view(np.complex128)[:, 0] * np.sqrt(noise_variance(snr_db) / 2.0)
    return (sent * phase + noise).astype(np.complex64)


def _receive(samples: burst.Symbols) -> tuple[bool, str | None]:
    """Whether the header could be read, and the description, as the receiver hears them."""
    heard = listen(samples)
    if heard.header is None or heard.header.scheme.name != SCHEME:
        return False, None
    return True, heard.text

"""Error-rate curves by Monte-Carlo, kept in a file while they are made, so that a run that was killed goes on."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common import seeds
from common.conventions import ebno_db
from common.errors import SettingError
from gvsc.bench import normal_approximation, provenance, trials
from gvsc.bench.trials import ErrorRate, Tally

CountedTrial = Callable[[np.random.Generator, int], Mapping[str, int]]
"""``trial(rng, batch)``: counts among ``batch`` blocks: ``block_errors``, ``undetected`` (wrong blocks that pass for
right) and, where bits can be compared, ``bit_errors``."""

MOST_POINTS = 40
SAVE_EVERY_S = 5.0


@dataclass(frozen=True)
class Curve:
    """One code at one rate. ``trial_at(snr_db)`` gives the trial at that Es/N0.

    ``symbols`` are all that a block takes, ``information_bits`` what it conveys: Eb/N0 and the bound come from these.
    Points lie at ``snrs_db``, or else every ``step_db`` from ``skip_db`` above where the bound is 0.9 up to the first
    with an error rate below ``floor``. Points count until enough ``until``.
    """

    name: str
    information_bits: int
    symbols: int
    trial_at: Callable[[float], CountedTrial]
    bits_per_symbol: int = 2
    batch: int = 50
    step_db: float = 0.25
    skip_db: float = 0.0
    floor: float = 1e-3
    snrs_db: tuple[float, ...] | None = None
    until: str = "block_errors"

    def ebno_db(self, snr_db: float) -> float:
        """Eb/N0 in dB where Es/N0 is ``snr_db``."""
        rate = self.information_bits / (self.symbols * self.bits_per_symbol)
        return ebno_db(snr_db, bits_per_symbol=self.bits_per_symbol, code_rate=rate)

    def bound(self, snr_db: float) -> float:
        """The normal approximation of the block error rate."""
        return normal_approximation.block_error_rate(snr_db, self.information_bits, self.symbols, self.bits_per_symbol)

    def first_db(self) -> float:
        """Where a sweep begins."""
        start = normal_approximation.snr_db_for(0.9, self.information_bits, self.symbols, self.bits_per_symbol)
        return math.floor((start + self.skip_db) / self.step_db) * self.step_db


@dataclass(frozen=True)
class CurveSet:
    """Curves of one kind: one JSON file and one figure. ``max_trials`` is what is worth its time by default."""

    name: str
    title: str
    curves: Sequence[Curve]
    max_trials: int


@dataclass(frozen=True)
class Effort:
    """When a point is done: after ``target_errors`` errors or ``max_trials`` blocks."""

    target_errors: int
    max_trials: int
    seed: int


@dataclass(frozen=True)
class Row:
    """A point as it is shown while it is measured. ``rate`` is of what the curve counts."""

    curve: str
    snr_db: float
    ebno_db: float
    rate: ErrorRate
    seconds: float
    complete: bool


def measure(
    curves: CurveSet,
    file: Path,
    effort: Effort,
    tell: Callable[[Row], None],
    note: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """The error rates of all ``curves``, also written to ``file`` (JSON) after each point and every few seconds.

    Points that ``file`` already holds, made with the same ``effort``, package versions and measured code, are kept; one
    that was cut short is continued, and ends with the counts it would have had. A file that does not tell its code is
    kept. ``tell`` is given each point when it is done and as it grows; ``note`` a line on what becomes of the file.
    """
    result = _kept(file, curves, effort, note) or _new(curves, effort)
    for curve, entry in zip(curves.curves, result["curves"], strict=True):
        points = entry["points"]
        for snr_db in _sweep(curve, points):
            point = next((p for p in points if p["snr_db"] == snr_db), None)
            if point is None:
                point = {"snr_db": snr_db, "ebno_db": round(curve.ebno_db(snr_db), 4), "complete": False}
                point |= {"tally": {}, "seconds": 0.0}
                points.append(point)
            if not point["complete"]:
                _measure_point(curve, point, effort, lambda: _write(file, result), tell)
            tell(_row(curve, point))
        entry["bound"] = _bound(curve, points)
    result["complete"] = True
    _write(file, result)
    return result


def rates(point: Mapping[str, Any], curve: Mapping[str, Any]) -> dict[str, float | list[float]]:
    """What a point's counts mean: ``bler``, ``undetected`` and, where counted, ``ber``, with ``…_interval`` each.

    Errors of bits come in blocks, so the interval of the bit error rate is that of the block error rate, times the
    share of bits that are wrong in a wrong block.
    """
    tally = point["tally"]
    blocks = ErrorRate(tally["block_errors"], tally["trials"])
    undetected = ErrorRate(tally["undetected"], tally["trials"])
    made: dict[str, float | list[float]] = {
        "bler": _rounded(blocks.rate),
        "bler_interval": [_rounded(end) for end in blocks.interval()],
        "undetected": _rounded(undetected.rate),
        "undetected_interval": [_rounded(end) for end in undetected.interval()],
    }
    if "bit_errors" in tally:
        share = tally["bit_errors"] / (blocks.errors * curve["information_bits"]) if blocks.errors else 0.5
        made["ber"] = _rounded(blocks.rate * share)
        made["ber_interval"] = [_rounded(end * share) for end in blocks.interval()]
    return made


def threshold_snr_db(points: Sequence[Mapping[str, Any]], error_rate: float) -> float | None:
    """Es/N0 in dB where the curve falls through ``error_rate``: log BLER taken as linear between points; None if never.

    ``points`` by rising SNR. A point without errors counts as half an error.
    """
    logs = [math.log10(max(p["tally"]["block_errors"], 0.5) / p["tally"]["trials"]) for p in points]
    wanted = math.log10(error_rate)
    for index in range(1, len(points)):
        if logs[index - 1] > wanted >= logs[index]:
            share = (logs[index - 1] - wanted) / (logs[index - 1] - logs[index])
            low, high = points[index - 1]["snr_db"], points[index]["snr_db"]
            return float(low + share * (high - low))
    return None


def read(file: Path) -> dict[str, Any]:
    """What :func:`measure` wrote. Raises SettingError where there is nothing or something else."""
    try:
        loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingError(f"{file} holds no curves ({error}): make them with `gvsc bench link {file.stem}`") from None
    return loaded


def _sweep(curve: Curve, points: Sequence[Mapping[str, Any]]) -> Iterator[float]:
    if curve.snrs_db is not None:
        yield from curve.snrs_db
        return
    for index in range(MOST_POINTS):
        yield round(curve.first_db() + index * curve.step_db, 4)
        tally = points[index]["tally"]
        if tally["block_errors"] < curve.floor * tally["trials"]:
            return


def _measure_point(
    curve: Curve, point: dict[str, Any], effort: Effort, save: Callable[[], None], tell: Callable[[Row], None]
) -> None:
    began, saved, before = time.perf_counter(), time.perf_counter(), point["seconds"]

    def grown(tally: Tally) -> None:
        nonlocal saved
        now = time.perf_counter()
        point["tally"] = tally
        point["seconds"] = round(before + now - began, 2)
        if now - saved > SAVE_EVERY_S:
            save()
            saved = now
        tell(_row(curve, point))

    point["tally"] = trials.count(
        curve.trial_at(point["snr_db"]),
        until=curve.until,
        target_errors=effort.target_errors,
        max_trials=effort.max_trials,
        batch=curve.batch,
        # by name, so that one curve can be measured again without the others
        seed=seeds.derive(effort.seed, round(100 * point["snr_db"]), f"bench link {curve.name}"),
        done=point["tally"],
        tell=grown,
    )
    point["complete"] = True
    point |= rates(point, {"information_bits": curve.information_bits})
    save()


def _row(curve: Curve, point: Mapping[str, Any]) -> Row:
    tally = point["tally"]
    rate = ErrorRate(tally[curve.until], tally["trials"])
    return Row(curve.name, point["snr_db"], point["ebno_db"], rate, point["seconds"], point["complete"])


def _bound(curve: Curve, points: Sequence[Mapping[str, Any]]) -> list[list[float]]:
    """[Es/N0 in dB, block error rate] of the normal approximation, from where the points begin down to 1e-5."""
    if not points or curve.until != "block_errors":
        return []
    line: list[list[float]] = []
    snr_db = points[0]["snr_db"] - 4 * curve.step_db
    while not line or (line[-1][1] > 1e-5 and snr_db <= points[-1]["snr_db"] + 2.0):
        line.append([round(snr_db, 4), _rounded(curve.bound(snr_db))])
        snr_db += curve.step_db / 2
    return line


def _new(curves: CurveSet, effort: Effort) -> dict[str, Any]:
    return {
        "set": curves.name,
        "title": curves.title,
        "complete": False,
        "effort": dataclasses.asdict(effort),
        "versions": provenance.versions(),
        "sources": provenance.sources(),
        "curves": [_described(curve) | {"points": [], "bound": []} for curve in curves.curves],
    }


def _described(curve: Curve) -> dict[str, Any]:
    return {
        "name": curve.name,
        "information_bits": curve.information_bits,
        "symbols": curve.symbols,
        "bits_per_symbol": curve.bits_per_symbol,
        "counts": curve.until,
        "batch": curve.batch,
    }


def _kept(file: Path, curves: CurveSet, effort: Effort, note: Callable[[str], None]) -> dict[str, Any] | None:
    """What ``file`` holds if it was made for these curves, this effort, by this code; None if not, or unreadable."""
    if not file.exists():
        return None
    try:
        held = read(file)
        described = [{key: entry[key] for key in _described(curves.curves[0])} for entry in held["curves"]]
        same = held["effort"] == dataclasses.asdict(effort) and described == [_described(c) for c in curves.curves]
        code = held.get("sources")
        of_now = code is None or (code, held["versions"]) == (provenance.sources(), provenance.versions())
    except (SettingError, KeyError, TypeError):
        same = False
    if not same:
        note(f"{file}: of other curves or another effort; measured anew")
        return None
    if not of_now:
        note(f"{file}: made by other code or other packages; measured anew")
        return None
    if code is None:
        note(f"{file}: does not tell which code made it; its points are kept (--fresh measures them again)")
    return held


def _write(file: Path, result: Mapping[str, Any]) -> None:
    """The file holds the old or the new result whole, whenever the process dies."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(file)


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")

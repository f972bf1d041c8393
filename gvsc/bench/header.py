"""How often the header of a burst is lost, how often one is invented, and how well the SNR is estimated from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from common import burst, pilots
from common import header as header_code
from common.coding import polar
from common.layout import PREAMBLE_PILOT_INDICES, PREAMBLE_PILOTS, PREAMBLE_SYMBOLS, WORD_SYMBOLS
from gvsc.bench import preamble
from gvsc.bench.curves.noise import add_noise
from gvsc.bench.normal_approximation import block_error_rate
from gvsc.bench.trials import ErrorRate, count
from receiver.estimate import estimate, track

SNRS_DB: Final = (-6.0, -5.0, -4.0, -3.0, -2.0)
ESTIMATE_SNRS_DB: Final = (-5.0, 0.0, 5.0, 10.0, 15.0)
TARGET_ERRORS: Final = 200
BATCH: Final = 500


def measure(bursts: int, seed: int, tell: Callable[[str], None], snrs_db: Sequence[float] = SNRS_DB) -> dict[str, Any]:
    """Preambles with random fields and a random phase in white noise, read as the receiver reads them.

    ``bursts`` at each SNR, fewer where ``TARGET_ERRORS`` were lost before; as many of noise alone for
    ``false_accept_rate``; a tenth, shared among five SNRs, for the estimates. ``false_accept`` tells both kinds of
    header that nobody sent: ``noise``, accepted where there was noise alone, and ``wrong``, accepted with other fields
    than were sent, at each SNR. Neither counts on the burst's length to unmask it; ``right_length`` says how many
    wrong ones would pass the receiver's check of that, too. ``bound`` is the normal approximation for the 36
    information bits in the header's symbols, gain and noise known: what the CRC costs is a loss of the scheme.
    """
    points = []
    for snr_db in snrs_db:
        points.append(_point(snr_db, bursts, seed))
        tell(f"{snr_db:g} dB: {points[-1]['errors']} of {points[-1]['bursts']} headers lost")
    noise = count(
        lambda rng, size: {"accepted": sum(preamble.read(_silence(rng)) is not None for _ in range(size))},
        until="accepted",
        target_errors=TARGET_ERRORS,
        max_trials=bursts,
        batch=BATCH,
        seed=seed,
    )
    false = ErrorRate(noise["accepted"], noise["trials"])
    tell(f"noise alone: {false.errors} headers in {false.trials} tries")
    estimates = [_estimates(snr_db, max(50, bursts // 50), seed) for snr_db in ESTIMATE_SNRS_DB]
    return {
        "symbols": pilots.PREAMBLE + pilots.SCATTERED + WORD_SYMBOLS,
        "pilot_symbols": pilots.PREAMBLE + pilots.SCATTERED,
        "header_symbols": WORD_SYMBOLS,
        "bits": polar.BITS,
        "information_bits": header_code.WORD_BITS,
        "false_accept_rate": false.rate,
        "false_accept_interval": false.interval(),
        "false_accept_bursts": false.trials,
        "false_accept": {
            "noise": _told(false),
            "wrong": [
                {"snr_db": point["snr_db"]}
                | _told(ErrorRate(point["wrong"], point["bursts"]))
                | {"right_length": point["wrong_right_length"]}
                for point in points
            ],
        },
        "snr_estimate_rms_db": {
            name: math.sqrt(sum(made[name] ** 2 for made in estimates) / len(estimates))
            for name in ("pilots", "with_header")
        },
        "snr_estimate_points": estimates,
        "points": points,
    }


def table(made: dict[str, Any]) -> str:
    """What :func:`measure` returns, for people."""
    low, high = made["false_accept_interval"]
    rms = made["snr_estimate_rms_db"]
    lines = [
        f"{made['header_symbols']} symbols of header and {made['pilot_symbols']} pilots",
        " Es/N0   bursts    lost  rate [95 %]                    bound     wrong, of the right length; rate [95 %]",
    ]
    for point in made["points"]:
        rate = ErrorRate(point["errors"], point["bursts"])
        lines.append(
            f"{point['snr_db']:6.1f} {point['bursts']:8d} {point['errors']:7d}  {rate!s:<28} {point['bound']:8.1e}"
            f" {point['wrong']:6d} {point['wrong_right_length']:6d}  {ErrorRate(point['wrong'], point['bursts'])}"
        )
    lines.append(
        f"noise alone: invented {made['false_accept_rate']:.1e} [{low:.1e}, {high:.1e}] of"
        f" {made['false_accept_bursts']} bursts"
    )
    lines.append(
        f"SNR estimate, RMS over −5 … 15 dB: {rms['pilots']:.2f} dB from the preamble's pilots,"
        f" {rms['with_header']:.2f} dB with the header and all pilots"
    )
    return "\n".join(lines)


def _point(snr_db: float, bursts: int, seed: int) -> dict[str, Any]:
    def trial(rng: np.random.Generator, size: int) -> dict[str, int]:
        found = {"lost": 0, "wrong": 0, "right_length": 0}
        for _ in range(size):
            header = preamble.random_header(rng)
            read = preamble.read(add_noise(preamble.sent(header, rng), snr_db, rng)[0])
            found["lost"] += read != header
            if read is not None and read != header:
                found["wrong"] += 1
                found["right_length"] += read.total_symbols == header.total_symbols
        return found

    made = count(trial, until="lost", target_errors=TARGET_ERRORS, max_trials=bursts, batch=BATCH, seed=seed)
    lost = ErrorRate(made["lost"], made["trials"])
    return {
        "snr_db": snr_db,
        "bursts": lost.trials,
        "errors": lost.errors,
        "error_rate": lost.rate,
        "interval": lost.interval(),
        "wrong": made["wrong"],
        "wrong_right_length": made["right_length"],
        "bound": block_error_rate(snr_db, header_code.WORD_BITS, WORD_SYMBOLS),
    }


def _estimates(snr_db: float, bursts: int, seed: int) -> dict[str, Any]:
    """RMS errors in dB over ``bursts``: of the preamble's pilots alone, and of all pilots and the header."""
    rng = np.random.default_rng([seed, round(snr_db * 100) % 2**32])
    errors: dict[str, list[float]] = {"pilots": [], "with_header": []}
    for _ in range(bursts):
        header = preamble.random_header(rng)
        places = header.layout()
        known = np.concatenate([burst.known_pilots(header), header_code.encode(header)])
        at = np.concatenate([places["pilots"], places["header"]])
        # Nothing between the known symbols is looked at, so noise stands there.
        samples = add_noise(np.zeros(header.total_symbols, np.complex64), snr_db, rng)[0]
        samples[at] += known * np.complex64(np.exp(2j * np.pi * rng.random()))
        alone = estimate(samples[PREAMBLE_PILOT_INDICES], PREAMBLE_PILOTS)
        errors["pilots"].append(alone.snr_db - snr_db)
        errors["with_header"].append(track(samples, at, known).snr_db - snr_db)
    rms = {name: float(np.sqrt(np.mean(np.square(made)))) for name, made in errors.items()}
    return {"snr_db": snr_db, "bursts": bursts, **rms}


def _silence(rng: np.random.Generator) -> preamble.Samples:
    return add_noise(np.zeros(PREAMBLE_SYMBOLS, np.complex64), 0.0, rng)[0]


def _told(rate: ErrorRate) -> dict[str, Any]:
    return {"errors": rate.errors, "bursts": rate.trials, "rate": rate.rate, "interval": rate.interval()}

"""How often the header of a burst is lost, how often one is invented, and how well the SNR is estimated from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from common import burst, pilots, schemes
from common.burst import Header
from common.clip import MAX_SIDE, MULTIPLE
from common.codecs import text
from common.coding import polar
from common.conventions import noise_variance
from gvsc.bench.normal_approximation import block_error_rate
from gvsc.bench.trials import ErrorRate, count
from receiver import header as header_reader
from receiver.estimate import estimate, track

SNRS_DB: Final = (-6.0, -5.0, -4.0, -3.0, -2.0)
ESTIMATE_SNRS_DB: Final = (-5.0, 0.0, 5.0, 10.0, 15.0)
TARGET_ERRORS: Final = 200
BATCH: Final = 500


def measure(bursts: int, seed: int, tell: Callable[[str], None], snrs_db: Sequence[float] = SNRS_DB) -> dict[str, Any]:
    """Preambles with random fields and a random phase in white noise, read as the receiver reads them.

    ``bursts`` at each SNR, fewer where ``TARGET_ERRORS`` were lost before; as many of noise alone for
    ``false_accept_rate``, which does not count on the burst's length to unmask a header; a tenth, shared among five
    SNRs, for the estimates. ``bound`` is the normal approximation for 48 bits in the header's symbols where gain and
    noise are known and a lost word is always noticed.
    """
    points = []
    for snr_db in snrs_db:
        points.append(_point(snr_db, bursts, seed))
        tell(f"{snr_db:g} dB: {points[-1]['errors']} of {points[-1]['bursts']} headers lost")
    noise = count(
        lambda rng, size: {"accepted": sum(_read(_noise(rng, 1.0)) is not None for _ in range(size))},
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
        "symbols": pilots.PREAMBLE + pilots.SCATTERED + burst.HEADER_SYMBOLS,
        "pilot_symbols": pilots.PREAMBLE + pilots.SCATTERED,
        "header_symbols": burst.HEADER_SYMBOLS,
        "bits": polar.BITS,
        "false_accept_rate": false.rate,
        "false_accept_interval": false.interval(),
        "false_accept_bursts": false.trials,
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
        " Es/N0   bursts    lost   wrong  rate [95 %]                    bound",
    ]
    for point in made["points"]:
        rate = ErrorRate(point["errors"], point["bursts"])
        lines.append(
            f"{point['snr_db']:6.1f} {point['bursts']:8d} {point['errors']:7d} {point['wrong']:7d}"
            f"  {rate!s:<28} {point['bound']:.1e}"
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
    variance = noise_variance(snr_db)

    def trial(rng: np.random.Generator, size: int) -> dict[str, int]:
        lost = wrong = 0
        for _ in range(size):
            header = _random_header(rng)
            read = _read(_preamble(header, rng) + _noise(rng, variance))
            lost += read != header
            wrong += read is not None and read != header
        return {"lost": lost, "wrong": wrong}

    made = count(trial, until="lost", target_errors=TARGET_ERRORS, max_trials=bursts, batch=BATCH, seed=seed)
    lost = ErrorRate(made["lost"], made["trials"])
    return {
        "snr_db": snr_db,
        "bursts": lost.trials,
        "errors": lost.errors,
        "error_rate": lost.rate,
        "interval": lost.interval(),
        "wrong": made["wrong"],
        "bound": block_error_rate(snr_db, polar.BITS, burst.HEADER_SYMBOLS),
    }


def _estimates(snr_db: float, bursts: int, seed: int) -> dict[str, Any]:
    """RMS errors in dB over ``bursts``: of the preamble's pilots alone, and of all pilots and the header."""
    rng = np.random.default_rng([seed, round(snr_db * 100) % 2**32])
    errors: dict[str, list[float]] = {"pilots": [], "with_header": []}
    for _ in range(bursts):
        header = _random_header(rng)
        places = header.layout()
        known = np.concatenate([burst.known_pilots(header), burst.encode_header(header)])
        at = np.concatenate([places["pilots"], places["header"]])
        # Nothing between the known symbols is looked at, so noise stands there.
        samples = _noise(rng, noise_variance(snr_db), header.total_symbols)
        samples[at] += known * np.complex64(np.exp(2j * np.pi * rng.random()))
        alone = estimate(samples[burst.PILOT_PLACES], burst.PILOTS)
        errors["pilots"].append(alone.snr_db - snr_db)
        errors["with_header"].append(track(samples, at, known).snr_db - snr_db)
    rms = {name: float(np.sqrt(np.mean(np.square(made)))) for name, made in errors.items()}
    return {"snr_db": snr_db, "bursts": bursts, **rms}


def _read(samples: NDArray[np.complex64]) -> Header | None:
    return header_reader.read(samples, header_reader.listen(samples))


def _random_header(rng: np.random.Generator) -> Header:
    sides = MULTIPLE * rng.integers(1, MAX_SIDE // MULTIPLE + 1, 2)
    return Header(
        scheme=schemes.SCHEMES[rng.integers(len(schemes.SCHEMES))],
        clip=int(rng.integers(burst.CLIP_NUMBERS)),
        text_bytes=int(rng.integers(text.MAX_BYTES + 1)),
        frames=burst.FRAME_COUNTS[rng.integers(len(burst.FRAME_COUNTS))],
        height=int(sides[0]),
        width=int(sides[1]),
        text_mode=int(rng.integers(len(text.MODES))),
    )


def _preamble(header: Header, rng: np.random.Generator) -> NDArray[np.complex64]:
    samples = np.empty(burst.PREAMBLE_SYMBOLS, np.complex64)
    samples[burst.PILOT_PLACES] = burst.PILOTS
    samples[burst.HEADER_PLACES] = burst.encode_header(header)
    return samples * np.complex64(np.exp(2j * np.pi * rng.random()))


def _noise(rng: np.random.Generator, variance: float, size: int = burst.PREAMBLE_SYMBOLS) -> NDArray[np.complex64]:
    reals = rng.standard_normal(2 * size, dtype=np.float32) * np.float32(math.sqrt(variance / 2.0))
    return reals.view(np.complex64)

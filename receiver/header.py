"""The header of a burst that begins at sample 0, read with the receiver's own estimate of the channel.

The pilots tell the gain. Where the header cannot be decoded with that, it is tried again with the gain turned a little
to either side, as a phase from 48 noisy pilots is off by 0.16 rad (one standard deviation) at −4 dB; and then with a
gain that moves.

A word whose CRC holds must also be what was received: coded again, header and pilots together must correlate with the
samples. Among the words that noise alone brings through the CRC few do.
"""

from __future__ import annotations

import cmath
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from common import burst
from common.burst import Header
from receiver import estimate as estimation
from receiver.estimate import Estimate

TURNS_RAD = (0.0, 0.35, -0.35)
"""What the phase of the gain is turned by, one after the other, until the header can be decoded."""

LEAST_SNR_DB = -10.0
"""Below this SNR of the pilots a header is tried once with a constant gain."""

LEAST_CORRELATION = 0.14
"""|<x, y>|² / (|x|²·|y|²) of the preamble x, decoded, and the samples y: 0.28 at −4 dB, mostly below 0.13 in noise."""

CORRELATION_PER_NAT = 0.01
"""How much more is asked for each unit that a word is behind the likeliest of the decoder's list …"""

ENOUGH_CORRELATION = 0.18
"""… and what is enough for any word: more than the likeliest of all code words has in noise."""


def listen(samples: NDArray[np.complex64]) -> Estimate:
    """What the preamble's pilots tell of the channel before anything is decoded. ``samples`` (n,), n >= a preamble."""
    return estimation.estimate(samples[burst.PILOT_PLACES], burst.PILOTS)


def read(
    samples: NDArray[np.complex64], heard: Estimate, *, patient: bool = True, noise_power: float | None = None
) -> Header | None:
    """The header, or None where it cannot be read. ``samples`` (n,) may be longer or shorter than the burst.

    ``heard`` is what :func:`listen` returns. Not ``patient``, it is tried once only. ``noise_power`` is told where a
    genie knows it; ``heard`` has it then, too.
    """
    preamble = samples[: burst.PREAMBLE_SYMBOLS]
    assert isinstance(heard.gain, complex)
    # Turning a gain that is mostly noise would only give noise more chances.
    turns = TURNS_RAD if patient and heard.snr_db > LEAST_SNR_DB else TURNS_RAD[:1]
    for turn in turns:
        header = _decode(preamble, replace(heard, gain=heard.gain * cmath.exp(1j * turn)))
        if header is not None:
            return header
    if patient:
        moving = estimation.track(preamble, burst.PILOT_PLACES, burst.PILOTS, ahead=0.0)
        if moving.coherence_symbols is not None:
            if noise_power is not None:
                moving = moving.with_noise_power(noise_power)
            return _decode(preamble, moving)
    return None


def _decode(preamble: NDArray[np.complex64], heard: Estimate) -> Header | None:
    decoded = burst.decode_header(*heard.equalise(preamble, burst.HEADER_PLACES))
    if decoded is None:
        return None
    header, behind = decoded
    asked = min(LEAST_CORRELATION + CORRELATION_PER_NAT * behind, ENOUGH_CORRELATION)
    return header if _correlation(preamble, header, heard) >= asked else None


def _correlation(preamble: NDArray[np.complex64], header: Header, heard: Estimate) -> float:
    sent = np.empty(burst.PREAMBLE_SYMBOLS, np.complex64)
    sent[burst.PILOT_PLACES] = burst.PILOTS
    sent[burst.HEADER_PLACES] = burst.encode_header(header)
    if not isinstance(heard.gain, complex):  # a gain that moves would take the phase of the sum apart
        sent = (sent * heard.gain).astype(np.complex64)
    energy = float(np.vdot(sent, sent).real) * float(np.vdot(preamble, preamble).real)
    return abs(complex(np.vdot(sent, preamble))) ** 2 / energy if energy > 0.0 else 0.0

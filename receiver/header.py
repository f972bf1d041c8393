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

from common import header as header_code
from common import layout
from common.header import FirstWord, Header
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
    return estimation.estimate(samples[layout.PREAMBLE_PILOT_INDICES], layout.PREAMBLE_PILOTS)


def read(
    samples: NDArray[np.complex64], heard: Estimate, *, patient: bool = True, noise_power: float | None = None
) -> Header | None:
    """The header, or None where it cannot be read. ``samples`` (n,) may be longer or shorter than the burst.

    ``heard`` is what :func:`listen` returns. Not ``patient``, it is tried once only. ``noise_power`` is told where a
    genie knows it; ``heard`` has it then, too.
    """
    preamble = samples[: layout.PREAMBLE_SYMBOLS]
    first = _read_first(preamble, heard, patient=patient, noise_power=noise_power)
    if first is None:
        return None
    extensions = header_code.extensions(first.scheme)
    if not extensions:
        return first.complete(np.zeros((0, header_code.WORD_BITS), np.uint8))
    return _read_others(samples, first, extensions, noise_power)


def _read_first(
    preamble: NDArray[np.complex64], heard: Estimate, *, patient: bool, noise_power: float | None
) -> FirstWord | None:
    assert isinstance(heard.gain, complex)
    # Turning a gain that is mostly noise would only give noise more chances.
    turns = TURNS_RAD if patient and heard.snr_db > LEAST_SNR_DB else TURNS_RAD[:1]
    for turn in turns:
        first = _decode(preamble, replace(heard, gain=heard.gain * cmath.exp(1j * turn)))
        if first is not None:
            return first
    if patient:
        moving = estimation.track(preamble, layout.PREAMBLE_PILOT_INDICES, layout.PREAMBLE_PILOTS, ahead=0.0)
        if moving.coherence_symbols is not None:
            if noise_power is not None:
                moving = moving.with_noise_power(noise_power)
            return _decode(preamble, moving)
    return None


def _read_others(
    samples: NDArray[np.complex64], first: FirstWord, extensions: int, noise_power: float | None
) -> Header | None:
    """The header with its further words; the first one and all pilots before the sections tell the channel."""
    lead = samples[: layout.lead_symbols(extensions)]
    if lead.size < layout.lead_symbols(extensions):
        return None
    places = [layout.extension_indices(number) for number in range(extensions)]
    indices = np.concatenate(
        [layout.PREAMBLE_PILOT_INDICES, *(pilots for pilots, _ in places), layout.FIRST_WORD_INDICES]
    )
    known = np.concatenate([layout.known_pilots(extensions, 0), header_code.encode_word(first.bits)])
    estimate = estimation.track(lead, indices, known)
    if noise_power is not None:
        estimate = estimate.with_noise_power(noise_power)
    others = []
    for _, word_indices in places:
        word = header_code.decode_word(*estimate.equalise(lead, word_indices), np.copy)
        if word is None:
            return None
        others.append(word[0])
    return first.complete(np.array(others, np.uint8))


def _decode(preamble: NDArray[np.complex64], heard: Estimate) -> FirstWord | None:
    symbols, noise = heard.equalise(preamble, layout.FIRST_WORD_INDICES)
    decoded = header_code.decode_word(symbols, noise, header_code.first_word)
    if decoded is None:
        return None
    first, behind = decoded
    asked = min(LEAST_CORRELATION + CORRELATION_PER_NAT * behind, ENOUGH_CORRELATION)
    return first if _correlation(preamble, first, heard) >= asked else None


def _correlation(preamble: NDArray[np.complex64], first: FirstWord, heard: Estimate) -> float:
    sent = np.empty(layout.PREAMBLE_SYMBOLS, np.complex64)
    sent[layout.PREAMBLE_PILOT_INDICES] = layout.PREAMBLE_PILOTS
    sent[layout.FIRST_WORD_INDICES] = header_code.encode_word(first.bits)
    if not isinstance(heard.gain, complex):  # a gain that moves would take the phase of the sum apart
        sent = (sent * heard.gain).astype(np.complex64)
    energy = float(np.vdot(sent, sent).real) * float(np.vdot(preamble, preamble).real)
    return abs(complex(np.vdot(sent, preamble))) ** 2 / energy if energy > 0.0 else 0.0

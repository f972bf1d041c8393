"""Bursts in a continuous stream of samples: where each begins, and how long it is by its own header.

At every offset the samples where the preamble's 48 pilots would stand are correlated with them. The statistic
|<p, y>|² / (|p|²·|y|²) needs no knowledge of gain or noise; in noise alone it is above t with probability (1 − t)^47,
exactly. Where it is above the threshold for ``false_alarm_rate``, the header is decoded: its CRC and the check that
goes with it decide. So the rate says how often a header is tried in vain, not how often a burst is invented.

A burst must be aligned with the samples and at the carrier's frequency (docs/protocol.md), and its gain must not turn
much within a preamble.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common import pilots, schemes
from common.header import Header, extensions
from common.layout import PREAMBLE_PILOT_INDICES, PREAMBLE_PILOTS, PREAMBLE_SYMBOLS, lead_symbols
from receiver import header as header_reader

Samples = NDArray[np.complex64]

FALSE_ALARM_RATE = 1e-3
"""Share of the offsets of noise at which a header is tried in vain. With it, the pilots of 1 burst in 100 are
overlooked at −4 dB, 9.7e-3 [9.3e-3, 1.01e-2], and of 1 in 900 at −3 dB, 1.13e-3 [1.03e-3, 1.24e-3]; with 1e-2, of 1 in
1 000 at −4 dB, 9.6e-4 [8.6e-4, 1.06e-3] (95 % intervals)."""

CERTAIN_RATE = 1e-7
"""False alarms that a preamble inside another burst, or one that is worth several tries, may have."""

_PORTION = 1 << 15
"""Offsets that are looked at in one go."""


@dataclass(frozen=True)
class FoundBurst:
    """A burst of a stream: ``samples`` (n,) from the stream's sample number ``start`` on, and what its header says."""

    start: int
    samples: Samples
    header: Header


def threshold(false_alarm_rate: float) -> float:
    """What the statistic of an offset is above with that probability where there is noise alone."""
    return float(1.0 - false_alarm_rate ** (1.0 / (pilots.PREAMBLE - 1)))


def correlation(samples: Samples) -> NDArray[np.float64]:
    """|<p, y>|² / (|p|²·|y|²), 0 … 1, for a preamble that begins at each of the first n − PREAMBLE_SYMBOLS + 1 samples.

    ``samples`` (n,), n at least one preamble.
    """
    count = samples.size - PREAMBLE_SYMBOLS + 1
    power = samples.real.astype(np.float64) ** 2 + samples.imag.astype(np.float64) ** 2
    product = np.zeros(count, np.complex128)
    energy = np.zeros(count)
    for place, pilot in zip(PREAMBLE_PILOT_INDICES, PREAMBLE_PILOTS, strict=True):
        product += samples[place : place + count] * pilot.conjugate()
        energy += power[place : place + count]
    square = product.real**2 + product.imag**2
    return np.divide(square, pilots.PREAMBLE * energy, out=np.zeros(count), where=energy > 0.0)


def find_bursts(stream: Iterable[Samples], *, false_alarm_rate: float = FALSE_ALARM_RATE) -> Iterator[FoundBurst]:
    """The bursts in ``stream``, complex64 pieces (n,) of any lengths that follow each other, in their order.

    Each comes as soon as its last sample has arrived. One that breaks off, because the stream ends or another begins
    inside it, is left out. Samples that are not finite count as erased. Raises ValueError unless 0 < rate < 1.
    """
    if not 0.0 < false_alarm_rate < 1.0:
        raise ValueError(f"a false alarm rate lies between 0 and 1, not at {false_alarm_rate}")
    usual, certain = threshold(false_alarm_rate), threshold(min(CERTAIN_RATE, false_alarm_rate))
    buffer = _Buffer(stream)
    doubtful = 0  # offsets that belong to a burst that is out already: only what is certain begins there
    lead = max(lead_symbols(extensions(schemes.by_name(name))) for name in schemes.names())
    while buffer.has(lead) or buffer.has(PREAMBLE_SYMBOLS):
        found = _first(buffer.held, lead, usual, certain, doubtful)
        if found is None:
            # a preamble whose header may go on behind the last sample is looked at again
            skipped = max(1, buffer.held.size - lead + 1)
            buffer.drop(skipped)
            doubtful = max(0, doubtful - skipped)
            continue
        offset, header = found
        buffer.drop(offset)
        if not buffer.has(header.total_symbols):
            buffer.drop(1)
            doubtful = 0
            continue
        samples = buffer.held[: header.total_symbols]
        inside = _first(samples[1:], lead, certain, certain, 0)
        if inside is not None:
            buffer.drop(1 + inside[0])
            doubtful = 0
            continue
        yield FoundBurst(buffer.start, samples.copy(), header)
        # where samples were lost on the way, the next burst begins before this one's last sample
        doubtful = PREAMBLE_SYMBOLS - 1
        buffer.drop(samples.size - doubtful)


def _first(samples: Samples, lead: int, usual: float, certain: float, doubtful: int) -> tuple[int, Header] | None:
    """Offset and header of the first burst with its whole preamble here; one before ``doubtful`` must be certain. A
    header takes at most ``lead`` symbols."""
    offsets = samples.size - PREAMBLE_SYMBOLS + 1
    for begin in range(0, offsets, _PORTION):
        part = samples[begin : begin + _PORTION + PREAMBLE_SYMBOLS - 1]
        statistic = correlation(part)
        statistic[: max(0, doubtful - begin)][statistic[: max(0, doubtful - begin)] < certain] = 0.0
        for offset in np.flatnonzero(statistic >= usual):
            preamble = samples[begin + offset : begin + offset + lead]
            heard = header_reader.listen(preamble)
            header = header_reader.read(preamble, heard, patient=bool(statistic[offset] >= certain))
            if header is not None:
                return begin + int(offset), header
    return None


class _Buffer:
    """What of the stream is held: ``held`` (n,) from the stream's sample ``start`` on."""

    def __init__(self, stream: Iterable[Samples]) -> None:
        self._stream = iter(stream)
        self.held: Samples = np.zeros(0, np.complex64)
        self.start = 0

    def has(self, count: int) -> bool:
        """Whether ``count`` samples are held, when as many pieces as that takes were read."""
        if self.held.size >= count:  # nothing to read: what is held need not be copied
            return True
        pieces, size = [self.held], self.held.size
        while size < count:
            piece = next(self._stream, None)
            if piece is None:
                break
            pieces.append(np.where(np.isfinite(piece), piece, 0).astype(np.complex64))
            size += piece.size
        self.held = np.concatenate(pieces)
        return size >= count

    def drop(self, count: int) -> None:
        """Forgets the first ``count`` samples that are held."""
        self.held = self.held[count:]
        self.start += count

"""A codec's symbols on the air: white noise, and a receiver that estimates gain and noise from the burst's own pilots.

The section goes out as in a real burst: a preamble with header before it, pilots scattered in it (`common.pilots`), all
in one random phase. The receiver's own code (`receiver.header`, `receiver.estimate`) reads the header, estimates from
pilots and header, and equalises; a real one knows the decoded description's symbols too. A header that cannot be read
costs the estimate its symbols, here, and not the burst: how often headers are lost is `gvsc bench header`'s to tell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from common import burst, pilots, schemes
from common.burst import Header
from common.conventions import FRAMES, SIZE
from gvsc.bench.curves.noise import add_noise
from receiver import header as header_reader
from receiver.estimate import track

Symbols = NDArray[np.complex64]


def send(symbols: Symbols, snr_db: float, rng: np.random.Generator, *, genie: bool = False) -> tuple[Symbols, float]:
    """What arrives of ``symbols`` (n,), equalised, complex64 (n,), and the SNR in dB that the receiver believes in.

    ``snr_db`` is the true Es/N0. ``genie`` tells it, and the phase, to the receiver. The same ``rng`` state gives the
    same noise for the same n.
    """
    count = pilots.scattered_count(symbols.size)
    behind = burst.PREAMBLE_SYMBOLS + np.arange(count + symbols.size)
    scattered = behind[pilots.spread(count, behind.size)]
    section = np.setdiff1d(behind, scattered)
    scheme = schemes.by_name("desc-only")
    header = Header(scheme, int(rng.integers(burst.CLIP_NUMBERS)), int(rng.integers(1, 256)), FRAMES, SIZE, SIZE)
    phase = np.complex64(np.exp(2j * np.pi * rng.random()))
    sent = np.empty(burst.PREAMBLE_SYMBOLS + behind.size, np.complex64)
    sent[burst.PILOT_PLACES] = burst.PILOTS
    sent[burst.HEADER_PLACES] = coded = burst.encode_header(header)
    sent[scattered] = pilots.sequence(count)
    sent[section] = symbols
    arrived, _ = add_noise(sent * phase, snr_db, rng)
    if genie:
        return (arrived[section] / phase).astype(np.complex64), snr_db
    places = np.concatenate([burst.PILOT_PLACES, scattered])
    known = np.concatenate([burst.PILOTS, pilots.sequence(count)])
    if header_reader.read(arrived, header_reader.listen(arrived)) == header:
        places, known = np.concatenate([places, burst.HEADER_PLACES]), np.concatenate([known, coded])
    return track(arrived, places, known).equalise_together(arrived, section)

"""A codec's symbols on the air: white noise, and a receiver that estimates gain and noise from the burst's own pilots.

The section goes out as in a real burst: a preamble with header before it, pilots scattered in it (`common.pilots`), all
in one random phase. The receiver's own code (`receiver.header`, `receiver.estimate`) reads the header, estimates from
pilots and header, and equalises; a real one knows the decoded description's symbols too. A header that cannot be read
costs the estimate its symbols, here, and not the burst: how often headers are lost is `gvsc bench header`'s to tell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from common import header as header_code
from common import pilots, schemes
from common.conventions import FRAMES, SIZE
from common.header import CLIP_NUMBERS, Header
from common.layout import FIRST_WORD_INDICES, PREAMBLE_PILOT_INDICES, PREAMBLE_PILOTS, PREAMBLE_SYMBOLS
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
    behind = PREAMBLE_SYMBOLS + np.arange(count + symbols.size)
    scattered = behind[pilots.spread(count, behind.size)]
    section = np.setdiff1d(behind, scattered)
    scheme = schemes.by_name(schemes.DEFAULT)
    header = Header(scheme, int(rng.integers(CLIP_NUMBERS)), FRAMES, SIZE, SIZE)
    phase = np.complex64(np.exp(2j * np.pi * rng.random()))
    sent = np.empty(PREAMBLE_SYMBOLS + behind.size, np.complex64)
    sent[PREAMBLE_PILOT_INDICES] = PREAMBLE_PILOTS
    sent[FIRST_WORD_INDICES] = coded = header_code.encode(header)
    sent[scattered] = pilots.sequence(count)
    sent[section] = symbols
    arrived, _ = add_noise(sent * phase, snr_db, rng)
    if genie:
        return (arrived[section] / phase).astype(np.complex64), snr_db
    places = np.concatenate([PREAMBLE_PILOT_INDICES, scattered])
    known = np.concatenate([PREAMBLE_PILOTS, pilots.sequence(count)])
    if header_reader.read(arrived, header_reader.listen(arrived)) == header:
        places, known = np.concatenate([places, FIRST_WORD_INDICES]), np.concatenate([known, coded])
    return track(arrived, places, known).equalise_together(arrived, section)

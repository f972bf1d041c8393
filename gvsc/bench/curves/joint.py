"""Joint delivery: bursts of header and description over white noise, lost where either is; the same with a genie."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np

from common import burst, schemes
from common.burst import Symbols
from common.codecs import text
from common.conventions import FRAMES, SIZE, noise_variance
from common.header import Header
from gvsc.bench.curves.engine import CountedTrial, Curve, CurveSet
from gvsc.bench.curves.noise import add_noise
from receiver.listen import listen

CHARACTERS = 96
MODES = ("1/8", "1/3", "1/2")
LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", dtype=np.uint8)


def curves() -> CurveSet:
    """Bursts of the scheme ``desc-only`` in some text modes; Eb is all that is on the air for a bit of the text."""
    made = []
    for name in MODES:
        header = _header(text.by_name(name))
        for genie in (False, True):
            made.append(
                Curve(
                    name=f"rate {name}, gain and noise {'known' if genie else 'estimated'}",
                    information_bits=8 * CHARACTERS,
                    symbols=header.total_symbols,
                    skip_db=1.5,
                    trial_at=partial(_trial, header, genie),
                )
            )
    title = f"Header and description of {CHARACTERS} characters in one burst over AWGN"
    return CurveSet("joint", title, made, max_trials=4000)


def _header(mode: text.TextMode) -> Header:
    values = {"description": {"bytes": CHARACTERS, "mode": mode.number}}
    return Header(schemes.by_name("desc-only"), 0, FRAMES, SIZE, SIZE, values)


def _trial(header: Header, genie: bool, snr_db: float) -> CountedTrial:
    def trial(rng: np.random.Generator, batch: int) -> Mapping[str, int]:
        lost = undetected = header_lost = 0
        for _ in range(batch):
            data = rng.choice(LETTERS, CHARACTERS).tobytes()
            coded = text.encode(data, header.values["description"]["mode"])
            sent = burst.assemble(header, {"description": coded}).samples
            if genie:
                received = add_noise(sent, snr_db, rng)[0]
                read, found = _with_genie(received, noise_variance(snr_db))
            else:
                phase = np.complex64(np.exp(2j * np.pi * rng.random()))
                heard = listen(add_noise(sent * phase, snr_db, rng)[0])
                read, found = heard.header is not None, heard.text
            lost += found != data.decode()
            undetected += found is not None and found != data.decode()
            header_lost += not read
        return {"block_errors": lost, "undetected": undetected, "header_lost": header_lost}

    return trial


def _with_genie(samples: Symbols, variance: float) -> tuple[bool, str | None]:
    """Whether the header could be read, and the description, at gain 1; that and the noise variance are told."""
    header = burst.parse(samples, variance)
    if header is None:
        return False, None
    symbols = samples[header.layout()["description"]]
    values = header.values["description"]
    return True, text.decode(symbols, values["bytes"], variance, values["mode"])

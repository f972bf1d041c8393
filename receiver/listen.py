"""What a burst says, from its samples to its description: the part of the receiver that needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common import burst
from common.burst import Header
from common.codecs import text
from common.conventions import noise_variance
from receiver import header as header_reader
from receiver.estimate import Estimate, track

Samples = NDArray[np.complex64]

MAX_MAGNITUDE = 1e9
"""Samples beyond this come from no channel, and their powers would overflow float32."""


@dataclass(frozen=True)
class Heard:
    """``estimate`` is the channel's from pilots and header, from the preamble's pilots alone where no header was read.

    ``text`` is None where the description was lost, "" where none was sent.
    ``failed`` is as :class:`receiver.receiver.Reconstruction` has it; ``header`` is None unless it fits the samples.
    """

    header: Header | None
    estimate: Estimate | None
    text: str | None = None
    failed: tuple[str, ...] = ()


def listen(samples: Samples, genie_snr_db: float | None = None) -> Heard:
    """Header, gain and noise, and description of the burst in ``samples`` (n,).

    ``genie_snr_db`` is the channel's true SNR in dB, for comparisons: the noise power is then not estimated.
    """
    if samples.ndim != 1 or samples.size < burst.PREAMBLE_SYMBOLS or not _usable(samples):
        return Heard(None, None, failed=("samples",))
    noise_power = None if genie_snr_db is None else noise_variance(genie_snr_db)
    heard = _told(header_reader.listen(samples), noise_power)
    header = header_reader.read(samples, heard, noise_power=noise_power)
    if header is None or header.total_symbols != samples.size:
        return Heard(None, heard, failed=("header",))
    heard = _told(track(samples, *_known(header)), noise_power)
    if "description" not in header.scheme.sections:
        return Heard(header, heard, "")
    symbols, variance = heard.equalise(samples, header.layout()["description"])
    description = text.decode(symbols, header.text_bytes, variance, header.text_mode)
    return Heard(header, heard, description, () if description is not None else ("description",))


def sharpened(samples: Samples, heard: Heard, genie_snr_db: float | None = None) -> Estimate | None:
    """The estimate with the description's symbols, known once it is decoded, among the known ones."""
    if heard.header is None or not heard.text:
        return heard.estimate
    places, known = _known(heard.header)
    places = np.concatenate([places, heard.header.layout()["description"]])
    known = np.concatenate([known, text.encode(heard.text.encode(), heard.header.text_mode)])
    return _told(track(samples, places, known), None if genie_snr_db is None else noise_variance(genie_snr_db))


def _known(header: Header) -> tuple[NDArray[np.int64], Samples]:
    """Places and symbols of pilots and header."""
    parts = header.layout()
    places = np.concatenate([parts["pilots"], parts["header"]])
    return places, np.concatenate([burst.known_pilots(header), burst.encode_header(header)])


def _told(estimate: Estimate, noise_power: float | None) -> Estimate:
    return estimate if noise_power is None else estimate.with_noise_power(noise_power)


def _usable(samples: Samples) -> bool:
    """Whether all samples are finite and of a size that can be reckoned with."""
    return bool((np.abs(samples.view(np.float32)) <= MAX_MAGNITUDE).all())

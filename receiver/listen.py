"""From the samples of one burst to its sections: channel estimate, header, and what each section's decoder finds.

No torch here: sections import what they need when they decode.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from common import burst
from common import header as header_code
from common.conventions import noise_variance
from common.errors import GvscError
from common.header import Header
from common.layout import PREAMBLE_SYMBOLS
from common.sections import section
from common.sections.base import Arrived, Noise
from receiver import header as header_reader
from receiver.estimate import Estimate, track

Samples = NDArray[np.complex64]
Indices = NDArray[np.int64]

MAX_MESSAGE = 500
"""Characters of what a decoder says of its failure."""

MAX_MAGNITUDE = 1e9
"""Samples beyond this come from no channel, and their powers would overflow float32."""


@dataclass(frozen=True)
class Received:
    """What arrived of one burst, before anything is generated.

    ``header`` is None unless it fits the samples. ``estimate`` is the channel's from all symbols that are known: pilots
    and header, decoded sections that serve as pilots; from the preamble's pilots alone where no header was read.
    ``sections`` has what arrived of each section by its name, in the scheme's order. ``failed`` names what was lost as
    a whole, "samples" (not finite, absurdly large, or too few) or "header".
    """

    header: Header | None
    estimate: Estimate | None
    sections: Mapping[str, Arrived] = field(default_factory=dict)
    failed: tuple[str, ...] = ()

    @property
    def text(self) -> str | None:
        """The text that arrived: None where it was lost or no header was read, "" where none was sent."""
        texts = [arrived.value for arrived in self.sections.values() if arrived.modality == "text"]
        if texts:
            return None if texts[0] is None else str(texts[0])
        return None if self.header is None else ""

    @property
    def lost(self) -> tuple[str, ...]:
        """Everything that did not arrive, or not whole: ``failed``, and names of sections."""
        return (*self.failed, *(name for name, arrived in self.sections.items() if arrived.failed))


@dataclass(frozen=True)
class SectionSamples:
    """The observation of one section (:class:`common.sections.base.Observation`): ``samples`` (n,) of the whole burst,
    the section's ``indices`` in it, and the channel ``estimate``."""

    samples: Samples
    indices: Indices
    estimate: Estimate

    def equalised(self, part: slice = slice(None)) -> tuple[Samples, Noise]:
        return self.estimate.equalise(self.samples, self.indices[part])

    def spread(self, part: slice = slice(None)) -> tuple[Samples, float]:
        return self.estimate.equalise_together(self.samples, self.indices[part])


def listen(samples: Samples, genie_snr_db: float | None = None, *, interleaved_only: bool = False) -> Received:
    """What arrived in the samples of one burst, complex64 (n,).

    ``genie_snr_db`` is the channel's true SNR in dB, for comparisons: the noise power is then not estimated.
    ``interleaved_only`` leaves out the sections that follow each other (those with pictures), and with them torch.
    Never raises for what was received.
    """
    if samples.ndim != 1 or samples.size < PREAMBLE_SYMBOLS or not _usable(samples):
        return Received(None, None, failed=("samples",))
    noise_power = None if genie_snr_db is None else noise_variance(genie_snr_db)
    first = _told(header_reader.listen(samples), noise_power)
    header = header_reader.read(samples, first, noise_power=noise_power)
    if header is None or header.total_symbols != samples.size:
        return Received(None, first, failed=("header",))
    layout = header.layout()
    places = np.concatenate([layout["pilots"], layout["header"]])
    known = np.concatenate([burst.known_pilots(header), header_code.encode(header)])
    estimate = _told(track(samples, places, known), noise_power)
    found: dict[str, Arrived] = {}
    # Interleaved sections first: their symbols, known once they are decoded, refine the estimate for the others.
    for name in sorted(header.scheme.sections, key=lambda name: not section(name).interleaved):
        if interleaved_only and not section(name).interleaved:
            continue
        arrived = _decode(name, SectionSamples(samples, layout[name], estimate), header)
        found[name] = arrived
        if arrived.known is not None and arrived.known.size:
            places = np.concatenate([places, layout[name]])
            known = np.concatenate([known, arrived.known])
            estimate = _told(track(samples, places, known), noise_power)
    return Received(header, estimate, {name: found[name] for name in header.scheme.sections if name in found})


def _decode(name: str, observation: SectionSamples, header: Header) -> Arrived:
    """What a section's own decoder makes of its symbols; whatever goes wrong in it, the section fails, not the burst.

    Decoders may be anybody's: what they return is brought into the types that messages and files can hold.
    """
    coded = section(name)
    try:
        arrived = coded.decode(observation, header.slot(name))
        known = arrived.known
        if known is not None and (known.dtype != np.complex64 or known.shape != observation.indices.shape):
            known = None
        snr_db = None if arrived.snr_db is None else float(arrived.snr_db)
        return replace(
            arrived,
            snr_db=snr_db if snr_db is not None and math.isfinite(snr_db) else None,
            failed=bool(arrived.failed),
            message=str(arrived.message)[:MAX_MESSAGE],
            known=known,
        )
    except GvscError as error:
        words = str(error)
    except Exception as error:  # noqa: BLE001  (one section must not take the burst down)
        words = f"{type(error).__name__}: {error}"
    return coded.arrived(None, failed=True, message=words[:MAX_MESSAGE])


def _told(estimate: Estimate, noise_power: float | None) -> Estimate:
    return estimate if noise_power is None else estimate.with_noise_power(noise_power)


def _usable(samples: Samples) -> bool:
    """Whether all samples are finite and of a size that can be reckoned with."""
    return bool((np.abs(samples.view(np.float32)) <= MAX_MAGNITUDE).all())

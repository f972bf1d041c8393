"""The description: a line of text, CRC-16, turbo code and 4-QAM (:mod:`common.codecs.text`; paper, II-B)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from common.codecs import text
from common.errors import SchemeError
from common.knobs import Knob
from common.needs import Weights
from common.sections.base import (
    Arrived,
    Encoded,
    Field,
    Observation,
    Option,
    Options,
    Section,
    Slot,
    Sources,
    register,
)

FOLLOW: Final = "auto"
"""Rate 1/3, and in an adaptive scheme the rate that the SNR allows; with a + the same through the text model."""

CHOICES: Final = (FOLLOW, f"{FOLLOW}+", *(mode.name for mode in text.MODES))
"""What a transmitter may be asked for as the description's code rate."""

LOSS_1_PERCENT_DB: Final = {
    "1/8": -4.95,
    "1/6": -3.87,
    "1/4": -1.98,
    "1/3": -0.95,
    "1/2": 1.49,
    "1/8+": -4.57,
    "1/6+": -3.25,
    "1/4+": -1.53,
    "1/3+": -0.45,
    "1/2+": 2.02,
}
"""Es/N0 at which one description of 96 characters in a hundred is lost, header and estimation included:
docs/results/link/text-thresholds.json."""

MARGIN_DB: Final = 3.5
"""Added to these by link adaptation. What the transmitter knows of the channel is as old as its credit window, two
bursts, and a rate that fails loses the description; so a fade of 1 dB a burst is outrun with more than 1 dB to
spare."""


def _ladder(modelled: bool) -> tuple[tuple[float, str], ...]:
    """The plain modes, or those through the text model, most robust first."""
    modes = [mode for mode in text.MODES if mode.modelled == modelled]
    return tuple((LOSS_1_PERCENT_DB[mode.name] + MARGIN_DB, mode.name) for mode in modes)


TEXT_MODE: Final = Option(
    Knob(
        "text_mode",
        "code rate of the description; with a + coded by the text model, 2 bits a character instead of 8; auto: 1/3, "
        "or what suits the SNR where the scheme is adaptive",
        kind="choice",
        choices=CHOICES,
    ),
    FOLLOW,
    {FOLLOW: _ladder(False), f"{FOLLOW}+": _ladder(True)},
)


@register("descriptions: CRC-16, LTE turbo code, 4-QAM; modes with a + by a text model", needs=(Weights("text-model"),))
class DescriptionSection(Section):
    """The text that a captioner gives, interleaved with all of the burst."""

    name = "description"
    kind = "bits"
    modality = "text"
    condition = "text"
    codec = "text"
    colour = "#1f77c9"
    fields = (Field("bytes", 8), Field("mode", 4))
    options = (TEXT_MODE,)
    interleaved = True
    extractors = ("captioner",)

    def symbols(self, slot: Slot) -> int:
        """By the length in bytes and the mode. Raises SchemeError for a mode there is not."""
        return text.symbol_count(slot.values["bytes"], slot.values["mode"])

    def mode_name(self, slot: Slot) -> str:
        return text.MODES[slot.values["mode"]].name

    def extract(self, sources: Sources) -> Any:
        """What the captioner says of the clip: an object with ``data`` (UTF-8), ``text`` and ``was_cut``."""
        return sources.extractor(self.extractors[0]).extract(sources.clip)

    def encode(self, content: Any, tx_snr_db: float, slot: Slot, options: Options) -> Encoded:
        mode = _mode(str(options.get(TEXT_MODE.parameter.name, TEXT_MODE.default)))
        cut = f"the caption is too long and was cut to {len(content.data)} bytes"
        values = {"bytes": text.byte_count(content.data, mode.number), "mode": mode.number}
        return Encoded(text.encode(content.data, mode.number), values, messages=(cut,) if content.was_cut else ())

    def decode(self, observation: Observation, slot: Slot) -> Arrived:
        """The text, "" where none was sent, None where it was lost, as far as CRC-16 and correlation can tell
        (:mod:`common.coding.block`)."""
        mode = slot.values["mode"]
        symbols, noise = observation.equalised()
        found = text.decode(symbols, slot.values["bytes"], noise, mode)
        known = text.encode(found.encode(), mode) if found else None
        return self.arrived(found, failed=found is None, known=known)

    def clean(self, content: Any) -> Arrived:
        return self.arrived(content.text)

    def prepare(self) -> None:
        """Compiles the decoder, which else happens while the first burst waits."""
        text.decode(np.zeros(text.symbol_count(1), np.complex64), 1, 1.0)


def _mode(name: str) -> text.TextMode:
    """The text mode that an option names. Raises SchemeError for other names."""
    if name not in CHOICES:
        raise SchemeError(f"no text mode {name!r}: there are {', '.join(CHOICES)}")
    if not name.startswith(FOLLOW):
        return text.by_name(name)
    return text.by_name(f"{text.MODES[text.DEFAULT_MODE].name}{name.removeprefix(FOLLOW)}")

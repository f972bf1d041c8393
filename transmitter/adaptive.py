"""The `adaptive` scheme: what to send, and at which code rate, by the SNR that the transmitter believes in.

The paper (II-B): the code rate R_c of the text follows the channel, and visual semantics are sent where the SNR is
above a threshold. Both are ladders of thresholds with hysteresis. The thresholds come from measured curves; a scheme or
text mode that arrives later joins by an entry here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from common import schemes
from common.codecs import text
from common.errors import SchemeError
from transmitter.ladder import Ladder, Rung

ADAPTIVE: Final = "adaptive"

SCHEMES: Final = (*schemes.NAMES, ADAPTIVE)
"""What a transmitter may be told to send."""

FOLLOW: Final = "auto"
"""Text mode: rate 1/3, and in the adaptive scheme the rate that the SNR allows; with a + the same through the model."""

TEXT_MODES: Final = (FOLLOW, f"{FOLLOW}+", *(mode.name for mode in text.MODES))
"""What a transmitter may be told of the description's code rate."""

TEXT_LOSS_1_PERCENT_DB: Final = {
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

TEXT_MARGIN_DB: Final = 3.5
"""Added to these. What the transmitter knows of the channel is as old as its credit window, two bursts, and a rate that
fails loses the description; so a fade of 1 dB a burst is outrun with more than 1 dB to spare."""

FRAME_FROM_DB: Final = -5.0
"""Es/N0 from which on a clip is rebuilt better with a frame than from the text alone: all that headers get through,
docs/results/generators/ablation.json. No margin: a frame fails gracefully. At -6 dB one header in ten is lost
(docs/results/link/header-reception.json), and what is short costs least. In PSNR sketches are worth less than a frame
at any SNR, so they are on no rung."""

SCHEME_LADDER: Final = (Rung(-100.0, "desc-only"), Rung(FRAME_FROM_DB, "first-frame-desc"))
"""Which scheme from which Es/N0 in dB upwards."""

HYSTERESIS_DB: Final = 1.0
"""More than the estimate's error: 0.3 to 0.75 dB RMS from pilots and header (docs/results/link/header-reception.json),
less with a description."""


@dataclass(frozen=True)
class Choice:
    """What one burst carries: a scheme by name, and a text mode by number."""

    scheme: str
    text_mode: int


class Chooser:
    """Remembers where it stands on its ladders, so that it switches with hysteresis. One for one stream of bursts."""

    def __init__(self) -> None:
        self._scheme = Ladder(SCHEME_LADDER, HYSTERESIS_DB)
        self._rate = {suffix: _rates(suffix) for suffix in ("", "+")}

    def choose(self, scheme: str, text_mode: str, tx_snr_db: float) -> Choice:
        """What to send for ``scheme`` of `SCHEMES` and ``text_mode`` of `TEXT_MODES` at ``tx_snr_db`` (Es/N0 in dB).

        Raises SchemeError for other names.
        """
        if scheme not in SCHEMES:
            raise SchemeError(f"no scheme {scheme!r}: there are {', '.join(SCHEMES)}")
        adaptive = scheme == ADAPTIVE
        if not text_mode.startswith(FOLLOW):
            mode = text.by_name(text_mode).number
        else:
            suffix = text_mode.removeprefix(FOLLOW)
            default = text.by_name(f"{text.MODES[text.DEFAULT_MODE].name}{suffix}").number
            mode = self._rate[suffix].choose(tx_snr_db) if adaptive else default
        return Choice(self._scheme.choose(tx_snr_db) if adaptive else scheme, mode)


def _rates(suffix: str) -> Ladder[int]:
    """The plain text modes, or with "+" those through the model, most robust first."""
    return Ladder(
        [
            Rung(TEXT_LOSS_1_PERCENT_DB[mode.name] + TEXT_MARGIN_DB, mode.number)
            for mode in text.MODES
            if mode.modelled == (suffix == "+")
        ],
        HYSTERESIS_DB,
    )

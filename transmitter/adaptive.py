"""Link adaptation: what to send, and at which code rate, by the SNR that the transmitter believes in.

The paper (II-B): the code rate R_c of the text follows the channel, and visual semantics are sent where the SNR is
above a threshold. Both are ladders of thresholds with hysteresis: that of schemes stands beside their table
(:mod:`common.schemes`), those of an encoder's settings with its section (:class:`common.sections.base.Option`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from common import schemes
from common.knobs import Value
from common.schemes import ADAPTIVE, ADAPTIVE_LADDER
from common.sections.base import encoder_options
from transmitter.ladder import Ladder, Rung

HYSTERESIS_DB: Final = 1.0
"""More than the estimate's error: 0.3 to 0.75 dB RMS from pilots and header (docs/results/link/header-reception.json),
less with a description."""


def choices() -> tuple[str, ...]:
    """What a transmitter may be asked to send: a scheme, or the one that suits the SNR."""
    return (*schemes.names(), ADAPTIVE)


@dataclass(frozen=True)
class Choice:
    """What one burst carries: a scheme by name, and the settings of its encoders."""

    scheme: str
    options: Mapping[str, Value]


class LinkAdaptation:
    """Remembers where it stands on its ladders, so that it switches with hysteresis. One for one stream of bursts."""

    def __init__(self) -> None:
        self._scheme = _ladder(ADAPTIVE_LADDER)
        self._options = {
            (name, value): _ladder(rungs)
            for name, option in encoder_options().items()
            for value, rungs in option.ladders.items()
        }

    def choose(self, scheme: str, options: Mapping[str, Value], tx_snr_db: float) -> Choice:
        """What to send for ``scheme`` of :func:`choices` and settings ``options`` at ``tx_snr_db`` (Es/N0 in dB).

        Raises SchemeError for other names.
        """
        if scheme != ADAPTIVE:
            return Choice(schemes.by_name(scheme).name, dict(options))
        settings = {name: option.default for name, option in encoder_options().items()} | dict(options)
        chosen: dict[str, Value] = {}
        for name, value in settings.items():
            ladder = self._options.get((name, str(value)))
            chosen[name] = value if ladder is None else ladder.choose(tx_snr_db)
        return Choice(self._scheme.choose(tx_snr_db), chosen)


def _ladder(rungs: tuple[tuple[float, str], ...]) -> Ladder[str]:
    return Ladder([Rung(snr_db, choice) for snr_db, choice in rungs], HYSTERESIS_DB)

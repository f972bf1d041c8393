"""What every channel model is: for each burst an SNR and a gain. The noise is the same for all (channel/noise.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from common.conventions import SNR_DB_LIMITS
from common.knobs import Knob, Value

Settings = Mapping[str, Value]
"""What ``Knobs.begin`` gives: the value of every knob of the channel, for one burst."""

Gain = float | NDArray[np.complex64]
"""h of y = h·x + n: one number for all samples, or one for each."""

SNR_DB = Knob(
    "snr_db",
    "Es/N0 per complex symbol of unit power; of a fading channel the average",
    unit="dB",
    low=SNR_DB_LIMITS[0],
    high=SNR_DB_LIMITS[1],
)


class Model:
    """One channel model on one link. All that it tells is a function of (seed, sequence, sample offset, settings)."""

    name: ClassVar[str]
    help: ClassVar[str]
    knobs: ClassVar[tuple[tuple[Knob, Value], ...]] = ()
    """Its own parameters with their defaults. Models that share one share the ``Knob``."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def snr_db(self, sequence: int, settings: Settings) -> float:
        """Es/N0 in dB of burst ``sequence``, for a gain of unit power."""
        return number(settings, SNR_DB)

    def gain(self, sequence: int, offset: int, count: int, settings: Settings) -> Gain:
        """h for samples ``offset`` … ``offset + count − 1`` of burst ``sequence``."""
        return 1.0


def number(settings: Settings, knob: Knob) -> float:
    """The value of a knob that holds numbers."""
    value = settings[knob.name]
    assert isinstance(value, (int, float))
    return float(value)

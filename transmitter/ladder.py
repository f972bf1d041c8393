"""Choosing by SNR with hysteresis: a ladder of thresholds. Pure bookkeeping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Rung(Generic[T]):
    """``choice`` is what to do from ``snr_db`` (Es/N0 in dB) upwards, until a higher rung holds."""

    snr_db: float
    choice: T


class Ladder(Generic[T]):
    """Steps down at once when the SNR falls below the rung it stands on, and up only ``hysteresis_db`` above a rung.

    Down at once, because what is chosen for a better channel fails on a worse one; up late, because a noisy estimate
    would otherwise switch to and fro.
    """

    def __init__(self, rungs: Sequence[Rung[T]], hysteresis_db: float) -> None:
        """``rungs`` in rising order; the lowest holds below its own threshold too."""
        self._rungs = tuple(rungs)
        self._hysteresis_db = hysteresis_db
        self._stands_on: int | None = None

    def choose(self, snr_db: float) -> T:
        """The choice for this SNR in dB, given the choices before. The first one needs no hysteresis."""
        held = self._highest(snr_db)
        if self._stands_on is None or held < self._stands_on:
            self._stands_on = held
        else:
            self._stands_on = max(self._stands_on, self._highest(snr_db - self._hysteresis_db))
        return self._rungs[self._stands_on].choice

    def _highest(self, snr_db: float) -> int:
        return max((index for index, rung in enumerate(self._rungs) if rung.snr_db <= snr_db), default=0)

"""The credit window: which bursts are on their way, which were acknowledged, which are lost. Pure bookkeeping.

A burst is acknowledged when the receiver has finished it. Where a process died, no acknowledgement will come; so while
it waits, the transmitter sends probes down the same path. The path keeps order, so when the receiver answers a probe,
each burst sent before it has either arrived (acknowledged, or among those the receiver says it is holding) or is lost.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass
class CreditWindow:
    """At most ``size`` bursts are outstanding, so at most ``size`` are lost when a process dies."""

    size: int
    delivered: int = 0
    lost: int = 0
    outstanding: set[int] = field(default_factory=set)
    _given_up: set[int] = field(default_factory=set)
    _last_sent: int = -1
    _probes: dict[int, int] = field(default_factory=dict)
    _next_probe: int = 0

    @property
    def open(self) -> bool:
        """Whether one more burst may be sent."""
        return len(self.outstanding) < self.size

    def sent(self, seq: int) -> None:
        """Burst ``seq`` was handed to the uplink."""
        self.outstanding.add(seq)
        self._last_sent = seq

    def acknowledged(self, seq: int) -> bool:
        """The receiver has finished burst ``seq``. False if that is no news."""
        if seq in self._given_up:
            # It was late, not lost: a connection that broke can overtake one that was slow.
            self._given_up.remove(seq)
            self.lost -= 1
        elif seq in self.outstanding:
            self.outstanding.remove(seq)
        else:
            return False
        self.delivered += 1
        return True

    def probe(self) -> int:
        """The number of a new probe, about to be sent behind every burst sent so far."""
        number = self._next_probe
        self._next_probe += 1
        self._probes[number] = self._last_sent
        while len(self._probes) > 64:
            del self._probes[min(self._probes)]
        return number

    def answered(self, probe: int, holding: Collection[int]) -> list[int]:
        """The receiver has seen ``probe`` and holds these bursts: returns those now known to be lost."""
        if probe not in self._probes:
            return []
        last = self._probes[probe]
        self._probes = {number: sent for number, sent in self._probes.items() if number > probe}
        lost = sorted(seq for seq in self.outstanding if seq <= last and seq not in holding)
        self.outstanding.difference_update(lost)
        self._given_up.update(lost)
        self.lost += len(lost)
        return lost

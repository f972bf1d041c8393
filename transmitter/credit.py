"""Credit: which bursts are on their way to which receiver, which were acknowledged, which are lost. Pure bookkeeping.

A burst is acknowledged when a receiver has finished it. Where a process died, no acknowledgement will come; so while
it waits, the transmitter sends probes down the same path. The path to each receiver keeps order, so when one answers a
probe, each burst sent before it has either arrived there (acknowledged, or among those it says it is holding) or is
lost to it. The answer also names every receiver that the channel served when the probe passed: one that is not among
them gets nothing any more, and what it owes is lost; one that is new owes what was sent after that probe.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

WINDOW: Final = 2
"""Bursts that may be on their way unacknowledged, to each receiver: one being decoded, one waiting for it."""

PROBES: Final = 64
"""Most probes whose answers are waited for."""

RECEIVERS: Final = 256
"""Most receivers with an account of their own; those longest gone are added up first."""

LATE: Final = 256
"""Most bursts that were given up, a receiver, of which it is remembered that they may only be late."""


@dataclass
class Account:
    """One receiver: bursts ``due`` to it = ``delivered`` + ``lost`` + those ``outstanding``.

    ``live``: the channel serves it. ``snr_db`` is its last estimate.
    """

    live: bool = True
    due: int = 0
    delivered: int = 0
    lost: int = 0
    outstanding: set[int] = field(default_factory=set)
    snr_db: float | None = None
    _given_up: set[int] = field(default_factory=set)
    _last_due: int = -1
    news: int = -1
    """The last probe that told something of it: what older ones say is out of date."""

    def owe(self, seqs: Iterable[int]) -> None:
        """These bursts went out to it. One that was given up is on its way after all, none counts twice."""
        for seq in seqs:
            if seq > self._last_due:
                self._last_due = seq
                self.due += 1
                self.outstanding.add(seq)
            elif seq in self._given_up:
                self._given_up.remove(seq)
                self.lost -= 1
                self.outstanding.add(seq)

    def acknowledged(self, seq: int) -> bool:
        """It has finished burst ``seq``. False if that is no news."""
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

    def give_up(self, seqs: Iterable[int]) -> list[int]:
        """These bursts are lost, as far as anyone knows. Returns them in order."""
        lost = sorted(seqs)
        self.outstanding.difference_update(lost)
        self._given_up.update(lost)
        while len(self._given_up) > LATE:
            self._given_up.remove(min(self._given_up))
        self.lost += len(lost)
        return lost


class Credit:
    """At most ``size`` bursts are outstanding to any receiver, so at most ``size`` are lost when a process dies."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.accounts: dict[str, Account] = {}
        self._past = Account(live=False)
        self._last_sent = -1
        self._probes: dict[int, int] = {}
        self._next_probe = 0

    @property
    def live(self) -> list[Account]:
        """The receivers that hold the source back."""
        return [account for account in self.accounts.values() if account.live]

    @property
    def open(self) -> bool:
        """Whether one more burst may be sent: there is a receiver, and none has its window full."""
        live = self.live
        return bool(live) and all(len(account.outstanding) < self.size for account in live)

    @property
    def waiting(self) -> bool:
        """Whether an acknowledgement is due."""
        return any(account.outstanding for account in self.accounts.values())

    @property
    def snr_db(self) -> float | None:
        """The lowest of the live receivers' estimates, as a broadcast has to serve the weakest; None without any."""
        return min((account.snr_db for account in self.live if account.snr_db is not None), default=None)

    def totals(self) -> dict[str, int]:
        """Over all receivers: ``sent`` = ``delivered`` + ``lost`` + ``outstanding``."""
        all_ = [self._past, *self.accounts.values()]
        return {
            "sent": sum(account.due for account in all_),
            "delivered": sum(account.delivered for account in all_),
            "lost": sum(account.lost for account in all_),
            "outstanding": sum(len(account.outstanding) for account in all_),
        }

    def describe(self) -> dict[str, dict[str, int | float | bool | None]]:
        """Each receiver's account, by name."""
        return {
            name: {
                "live": account.live,
                "sent": account.due,
                "delivered": account.delivered,
                "lost": account.lost,
                "outstanding": len(account.outstanding),
                "estimated_snr_db": account.snr_db,
            }
            for name, account in self.accounts.items()
        }

    def sent(self, seq: int) -> None:
        """Burst ``seq`` was handed to the uplink, one more than the one before."""
        self._last_sent = seq
        for account in self.live:
            account.owe([seq])

    def acknowledged(self, name: str, seq: int, snr_db: float | None) -> bool:
        """Receiver ``name`` has finished burst ``seq`` and estimated its SNR. False if that is no news."""
        account = self.accounts.get(name)
        if account is None or not account.acknowledged(seq):
            return False
        if snr_db is not None:
            account.snr_db = snr_db
        return True

    def probe(self) -> int:
        """The number of a new probe, about to be sent behind every burst sent so far."""
        number = self._next_probe
        self._next_probe += 1
        self._probes[number] = self._last_sent
        while len(self._probes) > PROBES:
            del self._probes[min(self._probes)]
        return number

    def greeted(self, name: str, probe: int) -> None:
        """Receiver ``name`` says that it is there; ``probe`` is being sent because of that. It counts from there on,
        and what older probes told of it is out of date."""
        self._begin(name, probe)
        if name in self.accounts:
            self.accounts[name].news = probe - 1

    def answered(self, name: str, probe: int, holding: Collection[int], links: Collection[str]) -> dict[str, list[int]]:
        """Receiver ``name`` has seen ``probe`` and holds these bursts, and the channel served ``links`` then. Returns
        the bursts now known to be lost, by receiver."""
        if probe not in self._probes:
            return {}
        last = self._probes[probe]
        for link in {name, *links}:
            self._begin(link, probe)
        lost = {}
        for other, account in self.accounts.items():
            if not account.live or probe <= account.news:
                continue
            if other == name:
                account.news = probe
                gone = account.give_up(seq for seq in account.outstanding if seq <= last and seq not in holding)
            elif other not in links:
                account.news = probe
                account.live = False
                gone = account.give_up(account.outstanding)
            else:
                continue
            if gone:
                lost[other] = gone
        return lost

    def _begin(self, name: str, probe: int) -> None:
        """``name`` is there since ``probe``: it owes what was sent after that. No change where that is known."""
        account = self.accounts.get(name)
        if account is not None and (account.live or probe <= account.news):
            return
        if account is None:
            if not self._make_room():
                return
            account = self.accounts[name] = Account()
        account.live = True
        account.news = probe - 1
        account.snr_db = None
        account.owe(range(self._probes[probe] + 1, self._last_sent + 1))

    def _make_room(self) -> bool:
        if len(self.accounts) < RECEIVERS:
            return True
        name = next((name for name, account in self.accounts.items() if not account.live), None)
        if name is None:
            return False
        account = self.accounts.pop(name)
        self._past.due += account.due
        self._past.delivered += account.delivered
        self._past.lost += account.lost
        return True

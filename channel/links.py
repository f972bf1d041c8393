"""The links of a broadcast: which receivers there are, each with a channel of its own. Bookkeeping without sockets."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from channel.channel import Channel
from common import wire
from common.errors import SettingError
from common.knobs import Knobs, Value

REMEMBERED_LIVES: Final = 16
"""Replaced processes that are remembered, a link, lest one that was only slow takes its name back."""


@dataclass(eq=False)
class Link:
    """What lies between transmitter and receiver ``name``. ``peer`` is the receiver's connection, None while it is
    gone."""

    number: int
    name: str
    channel: Channel
    life: str = ""
    peer: bytes | None = None
    bursts: int = 0
    replaced: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED_LIVES))


@dataclass(frozen=True)
class Joining:
    """What came of a join: the link, or why there is none; and the connection of an older process of that name."""

    link: Link | None
    refusal: Literal["", "replaced", "full"] = ""
    replaced: bytes | None = None


class Links:
    """Numbers, names and connections. The work joins and drops links; the control thread may look on and turn knobs."""

    def __init__(self, channel: Channel) -> None:
        """Each link gets ``channel.for_link``; what is set on ``channel.knobs`` holds for all of them."""
        self._channel = channel
        self._lock = channel.knobs.lock
        # Links of receivers that are gone stay, so that one that comes back gets its own; longest gone first.
        self._links: dict[str, Link] = {}

    @property
    def live(self) -> list[Link]:
        """The links of receivers that are there."""
        return [link for link in self._links.values() if link.peer is not None]

    def join(self, peer: bytes, name: str, life: str) -> Joining:
        """The receiver ``name`` asks for its link over the connection ``peer``; ``life`` names its process.

        A name has one process: a newer one takes the link over. A process may come again over another connection.
        """
        with self._lock:
            link = self._links.get(name)
            if link is not None and life in link.replaced:
                return Joining(None, "replaced")
            if link is None:
                number = self._free_number()
                if number is None:
                    return Joining(None, "full")
                link = self._links[name] = Link(number, name, self._channel.for_link(number))
            older = None
            if link.life != life:
                older = link.peer
                if link.life:
                    link.replaced.append(link.life)
            for other in self._links.values():
                if other.peer == peer:  # one connection, one name
                    other.peer = None
            link.peer, link.life = peer, life
            return Joining(link, replaced=older)

    def gone(self, link: Link) -> None:
        """Its receiver is not there any more."""
        with self._lock:
            link.peer = None
            if self._links.pop(link.name, None):
                self._links[link.name] = link

    def begin(self, seq: int) -> list[tuple[Link, Mapping[str, Value]]]:
        """Every live link with its settings for burst ``seq``, all fixed at one moment."""
        with self._lock:
            self._channel.knobs.begin(seq)
            for link in self._links.values():
                link.channel.knobs.begin(seq)
        return self.begun()

    def begun(self) -> list[tuple[Link, Mapping[str, Value]]]:
        """As ``begin`` gave them for the last burst; with the links that have come since, whose settings for it are
        those that the channel had."""
        return [(link, link.channel.knobs.begun) for link in self.live]

    def knobs(self, which: int | str) -> Knobs:
        """The settings of one link, by number or name. Raises SettingError."""
        number = int(which) if isinstance(which, int) or (which.isdecimal() and len(which) <= 2) else 0
        with self._lock:
            for link in self._links.values():
                if link.number == number or link.name == which:
                    return link.channel.knobs
            known = ", ".join(f"{link.number} ({link.name})" for link in self._in_order()) or "none yet"
        raise SettingError(f"no link {which}: there are {known}")

    def describe(self) -> list[dict[str, Any]]:
        """Every link, in the order of their numbers."""
        with self._lock:
            return [
                {
                    "number": link.number,
                    "name": link.name,
                    "live": link.peer is not None,
                    "bursts": link.bursts,
                    "settings": link.channel.knobs.values(),
                }
                for link in self._in_order()
            ]

    def _in_order(self) -> list[Link]:
        return sorted(self._links.values(), key=lambda link: link.number)

    def _free_number(self) -> int | None:
        taken = {link.number for link in self._links.values()}
        free = next((number for number in range(1, wire.MAX_LINKS + 1) if number not in taken), None)
        if free is not None:
            return free
        away = next((link for link in self._links.values() if link.peer is None), None)
        return self._links.pop(away.name).number if away else None

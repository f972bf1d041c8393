"""What a captioner is: a clip in, a line of text out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from common.clip import Clip
from common.codecs import text


@dataclass(frozen=True)
class Description:
    """``data`` is UTF-8, at most ``text.MAX_BYTES`` long; ``was_cut`` tells that there was more. ``by`` is the name of
    the captioner whose words they are."""

    data: bytes
    was_cut: bool
    by: str

    @property
    def text(self) -> str:
        return self.data.decode()

    @classmethod
    def of(cls, words: str, by: str) -> Description:
        """``words`` as they go on the air: one line, cut where they are too long."""
        return cls(*text.fit(words), by)


class Captioner(Protocol):
    """Describes clips. The same clip and thread count give the same text."""

    name: str

    def extract(self, clip: Clip) -> Description:
        """What ``clip`` shows; no data where there is nothing to say. Raises a GvscError where it cannot be told."""
        ...

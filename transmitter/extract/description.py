"""The description: the data set's own caption, as in the paper (IV-A1), fitted to what a burst carries."""

from __future__ import annotations

from dataclasses import dataclass

from common.clip import Clip
from common.codecs import text


@dataclass(frozen=True)
class Description:
    """``data`` is UTF-8, at most ``text.MAX_BYTES`` long; ``was_cut`` tells that the caption was longer."""

    data: bytes
    was_cut: bool

    @property
    def text(self) -> str:
        return self.data.decode()


def extract(clip: Clip) -> Description:
    """The clip's caption as it goes on the air."""
    return Description(*text.fit(clip.caption))

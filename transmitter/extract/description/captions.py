"""`captions`: the data set's own caption, as in the paper (IV-A1)."""

from __future__ import annotations

from common.clip import Clip
from transmitter.extract.description.base import Description


class Captions:
    """What came with the clip: nothing where nothing came."""

    name = "captions"

    def extract(self, clip: Clip) -> Description:
        return Description.of(clip.caption, self.name)

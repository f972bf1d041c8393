"""`captions`: the data set's own caption, as in the paper (IV-A1)."""

from __future__ import annotations

from common.clip import Clip
from transmitter.extract.base import CAPTIONER, EXTRACTORS
from transmitter.extract.description.base import Description


@EXTRACTORS.register("captions", "the clip's caption and nothing else", kind=CAPTIONER)
class Captions:
    """The caption that came with the clip; an empty description where none came."""

    name = "captions"

    def extract(self, clip: Clip) -> Description:
        """The clip's caption, cut where it is too long."""
        return Description.of(clip.caption, self.name)

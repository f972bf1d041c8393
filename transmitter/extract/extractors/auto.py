"""`auto`: a clip's own caption; for a clip without one, `tags`."""

from __future__ import annotations

import logging

from common.clip import Clip
from common.errors import WeightsError
from transmitter.extract.base import CAPTIONER, EXTRACTORS
from transmitter.extract.description.base import Captioner, Description
from transmitter.extract.extractors import tags
from transmitter.extract.extractors.captions import Captions

log = logging.getLogger(__name__)


@EXTRACTORS.register(
    "auto", "the clip's caption; where it has none, tags", needs=tags.NEEDS, default=True, kind=CAPTIONER
)
class Auto:
    """Loads `tags` at the first clip without a caption. Where its weights cannot be had, it warns once, and such clips
    go without a description."""

    name = "auto"

    def __init__(self) -> None:
        self._captions = Captions()
        self._tags: Captioner | None = None

    def extract(self, clip: Clip) -> Description:
        """The caption, or what `tags` finds. Raises what its ``extract`` raises."""
        caption = self._captions.extract(clip)
        if caption.data:
            return caption
        if self._tags is None:
            self._tags = self._load()
        return self._tags.extract(clip)

    def _load(self) -> Captioner:
        try:
            return tags.load()
        except WeightsError as error:
            log.warning("clips without a caption are sent without a description: %s", error)
            return self._captions

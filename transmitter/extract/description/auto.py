"""`auto`, the default: a clip's own caption; for a clip without one, `tags`."""

from __future__ import annotations

import logging

from common.clip import Clip
from common.errors import WeightsError
from transmitter.extract.description.base import Describer, Description
from transmitter.extract.description.captions import Captions

log = logging.getLogger(__name__)


class Auto:
    """Loads `tags` at the first clip without a caption. Where its weights cannot be had, it says so once, and such
    clips go without a description."""

    name = "auto"

    def __init__(self) -> None:
        self._captions = Captions()
        self._tags: Describer | None = None

    def extract(self, clip: Clip) -> Description:
        caption = self._captions.extract(clip)
        if caption.data:
            return caption
        if self._tags is None:
            self._tags = self._load()
        return self._tags.extract(clip)

    def _load(self) -> Describer:
        from transmitter.extract.description.tags.describer import Tags

        try:
            return Tags.from_weights()
        except WeightsError as error:
            log.warning("clips without a caption are sent without a description: %s", error)
            return self._captions

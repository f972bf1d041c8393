"""Every frame as an analogue picture of its own: ``djscc-rgb``, 1 536 symbols each (paper, DJSCC-RGB)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from common.needs import Weights
from common.sections.base import (
    Arrived,
    Encoded,
    Observation,
    Options,
    Section,
    Slot,
    Sources,
    register,
    to_bytes,
)

if TYPE_CHECKING:
    from common.codecs.djscc_rgb import RgbCodec

PATCH: Final = 16
REALS: Final = 12
"""Reals that are sent for each 16×16 patch of a frame."""


@register("each frame as an analogue picture", needs=(Weights("djscc-rgb"),))
class RgbSection(Section):
    """All frames, each by itself, one after the other. Nothing is generated."""

    name = "rgb"
    kind = "analogue"
    modality = "video"
    condition = ""
    codec = "djscc-rgb"
    colour = "#5c940d"

    def symbols(self, slot: Slot) -> int:
        return slot.frames * (slot.height // PATCH) * (slot.width // PATCH) * REALS // 2

    def prepare(self) -> None:
        _ = self._codec

    def extract(self, sources: Sources) -> NDArray[np.uint8]:
        """The clip's frames, uint8 (F, H, W, 3)."""
        return sources.clip.video

    def encode(self, content: Any, tx_snr_db: float, slot: Slot, options: Options) -> Encoded:
        frames = content.transpose(0, 3, 1, 2).astype(np.float32) / 255.0
        return Encoded(np.concatenate([self._codec.encode(frame, tx_snr_db) for frame in frames]))

    def decode(self, observation: Observation, slot: Slot) -> Arrived:
        symbols, snr_db = observation.spread()
        sent = symbols.reshape(slot.frames, -1)
        frames = [self._codec.decode(frame, snr_db, slot.height, slot.width) for frame in sent]
        return self.arrived(to_bytes(np.stack(frames).transpose(0, 2, 3, 1)), snr_db)

    def video(self, value: Any, slot: Slot) -> NDArray[np.uint8]:
        shown: NDArray[np.uint8] = value
        return shown

    @cached_property
    def _codec(self) -> RgbCodec:
        from common.codecs.djscc_rgb import RgbCodec

        return RgbCodec.load()

"""The first frame as an analogue picture: ``djscc-frame``, 7 808 symbols at 256×256 (paper, II-A and II-B)."""

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
    from common.codecs.djscc_frame import FrameCodec

PATCH: Final = 16
REALS: Final = 61
"""Reals that are sent for each 16×16 patch."""


@register("first frames as analogue pictures, 7 808 symbols", needs=(Weights("djscc-frame"),))
class FirstFrameSection(Section):
    """The visual anchor of the clip."""

    name = "first_frame"
    kind = "analogue"
    modality = "frame"
    condition = "frame"
    codec = "djscc-frame"
    colour = "#2f9e44"
    least_snr_db = -8.0
    """So low that over white noise little else would arrive, so in deep fades alone. Down to -5 dB
    `gvsc bench ablation` finds no crossing in PSNR: with a frame clips are 6.0 dB or more above those made of the text
    alone (docs/results/generators/ablation.json); deeper, hardly a header arrives. So this is an assumption; at -5 dB a
    frame still has 20.8 dB (docs/results/codecs/djscc-frame.json)."""

    def symbols(self, slot: Slot) -> int:
        return (slot.height // PATCH) * (slot.width // PATCH) * REALS // 2

    def prepare(self) -> None:
        _ = self._codec

    def extract(self, sources: Sources) -> NDArray[np.float32]:
        """The clip's first frame as float32 (3, H, W) in [0, 1]."""
        first = sources.clip.video[0].transpose(2, 0, 1)
        return np.ascontiguousarray(first, dtype=np.float32) / np.float32(255.0)

    def encode(self, content: Any, tx_snr_db: float, slot: Slot, options: Options) -> Encoded:
        return Encoded(self._codec.encode(content, tx_snr_db))

    def decode(self, observation: Observation, slot: Slot) -> Arrived:
        symbols, snr_db = observation.spread()
        return self.arrived(self._codec.decode(symbols, snr_db, slot.height, slot.width), snr_db)

    def picture(self, value: Any) -> NDArray[np.uint8]:
        return to_bytes(value.transpose(1, 2, 0))

    def video(self, value: Any, slot: Slot) -> NDArray[np.uint8]:
        """The frame, held."""
        return np.repeat(self.picture(value)[None], slot.frames, axis=0)

    @cached_property
    def _codec(self) -> FrameCodec:
        from common.codecs.djscc_frame import FrameCodec

        return FrameCodec.load()

"""The first frame as an analogue picture: ``djscc-frame``, 7 808 symbols at 256×256 (paper, II-A and II-B)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from common.needs import Weights
from common.sections.base import Arrived, Encoded, Observation, Options, Slot, register
from common.sections.frame import FrameSection

if TYPE_CHECKING:
    from common.codecs.djscc_frame import FrameCodec

PATCH: Final = 16
REALS: Final = 61
"""Reals that are sent for each 16×16 patch."""


@register("first frames as analogue pictures, 7 808 symbols", needs=(Weights("djscc-frame"),))
class FirstFrameSection(FrameSection):
    """The first frame in a number of symbols that its codec was trained for."""

    name = "first_frame"
    codec = "djscc-frame"
    colour = "#2f9e44"

    def symbols(self, slot: Slot) -> int:
        return (slot.height // PATCH) * (slot.width // PATCH) * REALS // 2

    def prepare(self) -> None:
        _ = self._codec

    def encode(self, content: Any, tx_snr_db: float, slot: Slot, options: Options) -> Encoded:
        return Encoded(self._codec.encode(content, tx_snr_db))

    def decode(self, observation: Observation, slot: Slot) -> Arrived:
        symbols, snr_db = observation.spread()
        return self.arrived(self._codec.decode(symbols, snr_db, slot.height, slot.width), snr_db)

    @cached_property
    def _codec(self) -> FrameCodec:
        from common.codecs.djscc_frame import FrameCodec

        return FrameCodec.load()

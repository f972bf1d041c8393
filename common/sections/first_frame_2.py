"""The first frame by ``djscc-frame-2``: as many symbols as the scheme gives, shared out by what the picture needs.

How it works: :mod:`common.codecs.djscc.adaptive_codec`. Everything that the decoder needs besides is coded bits among
the section's symbols, counted. Where these are lost nothing of the frame can be used; where only the finer of the two
coded parts is lost, a coarse frame is left.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from common.conventions import SIZE
from common.needs import Weights
from common.sections.base import Arrived, Encoded, Observation, Options, Slot, register
from common.sections.frame import FrameSection

if TYPE_CHECKING:
    from common.codecs.djscc_frame_2 import FrameCodec2

BUDGET: Final = 7808
"""Symbols for 256×256 where the scheme names no number."""


@register(
    "first frames with bandwidth shared out for each picture, any number of symbols",
    needs=(Weights("djscc-frame-2"),),
)
class FirstFrame2Section(FrameSection):
    """The first frame in as many symbols as the scheme gives."""

    name = "first_frame_2"
    codec = "djscc-frame-2"
    colour = "#2b8a3e"
    budgeted = True

    def symbols(self, slot: Slot) -> int:
        """The budget, in proportion to the picture's area."""
        budget = BUDGET if slot.budget is None else slot.budget
        return round(budget * slot.height * slot.width / SIZE**2)

    def prepare(self) -> None:
        _ = self._codec

    def encode(self, content: Any, tx_snr_db: float, slot: Slot, options: Options) -> Encoded:
        symbols: NDArray[np.complex64] = self._codec.encode(content, tx_snr_db, self.symbols(slot))
        return Encoded(symbols)

    def decode(self, observation: Observation, slot: Slot) -> Arrived:
        """The frame; None where its first coded part is lost, a coarse one where the second is."""
        symbols, noise = observation.equalised()
        snr_db = float(-10.0 * np.log10(np.mean(noise)))
        made = self._codec.decode_with_details(symbols, snr_db, slot.height, slot.width, noise_variance=noise)
        if not made.first:
            return self.arrived(None, snr_db, failed=True, message="what says how the frame is shared out is lost")
        lost = "" if made.second else "the finer part of the frame is lost"
        return self.arrived(made.picture, snr_db, failed=bool(lost), message=lost)

    @cached_property
    def _codec(self) -> FrameCodec2:
        from common.codecs.djscc_frame_2 import FrameCodec2

        return FrameCodec2.load()

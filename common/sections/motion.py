"""How the first frame moves: smooth backward fields as analogue symbols (:mod:`common.codecs.motion`), 512 by default.

Everything is in the section's symbols: scale, *no motion* and the powers' design as a coded block in front, counted.
Where that block is lost the motion is lost: nothing of it can be used without its scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from common.errors import SchemeError
from common.needs import Package, Weights
from common.sections.base import Arrived, Encoded, Observation, Options, Section, Slot, Sources, register

if TYPE_CHECKING:
    from common.codecs.motion.codec import MotionCodec

BUDGET: Final = 512
"""Symbols where the scheme names no number. The same for every size of the clip."""

LEAST_BUDGET: Final = 64
"""Fewer symbols hold hardly more than the side information."""

CLEAN_SNR_DB: Final = 30.0


@dataclass(frozen=True)
class MotionContent:
    """A clip, uint8 (F, H, W, 3), and a first guess of its motion: backward fields, float32 (F − 1, 2, H, W), in
    pixels. The encoder looks for better ones in the clip."""

    video: NDArray[np.uint8]
    fields: NDArray[np.float32]


@register(
    "motion towards the first frame, 512 symbols",
    needs=(Weights("motion"), Package("opencv-python-headless", "cv2")),
)
class MotionSection(Section):
    """Backward fields, float32 (F − 1, 2, H, W): frame t at (y, x) comes from the first frame at (y + v, x + u)."""

    name = "motion"
    kind = "analogue"
    modality = "motion"
    condition = "motion"
    codec = "motion"
    colour = "#a61e4d"
    extractors = ("motion estimator",)
    budgeted = True

    def symbols(self, slot: Slot) -> int:
        """The budget, whatever the clip's size: fields have as many coefficients in a large picture as in a small one.

        Raises SchemeError for a budget below LEAST_BUDGET.
        """
        budget = BUDGET if slot.budget is None else slot.budget
        if budget < LEAST_BUDGET:
            raise SchemeError(f"a motion section has at least {LEAST_BUDGET} symbols, not {budget}")
        return budget

    def prepare(self) -> None:
        """Reads the prior and compiles the decoder of the side information."""
        from common.codecs.motion import side

        self._codec.decode_side(np.zeros(side.symbol_count(BUDGET), np.complex64), 1.0, BUDGET)

    def extract(self, sources: Sources) -> MotionContent:
        """The clip, and what the motion estimator in use makes of it."""
        video = sources.clip.video
        return MotionContent(video, sources.extractor(self.extractors[0]).extract(video))

    def encode(self, content: Any, tx_snr_db: float, slot: Slot, options: Options) -> Encoded:
        return Encoded(self._codec.encode(content.video, content.fields, tx_snr_db, self.symbols(slot)).symbols)

    def decode(self, observation: Observation, slot: Slot) -> Arrived:
        """The fields in pixels: zero where the transmitter says *no motion*, None where side information is lost."""
        from common.codecs.motion import side

        budget = self.symbols(slot)
        count = side.symbol_count(budget)
        analogue, snr_db = observation.spread(slice(count, None))
        said = self._codec.decode_side(*observation.equalised(slice(0, count)), budget)
        if said is None:
            return self.arrived(None, snr_db, failed=True, message="the scale of the motion is lost")
        return self.arrived(self._codec.decode(said, analogue, snr_db, slot.shape), snr_db)

    def clean(self, content: Any) -> Arrived:
        """What arrives of it in BUDGET symbols at a high SNR without noise."""
        from common.codecs.motion import side

        frames, height, width, _ = content.video.shape
        sent = self._codec.encode(content.video, content.fields, CLEAN_SNR_DB, BUDGET).symbols
        count = side.symbol_count(BUDGET)
        said = self._codec.decode_side(sent[:count], 1e-3, BUDGET)
        assert said is not None
        return self.arrived(self._codec.decode(said, sent[count:], 60.0, (frames, height, width)))

    def picture(self, value: Any) -> NDArray[np.uint8]:
        """The fields as colours side by side, in time's order: hue for the direction, strength for the length."""
        from common.codecs.motion.picture import colours

        return np.hstack(list(colours(value))) if len(value) else np.full((*value.shape[2:], 3), 255, np.uint8)

    @cached_property
    def _codec(self) -> MotionCodec:
        from common.codecs.motion.codec import MotionCodec

        return MotionCodec.load()

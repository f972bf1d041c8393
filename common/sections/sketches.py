"""A sketch of each frame, each by itself an analogue picture: ``djscc-sketch``, 8 192 symbols for 8 × 256×256."""

from __future__ import annotations

from dataclasses import replace
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
    from common.codecs.sketches import SketchesCodec

CELL: Final = 8
"""One symbol stands for CELL×CELL pixels of a sketch."""


class DrawnSection(Section):
    """Sketches of a clip's first frames, white lines on black (paper, II-A)."""

    kind = "analogue"
    modality = "sketch"
    codec = "djscc-sketch"
    extractors = ("edge extractor",)
    least_snr_db = -3.5
    """Where half of the lines are right, edge F1 0.5 (docs/results/codecs/djscc-sketch.json). Down to -5 dB
    `gvsc bench ablation` finds no crossing in PSNR: with a sketch clips are 1.3 dB above those made of the text alone,
    with eight 0.7 dB (docs/results/generators/ablation.json). So this is an assumption."""

    def count(self, slot: Slot) -> int:
        """How many sketches are sent: of the first frame, the second …"""
        raise NotImplementedError

    def symbols(self, slot: Slot) -> int:
        return self.count(slot) * (slot.height // CELL) * (slot.width // CELL)

    def prepare(self) -> None:
        _ = self._codec

    def extract(self, sources: Sources) -> NDArray[np.float32]:
        """Sketches (S, H, W) in [0, 1] by the edge extractor in use."""
        clip = sources.clip
        slot = Slot(*clip.shape)
        drawn: NDArray[np.float32] = sources.extractor(self.extractors[0]).extract(clip.video[: self.count(slot)])
        return drawn

    def encode(self, content: Any, tx_snr_db: float, slot: Slot, options: Options) -> Encoded:
        return Encoded(self._codec.encode(content, tx_snr_db))

    def decode(self, observation: Observation, slot: Slot) -> Arrived:
        symbols, snr_db = observation.spread()
        sketches = self._codec.decode(symbols, snr_db, self.count(slot), slot.height, slot.width)
        return self.arrived(sketches, snr_db)

    def picture(self, value: Any) -> NDArray[np.uint8]:
        """The sketches side by side."""
        return np.hstack(list(to_bytes(value)))

    def video(self, value: Any, slot: Slot) -> NDArray[np.uint8]:
        """Each frame's sketch; the only one, held."""
        lines = np.broadcast_to(to_bytes(value), (slot.frames, slot.height, slot.width))
        return np.repeat(lines[..., None], 3, axis=3)

    @cached_property
    def _codec(self) -> SketchesCodec:
        from common.codecs.sketches import SketchesCodec

        return SketchesCodec.load()


@register("a sketch of each frame, 1 024 symbols each", needs=(Weights("djscc-sketch"),))
class SketchesSection(DrawnSection):
    """One sketch of each frame, one after the other."""

    name = "sketches"
    condition = "sketches"
    colour = "#d9480f"

    def count(self, slot: Slot) -> int:
        return slot.frames

    def decode(self, observation: Observation, slot: Slot) -> Arrived:
        """With the first sketch to fall back on."""
        return self._with_first(super().decode(observation, slot))

    def clean(self, content: Any) -> Arrived:
        return self._with_first(super().clean(content))

    def _with_first(self, arrived: Arrived) -> Arrived:
        return replace(arrived, fallbacks=(("sketch", arrived.value[:1]),))

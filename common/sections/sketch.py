"""The sketch of the first frame as an analogue picture: ``djscc-sketch``, 1 024 symbols at 256×256 (paper, II-A)."""

from __future__ import annotations

from common.needs import Weights
from common.sections.base import Slot, register
from common.sections.sketches import DrawnSection


@register("a sketch of the first frame, 1 024 symbols", needs=(Weights("djscc-sketch"),))
class SketchSection(DrawnSection):
    """One sketch."""

    name = "sketch"
    condition = "sketch"
    colour = "#0c8599"

    def count(self, slot: Slot) -> int:
        return 1

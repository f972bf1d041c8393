"""What the sections that send a clip's first frame have in common (paper, II-A)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.sections.base import Section, Slot, Sources, to_bytes


class FrameSection(Section):
    """The visual anchor of the clip."""

    kind = "analogue"
    modality = "frame"
    condition = "frame"
    least_snr_db = -8.0
    """So low that over white noise little else would arrive, so in deep fades alone. Down to -5 dB
    `gvsc bench ablation` finds no crossing in PSNR: with a frame clips are 6.0 dB or more above those made of the text
    alone (docs/results/generators/ablation.json); deeper, hardly a header arrives. So this is an assumption; at -5 dB a
    frame still has 20.8 dB (docs/results/codecs/djscc-frame.json)."""

    def extract(self, sources: Sources) -> NDArray[np.float32]:
        """The clip's first frame as float32 (3, H, W) in [0, 1]."""
        first = sources.clip.video[0].transpose(2, 0, 1)
        return np.ascontiguousarray(first, dtype=np.float32) / np.float32(255.0)

    def picture(self, value: Any) -> NDArray[np.uint8]:
        return to_bytes(value.transpose(1, 2, 0))

    def video(self, value: Any, slot: Slot) -> NDArray[np.uint8]:
        """The frame, held."""
        return np.repeat(self.picture(value)[None], slot.frames, axis=0)

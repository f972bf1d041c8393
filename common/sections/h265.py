"""All frames as one H.265 bitstream with 5G LDPC and QAM, to compare with (paper, H.265)."""

from __future__ import annotations

from common.sections.base import register
from common.sections.bitstream import NEEDS, BitstreamSection


@register("to compare with: H.265 (libx265 of PyAV), 5G LDPC, QAM", needs=NEEDS)
class H265Section(BitstreamSection):
    """The clip by libx265."""

    name = "h265"
    codec = "h265-ldpc"
    colour = "#7048e8"
    standard = "h265"

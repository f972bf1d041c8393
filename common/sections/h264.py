"""All frames as one H.264 bitstream with 5G LDPC and QAM, to compare with (paper, H.264)."""

from __future__ import annotations

from common.sections.base import register
from common.sections.bitstream import NEEDS, BitstreamSection


@register("to compare with: H.264 (libx264 of PyAV), 5G LDPC, QAM", needs=NEEDS)
class H264Section(BitstreamSection):
    """The clip by libx264."""

    name = "h264"
    codec = "h264-ldpc"
    colour = "#862e9c"
    standard = "h264"

"""The frame-by-frame codec ``djscc-rgb``: 12 reals for each 16×16 pixels, 1536 complex symbols a frame at 256×256.

The paper's DJSCC-RGB sends every frame of a clip so, at a CBR of 0.0078, and generates nothing. How it works:
:mod:`common.codecs.djscc.colour`.
"""

from __future__ import annotations

from common.codecs.djscc.colour import ColourCodec


class RgbCodec(ColourCodec):
    """One frame of a clip to symbols and back."""

    name = "djscc-rgb"
    reals_per_block = 48


symbol_count = RgbCodec.symbol_count

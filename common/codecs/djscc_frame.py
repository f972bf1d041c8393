"""The first-frame codec ``djscc-frame``: 61 reals for each 16×16 pixels, 7808 complex symbols at 256×256.

With the description that makes the paper's CBR of 0.0057 (its table of schemes). How it works:
:mod:`common.codecs.djscc.colour`.
"""

from __future__ import annotations

from common.codecs.djscc.colour import ColourCodec


class FrameCodec(ColourCodec):
    """A first frame to symbols and back."""

    name = "djscc-frame"
    reals_per_block = 244


symbol_count = FrameCodec.symbol_count

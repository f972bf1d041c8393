"""The first-frame codec of the second generation, ``djscc-frame-2``: any number of symbols, shared out by the picture.

How it works: :mod:`common.codecs.djscc.adaptive_codec`.
"""

from __future__ import annotations

from common.codecs.djscc.adaptive_codec import AdaptiveCodec


class FrameCodec2(AdaptiveCodec):
    """A first frame to symbols and back."""

    name = "djscc-frame-2"

"""What the analogue picture codecs take: sizes, and SNRs that their networks know."""

from __future__ import annotations

from typing import Final

from common.errors import ClipError

BLOCK: Final = 32
"""Pictures have sides that are multiples of this."""

MAX_SIDE: Final = 2048
"""Larger pictures are refused: memory would be the next thing to fail."""

SNR_LIMITS_DB: Final = (-5.0, 20.0)
"""SNRs beyond these are treated as the nearer end: the networks were trained between them."""


def blocks(height: int, width: int, what: str) -> int:
    """BLOCK×BLOCK squares of a picture; ``what`` it is called. Raises ClipError for sizes that cannot be."""
    for name, side in (("height", height), ("width", width)):
        if not 0 < side <= MAX_SIDE or side % BLOCK:
            raise ClipError(f"a {what}'s {name} must be a multiple of {BLOCK} up to {MAX_SIDE}, not {side}; resize it")
    return (height // BLOCK) * (width // BLOCK)

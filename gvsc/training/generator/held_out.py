"""Which rendered clips are kept back, to look at while it trains: scenes not trained on, before photos that are."""

from __future__ import annotations

from typing import Final

_MOST: Final = 64
_PART: Final = 20


def kept_back(count: int) -> int:
    """So many clips at the end of ``count`` are never trained on: one in 20, at most 64."""
    return min(_MOST, count // _PART)

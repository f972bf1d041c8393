"""Shares of clips, with how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gvsc.bench.trials import wilson

Hits = Mapping[str, Sequence[bool]]
"""For each name whether it was right, clip after clip of those that it was asked of."""


def rates(hits: Hits) -> dict[str, float | None]:
    """The share of each, None where no clip was asked."""
    return {name: round(sum(found) / len(found), 4) if found else None for name, found in hits.items()}


def with_intervals(hits: Hits) -> dict[str, Any]:
    """The shares, ``clips`` that each is of and its Wilson ``interval`` (95 %)."""
    intervals = {name: [round(end, 4) for end in wilson(sum(found), len(found))] for name, found in hits.items()}
    return {**rates(hits), "clips": {name: len(found) for name, found in hits.items()}, "interval": intervals}

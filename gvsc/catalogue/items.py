"""What stands in the catalogue: items by kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from common.needs import Hub, Need

HEADINGS: Final[dict[str, str]] = {
    "generator": "generators",
    "captioner": "captioners",
    "edge extractor": "edge extractors",
    "motion estimator": "motion estimators",
    "codec": "codecs",
    "metric": "metrics",
    "judge": "judges",
    "loss": "perceptual losses",
}
"""The kinds that this tree has, in the order in which they are listed. Extractors from outside may bring others."""


@dataclass(frozen=True)
class Item:
    """One entry.

    ``memory_gb`` is about what it takes of main memory while it runs, in 10⁹ bytes; None where that is little, not
    known, or what its hub models take, which pass through main memory on any way. ``larger`` are hub models that can be
    chosen instead of the first. A codec says which sections of a burst it ``carries``. ``options`` are settings that
    it reads.
    """

    kind: str
    name: str
    summary: str
    needs: tuple[Need, ...] = ()
    memory_gb: float | None = None
    larger: tuple[Hub, ...] = ()
    carries: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

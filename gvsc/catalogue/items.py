"""What stands in the catalogue: items; the things they run on are those of :mod:`common.needs`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from common.needs import Hub, Need
from common.schemes import Section

Kind = Literal["generator", "describer", "sketcher", "codec", "metric", "judge", "loss"]

HEADINGS: Final[dict[Kind, str]] = {
    "generator": "generators",
    "describer": "describers",
    "sketcher": "sketchers",
    "codec": "codecs",
    "metric": "metrics",
    "judge": "judges",
    "loss": "perceptual losses",
}
"""The kinds, in the order in which they are listed."""


@dataclass(frozen=True)
class Item:
    """One entry.

    ``memory_gb`` is about what it takes of main memory while it runs, in 10⁹ bytes; None where that is little, not
    known, or what its hub models take, which pass through main memory on any way. ``larger`` are hub models that can be
    chosen instead of the first. A codec says which sections of a burst it ``carries``.
    """

    kind: Kind
    name: str
    summary: str
    needs: tuple[Need, ...] = ()
    memory_gb: float | None = None
    larger: tuple[Hub, ...] = ()
    carries: tuple[Section, ...] = ()

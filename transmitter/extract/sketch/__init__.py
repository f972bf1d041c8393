"""The sketch: contours of the frames, white on black (paper, II-A). Edge extractors by name, loaded when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from transmitter.extract.base import EDGE_EXTRACTOR, EXTRACTORS
from transmitter.extract.sketch.base import EdgeExtractor

__all__ = ["DEFAULT", "NAMES", "EdgeExtractor", "load"]

NAMES: tuple[str, ...]
"""Every edge extractor that can be loaded, the default first. Looked up when it is used."""

DEFAULT: str
"""The one that is taken where nobody chooses."""


def load(name: str | None = None, options: Mapping[str, Any] | None = None) -> EdgeExtractor:
    """The edge extractor of that name, by default DEFAULT, with its weights; ``options`` as for ``EXTRACTORS.load``.

    Raises SettingError (no such name), WeightsError, PackageError.
    """
    extractor: EdgeExtractor = EXTRACTORS.load(EDGE_EXTRACTOR, name, options)
    return extractor


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name == "NAMES":
            return EXTRACTORS.names_of(EDGE_EXTRACTOR)
        if name == "DEFAULT":
            return EXTRACTORS.default_of(EDGE_EXTRACTOR)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

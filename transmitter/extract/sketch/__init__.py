"""The sketch: contours of the frames, white on black (paper, II-A). Edge extractors by name, loaded when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transmitter.extract.base import EDGE_EXTRACTOR, EXTRACTORS
from transmitter.extract.sketch.base import EdgeExtractor

__all__ = ["EdgeExtractor", "load"]


def load(name: str | None = None, options: Mapping[str, Any] | None = None) -> EdgeExtractor:
    """The edge extractor of that name, by default the default of the kind, with its weights; ``options`` as for
    ``EXTRACTORS.load``.

    Raises SettingError (no such name), WeightsError, PackageError.
    """
    extractor: EdgeExtractor = EXTRACTORS.load(EDGE_EXTRACTOR, name, options)
    return extractor

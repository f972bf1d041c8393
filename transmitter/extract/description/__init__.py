"""The description: what a clip shows, in a line of text. Captioners by name, each loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transmitter.extract.base import CAPTIONER, EXTRACTORS
from transmitter.extract.description.base import Captioner, Description

__all__ = ["Captioner", "Description", "load"]


def load(name: str | None = None, options: Mapping[str, Any] | None = None) -> Captioner:
    """The captioner of that name, by default the default of the kind, with its weights; ``options`` as for
    ``EXTRACTORS.load``.

    Raises SettingError (no such name), WeightsError, PackageError.
    """
    captioner: Captioner = EXTRACTORS.load(CAPTIONER, name, options)
    return captioner

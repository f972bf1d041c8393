"""The description: what a clip shows, in a line of text. Captioners by name, each loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from transmitter.extract.base import CAPTIONER, EXTRACTORS
from transmitter.extract.description.base import Captioner, Description

__all__ = ["DEFAULT", "NAMES", "Captioner", "Description", "load"]

NAMES: tuple[str, ...]
"""Every captioner that can be loaded, the default first. Looked up when it is used."""

DEFAULT: str
"""The one that is taken where nobody chooses."""


def load(name: str | None = None, options: Mapping[str, Any] | None = None) -> Captioner:
    """The captioner of that name, by default DEFAULT, with its weights; ``options`` as for ``EXTRACTORS.load``.

    Raises SettingError (no such name), WeightsError, PackageError.
    """
    captioner: Captioner = EXTRACTORS.load(CAPTIONER, name, options)
    return captioner


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name == "NAMES":
            return EXTRACTORS.names_of(CAPTIONER)
        if name == "DEFAULT":
            return EXTRACTORS.default_of(CAPTIONER)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

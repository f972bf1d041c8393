"""The description: what a clip shows, in a line of text. Describers by name, each loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from common.errors import SettingError
from transmitter.extract.description.base import Describer, Description

__all__ = ["DEFAULT", "NAMES", "Describer", "Description", "load"]


def _auto() -> Describer:
    from transmitter.extract.description.auto import Auto

    return Auto()


def _captions() -> Describer:
    from transmitter.extract.description.captions import Captions

    return Captions()


def _tags() -> Describer:
    from transmitter.extract.description.tags.describer import Tags

    return Tags.from_weights()


def _video_llava() -> Describer:
    from transmitter.extract.description.video_llava import VideoLlava

    return VideoLlava.from_settings("general")


def _video_llava_detailed() -> Describer:
    from transmitter.extract.description.video_llava import VideoLlava

    return VideoLlava.from_settings("detailed")


_LOADERS: Final[dict[str, Callable[[], Describer]]] = {
    "auto": _auto,
    "captions": _captions,
    "tags": _tags,
    "video-llava": _video_llava,
    "video-llava-detailed": _video_llava_detailed,
}

NAMES: Final = tuple(_LOADERS)
"""Every describer that can be loaded."""

DEFAULT: Final = "auto"


def load(name: str) -> Describer:
    """The describer of that name, with its weights. Raises SettingError (no such name), WeightsError, PackageError."""
    if name not in _LOADERS:
        raise SettingError(f"no describer is called {name!r}; there are: {', '.join(NAMES)}")
    return _LOADERS[name]()

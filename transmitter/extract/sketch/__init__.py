"""The sketch: contours of the frames, white lines on black (paper, II-A). Sketchers by name, loaded when asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from common.errors import SettingError

if TYPE_CHECKING:
    from transmitter.extract.sketch.base import Sketcher

__all__ = ["DEFAULT", "NAMES", "PIDINET_VARIABLE", "load"]


def _canny(_checkpoint: Path | None) -> Sketcher:
    from transmitter.extract.sketch.canny import Canny

    return Canny()


def _hed(_checkpoint: Path | None) -> Sketcher:
    from transmitter.extract.sketch import hed

    return hed.load()


def _pidinet(checkpoint: Path | None) -> Sketcher:
    from transmitter.extract.sketch import pidinet

    return pidinet.load(checkpoint)


def _pidinet_tiny_gvsc(_checkpoint: Path | None) -> Sketcher:
    from transmitter.extract.sketch import pidinet_tiny_gvsc

    return pidinet_tiny_gvsc.load()


_LOADERS: Final[dict[str, Callable[[Path | None], Sketcher]]] = {
    "pidinet-tiny-gvsc": _pidinet_tiny_gvsc,
    "pidinet": _pidinet,
    "hed": _hed,
    "canny": _canny,
}

NAMES: Final = tuple(_LOADERS)
"""Every sketcher that can be loaded."""

PIDINET_VARIABLE: Final = "GVSC_PIDINET_WEIGHTS"
"""Environment variable with the path of the checkpoint that `pidinet` needs."""

DEFAULT: Final = "pidinet-tiny-gvsc"


def load(name: str = DEFAULT, checkpoint: Path | None = None) -> Sketcher:
    """The sketcher of that name, with its weights; ``checkpoint`` is the file that `pidinet` needs.

    Raises SettingError (no such name), WeightsError.
    """
    if name not in _LOADERS:
        raise SettingError(f"no sketcher is called {name!r}; there are: {', '.join(NAMES)}")
    return _LOADERS[name](checkpoint)

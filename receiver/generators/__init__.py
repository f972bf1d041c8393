"""Generators by name. A generator is imported when it is asked for, not before."""

from __future__ import annotations

from collections.abc import Callable

from common.errors import SettingError
from receiver.generators.base import Conditions, Generator, Role

__all__ = ["NAMES", "Conditions", "Generator", "Role", "load"]


def _mini() -> Generator:
    from receiver.generators.mini.generator import Mini

    return Mini.from_weights()


_LOADERS: dict[str, Callable[[], Generator]] = {"mini": _mini}

NAMES = tuple(_LOADERS)
"""Every generator that can be loaded."""


def load(name: str) -> Generator:
    """The generator of that name, with its weights. Raises SettingError (no such name) or WeightsError."""
    if name not in _LOADERS:
        raise SettingError(f"no generator is called {name!r}; there are: {', '.join(NAMES)}")
    return _LOADERS[name]()

"""Reference curves of the link, one kind to a file; ``gvsc bench link`` measures and draws them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gvsc.bench.curves.engine import CurveSet

NAMES = ("text", "header", "joint", "ldpc", "undetected")


def load(name: str) -> CurveSet:
    """The curves of that name, imported when asked for: ``curves()`` of the module so called."""
    made: CurveSet = importlib.import_module(f"gvsc.bench.curves.{name}").curves()
    return made

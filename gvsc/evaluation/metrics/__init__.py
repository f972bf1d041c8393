"""Metrics by name, one to a file: module ``gvsc.evaluation.metrics.NAME`` holds a function ``NAME(source, received)``.

Adding one is adding its file. A module is imported when its metric is first asked for.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from importlib import import_module
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from common.errors import SettingError

DEFAULT = ("psnr", "ssim")
"""What is measured where nobody asks for something else."""


class Metric(Protocol):
    """A number for two clips, both uint8 (F, H, W, 3) of one shape. Raises SettingError for anything else."""

    def __call__(self, source: NDArray[np.uint8], received: NDArray[np.uint8], /) -> float: ...


def names() -> list[str]:
    """The names of all metrics, sorted."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name != "clips")


def metric(name: str) -> Metric:
    """The metric of that name. Raises SettingError, naming those there are, where there is none."""
    if name not in names():
        raise SettingError(f"unknown metric {name!r}; known: {', '.join(names())}")
    return cast(Metric, getattr(import_module(f"{__name__}.{name}"), name))


def measure(source: NDArray[np.uint8], received: NDArray[np.uint8], which: Iterable[str] = DEFAULT) -> dict[str, float]:
    """Metric name -> value for two clips, both uint8 (F, H, W, 3) of one shape. Raises SettingError."""
    return {name: metric(name)(source, received) for name in which}

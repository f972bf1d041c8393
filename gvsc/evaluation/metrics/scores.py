"""Metrics of a reconstruction, computed: values, and why others have none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.errors import GvscError, SettingError
from gvsc.evaluation.metrics.base import METRICS
from gvsc.evaluation.metrics.clips import check_clips

MAX_REASON = 300
"""Characters of a reason why a metric has no value."""


@dataclass(frozen=True, eq=False)  # equal to any mapping of the same values
class Scores(Mapping[str, float]):
    """Metric -> value, of those that could be computed; always finite.

    ``missing`` has the others: metric -> why. Asking for the value of one of these raises SettingError with the reason.
    """

    values_by_name: Mapping[str, float]
    missing: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        if name in self.missing:
            raise SettingError(f"{name} was not computed: {self.missing[name]}")
        return self.values_by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name)

    def facts(self) -> dict[str, Any]:
        """For JSON: ``metrics``, name -> value, null where there is none, and ``metrics_missing``, name -> why."""
        return {
            "metrics": {**self.values_by_name, **dict.fromkeys(self.missing)},
            "metrics_missing": dict(self.missing),
        }

    def texts(self) -> list[str]:
        """A few words on each, such as "PSNR 19.44 dB"."""
        return [f"{label} {text}" for label, text in rows(self.facts())]


def measure(source: NDArray[np.uint8], video: NDArray[np.uint8], names: Iterable[str] | None = None) -> Scores:
    """How near ``video`` is to ``source``, by the metrics ``names`` (default: the headline ones).

    Args:
        source, video: uint8 [F, H, W, 3] of one shape.
        names: metrics of clips; one that is named twice is computed once.

    Raises:
        SettingError: the clips cannot be compared, or no metric of clips has one of the names.

    >>> clip = np.zeros((1, 16, 16, 3), np.uint8)
    >>> measure(clip, clip + np.uint8(51), ["psnr"]).texts()
    ['PSNR 13.98 dB']
    """
    check_clips(source, video)
    known = METRICS.metrics("clip")
    chosen = [metric.name for metric in known if metric.headline] if names is None else check_names(names)
    values: dict[str, float] = {}
    missing: dict[str, str] = {}
    for name in chosen:
        try:
            value = float(METRICS[name](source, video))
        except GvscError as error:
            missing[name] = str(error)[:MAX_REASON]
        except Exception as error:  # noqa: BLE001  (a plug-in's code: one metric must not cost a run its other results)
            missing[name] = f"{type(error).__name__}: {error}"[:MAX_REASON]
        else:
            if math.isfinite(value):
                values[name] = value
            else:
                missing[name] = f"it gave {value}"
    return Scores(values, missing)


def check_names(names: Iterable[str]) -> list[str]:
    """The names, each once. Raises SettingError for one that no metric of clips has."""
    chosen = list(dict.fromkeys(names))
    clips = [metric.name for metric in METRICS.metrics("clip")]
    for name in chosen:
        found = METRICS.metric(name)
        if found.of != "clip":
            raise SettingError(f"{name} compares a {found.of}, not clips; of those there are: {', '.join(clips)}")
    return chosen


def rows(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(label, value with unit) of each metric in facts as of :meth:`Scores.facts`, whose value may be missing."""
    why = facts.get("metrics_missing", {})
    return [
        (METRICS.metric(name).label, METRICS.metric(name).text(value) if value is not None else _absent(why.get(name)))
        for name, value in facts["metrics"].items()
    ]


def _absent(why: str | None) -> str:
    return f"not computed ({why})" if why else "not computed"

"""Error rates by Monte-Carlo: trials until enough errors were seen, and the interval that the rate then lies in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

Tally = dict[str, int]
"""Counts by name; ``trials`` is among them."""


@dataclass(frozen=True)
class ErrorRate:
    """``errors`` in ``trials``. Raises ValueError unless 0 <= errors <= trials."""

    errors: int
    trials: int

    def __post_init__(self) -> None:
        if not 0 <= self.errors <= self.trials:
            raise ValueError(f"{self.errors} errors in {self.trials} trials cannot be")

    @property
    def rate(self) -> float:
        """errors / trials; NaN before the first trial."""
        return self.errors / self.trials if self.trials else math.nan

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Wilson's score interval of the rate: (0, 1) before the first trial, never empty, right at 0 errors too."""
        return wilson(self.errors, self.trials, confidence)

    def __str__(self) -> str:
        low, high = self.interval()
        return f"{self.rate:.2e} [{low:.1e}, {high:.1e}]"


def wilson(errors: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval for a proportion (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927), both ends in [0, 1]."""
    if trials == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2.0)
    p = errors / trials
    centre = p + z * z / (2 * trials)
    spread = z * math.sqrt(p * (1.0 - p) / trials + (z / (2 * trials)) ** 2)
    scale = 1.0 + z * z / trials
    low = 0.0 if errors == 0 else (centre - spread) / scale
    high = 1.0 if errors == trials else (centre + spread) / scale
    return low, high


def count(
    trial: Callable[[np.random.Generator, int], Mapping[str, int]],
    *,
    until: str,
    target_errors: int,
    max_trials: int,
    batch: int,
    seed: int,
    done: Mapping[str, int] | None = None,
    tell: Callable[[Tally], None] | None = None,
) -> Tally:
    """Runs ``trial(rng, batch)`` in batches until ``target_errors`` of what is named ``until`` were counted or
    ``max_trials`` trials were made.

    ``trial`` gives counts by name among ``batch`` independent trials drawn from ``rng``. Batch i draws from a generator
    of its own, made from (seed, i), so the result depends on ``seed`` and ``batch`` alone. Whole batches are counted,
    the last one too: a batch cut short at its last error would bias the rate.

    ``done`` is what an earlier call with the same arguments told: counting goes on behind it, and ends where it would
    have ended without the break. ``tell`` is given the tally after each batch.
    """
    if target_errors < 1 or max_trials < 1 or batch < 1:
        raise ValueError("target_errors, max_trials and batch must be at least 1")
    tally: Tally = {"trials": 0} | dict(done or {})
    while tally.get(until, 0) < target_errors and tally["trials"] < max_trials:
        size = min(batch, max_trials - tally["trials"])
        rng = np.random.default_rng([seed, tally["trials"] // batch])
        for name, found in trial(rng, size).items():
            tally[name] = tally.get(name, 0) + int(found)
        tally["trials"] += size
        if tell is not None:
            tell(dict(tally))
    return tally

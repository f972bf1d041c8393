"""What all tests share: the order, and an environment of their own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first, then the slow ones, those that start whole processes, and containers; otherwise the order is
    kept."""
    marks = ("slow", "e2e", "compose")
    items.sort(key=lambda item: sum(2**i for i, mark in enumerate(marks) if item.get_closest_marker(mark)))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No outcome hangs on the caller's settings. The cache stays: it holds what was fetched on install."""
    for name in os.environ:
        if name.startswith("GVSC_") and name not in ("GVSC_CACHE", "GVSC_OFFLINE"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def settled() -> Callable[[Callable[[], Mapping[str, float]]], Mapping[str, float]]:
    """What each service of a running system uses at most in MB, as the argument says it, once nothing is used for the
    first time any more."""

    def ask(peaks_mb: Callable[[], Mapping[str, float]]) -> Mapping[str, float]:
        last = peaks_mb()
        for _ in range(10):
            now = peaks_mb()
            if all(mb - last[role] < 4 for role, mb in now.items()):
                return now
            last = now
        raise AssertionError(f"somebody grows with nothing done to it: {last}")

    return ask

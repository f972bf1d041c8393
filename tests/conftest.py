"""What all tests share: the order, and an environment of their own."""

from __future__ import annotations

import os

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

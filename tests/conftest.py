"""What all tests share: the order, and an environment of their own."""

from __future__ import annotations

import os

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first, then the slow ones, then those that start whole processes; otherwise the order is kept."""
    items.sort(key=lambda item: 2 * bool(item.get_closest_marker("e2e")) + bool(item.get_closest_marker("slow")))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No outcome hangs on the caller's settings. The cache stays: it holds what was fetched on install."""
    for name in os.environ:
        if name.startswith("GVSC_") and name not in ("GVSC_CACHE", "GVSC_OFFLINE"):
            monkeypatch.delenv(name)

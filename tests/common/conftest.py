"""What tests of sections and schemes share."""

from __future__ import annotations

import pytest

from common.schemes import SCHEMES
from common.sections import SECTIONS


@pytest.fixture
def open_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sections and schemes that a test registers are gone after it."""
    for registry in (SECTIONS, SCHEMES):
        registry.names()  # all that belong there are found before
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    monkeypatch.setattr(SCHEMES, "_by_number", dict(SCHEMES._by_number))

"""What the transmitter's tests share: no test hears less because of the one before."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _as_loud_as_before() -> Iterator[None]:
    """A stream of more than one round is silent about its clips from the second on, for the rest of the process."""
    clips = logging.getLogger("transmitter.clips")
    level = clips.level
    yield
    clips.setLevel(level)

"""What a burst may carry, one section a file. The contract is in :mod:`common.sections.base`."""

from __future__ import annotations

from common.sections.base import SECTIONS, Section

__all__ = ["SECTIONS", "Section", "section"]


def section(name: str) -> Section:
    """The section of that name, one object for the whole process. Raises SchemeError, listing those there are."""
    return SECTIONS[name]

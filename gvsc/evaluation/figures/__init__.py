"""Figures, one to a file. Each function takes data and returns a picture; what draws is imported only when it draws."""

from __future__ import annotations

from gvsc.evaluation.figures.constellation import constellation
from gvsc.evaluation.figures.contact_sheet import SheetRow, contact_sheet
from gvsc.evaluation.figures.terminal_constellation import terminal_constellation

__all__ = ["SheetRow", "constellation", "contact_sheet", "terminal_constellation"]

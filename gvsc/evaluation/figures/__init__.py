"""Figures by name, one to a file: each takes data and returns a picture. :mod:`base` has the contract."""

from __future__ import annotations

from gvsc.evaluation.figures.base import FIGURES
from gvsc.evaluation.figures.constellation import constellation
from gvsc.evaluation.figures.contact_sheet import SheetRow, contact_sheet
from gvsc.evaluation.figures.terminal_constellation import terminal_constellation

__all__ = ["FIGURES", "SheetRow", "constellation", "contact_sheet", "terminal_constellation"]

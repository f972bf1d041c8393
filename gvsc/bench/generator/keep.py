"""Sources and results, kept: as lossless frames in a folder, and some of them on a sheet, failures among them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gvsc.bench.generator.cases import Case
from gvsc.evaluation.figures.contact_sheet import SheetRow, contact_sheet
from receiver.media import replacing, write_frames, write_png

SHOWN: Final = 2
"""Of each part the sheet shows so many clips that came out well and so many that did not, the first ones of each."""


class Keep:
    """``folder`` gets ``PART/CASE/{source,result}/000.png …`` and ``clips.json``, which tells captions and figures;
    ``sheet`` is one picture. Without them nothing is kept."""

    def __init__(self, folder: Path | None = None, sheet: Path | None = None) -> None:
        self._folder, self._sheet = folder, sheet
        self._told: list[dict[str, Any]] = []
        self._rows: dict[str, dict[bool, list[tuple[SheetRow, SheetRow]]]] = {}

    def pair(
        self,
        part: str,
        case: Case,
        made: NDArray[np.uint8],
        *,
        good: bool,
        note: str = "",
        metrics: Mapping[str, float] | None = None,
        shown: bool = True,
    ) -> None:
        """Source and result of a case. ``note`` says what came of it; ``shown`` whether the sheet may show it.

        Raises OutputError.
        """
        figures = {name: round(value, 4) for name, value in (metrics or {}).items()}
        if self._folder is not None:
            place = self._folder / part / case.name
            write_frames(place / "source", case.video)
            write_frames(place / "result", made)
            told = {"part": part, "clip": case.name, "caption": case.caption, "good": good, "note": note}
            self._told.append(told | figures)
        if self._sheet is not None and shown:
            rows = self._rows.setdefault(part, {True: [], False: []})[good]
            if len(rows) < SHOWN:
                source = SheetRow("source", case.video, note=part.replace("_", " "), text=case.caption)
                mark = "result" if good else "failure"
                rows.append((source, SheetRow(mark, made, note=note, metrics=figures)))

    def finish(self, title: str, footer: str) -> None:
        """Writes what tells of the folder, and the sheet. Raises OutputError."""
        if self._folder is not None:
            with replacing(self._folder / "clips.json") as file:
                file.write_text(json.dumps(self._told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        pairs = [pair for by_good in self._rows.values() for good in (True, False) for pair in by_good[good]]
        rows = [row for pair in pairs for row in pair]
        if self._sheet is not None and rows:
            write_png(self._sheet, contact_sheet(rows, title=title, footer=footer))

"""The catalogue as text for a person: a table of all items, and everything about one. No line exceeds 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from common.needs import Hub
from gvsc.catalogue.here import Found, State
from gvsc.catalogue.items import HEADINGS

COLUMNS: Final = 100

_READY: Final = {True: "yes", False: "no"}
_HEAD: Final = ("", "here", "weights", "licence", "from", "memory")
_LICENCE: Final = _HEAD.index("licence")
_INDENT: Final = 2


def size(count: int | None, about: bool = False) -> str:
    """A number of bytes with its unit, a tilde before what is rough; a dash for None."""
    if count is None:
        return "-"
    value, unit = (count / 1e9, "GB") if count >= 1e9 else (count / 1e6, "MB")
    return f"{'~' if about else ''}{value:.1f} {unit}"


def listing(states: Sequence[State]) -> list[str]:
    """All items under the headings of their kinds, what is missing beneath each, and a last line with the counts."""
    cells = {(state.item.kind, state.item.name): _cells(state) for state in states}
    widths = [max(map(len, column)) for column in zip(_HEAD, *cells.values(), strict=True)]
    # Licences give way where all together would be too wide: `sheet` has them in full.
    widths[_LICENCE] += min(0, COLUMNS - _INDENT - 2 * (len(widths) - 1) - sum(widths))
    lines: list[str] = []
    for kind, group in groupby(states, key=lambda state: state.item.kind):
        lines += [""] if lines else []
        lines.append(_row((HEADINGS.get(kind, f"{kind}s"), *_HEAD[1:]), widths, 0))
        for state in group:
            lines.append(_row(cells[state.item.kind, state.item.name], widths, _INDENT))
            lines += _missing(state, "    - ")
            for note in state.notes:
                lines += _wrapped(note, "    - ")
    ready = sum(state.ready for state in states)
    return [*lines, "", f"{ready} of {len(states)} work here. More on one: gvsc models show NAME"]


def sheet(state: State) -> list[str]:
    """Everything about one item."""
    item = state.item
    total = state.bytes
    memory = "" if state.memory_gb is None else f"about {state.memory_gb:.0f} GB"
    if memory and any(found.source == "hub" for found in state.found):
        memory += " for the weights in half precision; on a smaller GPU models or layers take turns"
    facts = [
        ("kind", item.kind),
        ("here", _READY[state.ready]),
        ("weights", "none" if not state.sources else "size not known" if total is None else size(*total)),
        ("licence", ", ".join(state.licences)),
        ("memory", memory),
        ("settings", ", ".join(item.options)),
        *(("larger", _larger(hub)) for hub in item.larger),
    ]
    lines = _wrapped(f"{item.name}: {item.summary}", "")
    for name, value in facts:
        lines += _wrapped(value, f"  {name:<8} ") if value else []
    for found in state.weights:
        lines += _wrapped(_need(found), f"  {'needs':<8} ")
    if packages := [found.what for found in state.found if found not in state.weights]:
        lines += _wrapped(f"{', '.join(packages)} (Python packages)", f"  {'needs':<8} ")
    lines += _missing(state, f"  {'missing':<8} ")
    for note in state.notes:
        lines += _wrapped(note, f"  {'note':<8} ")
    return lines


def _missing(state: State, lead: str) -> list[str]:
    """Why an item does not work here, and beneath it what to do: once for all that it helps against."""
    lines: list[str] = []
    for remedy, lacks in groupby(state.missing, key=lambda lack: lack.remedy):
        for lack in lacks:
            lines += _wrapped(lack.why, lead)
        lines += _wrapped(remedy, " " * len(lead) + "→ ") if remedy else []
    return lines


def _cells(state: State) -> tuple[str, ...]:
    total = state.bytes
    return (
        state.item.name,
        _READY[state.ready],
        "-" if not state.sources else "?" if total is None else size(*total),
        ", ".join(state.licences),
        ", ".join(state.sources) or "-",
        "-" if state.memory_gb is None else f"{state.memory_gb:.0f} GB",
    )


def _row(cells: Sequence[str], widths: Sequence[int], indent: int) -> str:
    wide = [widths[0] + _INDENT - indent, *widths[1:]]
    shown = [_cut(cell, width) for cell, width in zip(cells, wide, strict=True)]
    # numbers to the right
    padded = [f"{cell:{'>' if i in (2, 5) else '<'}{w}}" for i, (cell, w) in enumerate(zip(shown, wide, strict=True))]
    return (" " * indent + "  ".join(padded)).rstrip()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _wrapped(text: str, lead: str) -> list[str]:
    return textwrap.wrap(
        text,
        COLUMNS,
        initial_indent=lead,
        subsequent_indent=" " * len(lead),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _larger(hub: Hub) -> str:
    files = "" if hub.about_gb is None else f", files {size(round(hub.about_gb * 1e9), True)}"
    return f"{hub.id}: memory {hub.memory_gb:.0f} GB{files}; gvsc models get {hub.id}, then name it in {hub.variable}"


def _need(found: Found) -> str:
    licence = found.licence or "no licence stated"
    weight = "size not known" if found.bytes is None else size(found.bytes, found.about)
    place = [str(found.path)] if found.path and found.lack is None else []
    return ", ".join([f"{found.what} ({found.source})", weight, licence, *place])

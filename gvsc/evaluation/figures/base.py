"""The figure contract, and the registry of all figures.

A figure is one function in one file of this package, or of a plug-in with an entry point in the group ``gvsc.figures``:

    @FIGURES.register("genie_loss", "what estimating costs", of="bench genie")
    def genie_loss(result): ...

Its trait ``of`` says what it draws, and with that its signature:

``"bench NAME"``  the result of ``gvsc bench NAME``, one mapping -> PIL RGB image; the command draws all that are there
``"clips"``       rows of clips (:class:`~gvsc.evaluation.figures.contact_sheet.SheetRow`) -> PIL RGB image
``"symbols"``     symbols before and after the channel -> PIL RGB image
``"text"``        symbols -> lines of characters

Modules of figures import nothing heavy: what draws is imported when it draws.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from PIL import Image

from common.errors import SettingError
from common.registry import Entry, Registry

Draw = Callable[..., Any]

_OF: Final = re.compile(r"clips|symbols|text|bench [a-z]+")


class Figures(Registry[Draw]):
    """The registry of figures; an entry whose trait is not as above is refused with SettingError."""

    def add(self, entry: Entry[Draw]) -> None:
        of = entry.traits.get("of")
        if set(entry.traits) != {"of"} or not isinstance(of, str) or not _OF.fullmatch(of) or not callable(entry.item):
            raise SettingError(
                f"the figure {entry.name!r}: a function, and of what: clips, symbols, text or 'bench NAME'"
            )
        super().add(entry)

    def drawn(self, bench: str, result: Mapping[str, Any]) -> dict[str, Image.Image]:
        """Every figure of ``gvsc bench NAME``, drawn of its result, by the figure's name."""
        of = f"bench {bench}"
        return {entry.name: entry.item(result) for entry in self.entries() if entry.traits["of"] == of}


FIGURES: Final = Figures("figure", "gvsc.evaluation.figures", "gvsc.figures")

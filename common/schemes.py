"""The schemes as data: which sections each puts on the air, with which budgets.

A row is all there is to a scheme; everything else follows from its sections (:mod:`common.sections`). A plug-in adds
its own with :func:`add`, from a module that an entry point of the group ``gvsc.schemes`` names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from common.errors import SchemeError
from common.registry import OWN, Entry, Registry
from common.sections import SECTIONS, Section

NUMBER_BITS: Final = 5
"""Bits of a scheme's number on the air: 32 schemes."""

MOST_FIELD_BITS: Final = 120
"""Bits that the fields of a scheme's sections may take: the first word of a header and three more."""

MOST_SECTIONS: Final = 16
"""Sections that a scheme may have: as many as a result on the wire tells of."""

FIRST_FREE: Final = 24
"""Numbers from here on are for plug-ins; those below belong to this table."""


@dataclass(frozen=True)
class Part:
    """One section of a scheme. ``budget`` is in complex symbols for a clip of 8 frames of 256×256; None: the section's
    own."""

    section: str
    budget: int | None = None


@dataclass(frozen=True)
class Scheme:
    """``number`` is its name on the air. ``parts`` are in the order in which they are sent and decoded, each section
    once."""

    name: str
    number: int
    parts: tuple[Part, ...]
    summary: str

    @property
    def sections(self) -> tuple[str, ...]:
        """The names of its sections in order."""
        return tuple(part.section for part in self.parts)

    def section_objects(self) -> tuple[Section, ...]:
        """The sections themselves in order. Raises SchemeError for one that is not there."""
        return tuple(SECTIONS[part.section] for part in self.parts)

    @property
    def is_generated(self) -> bool:
        """Whether a generator rebuilds the video; else what is decoded is shown."""
        return all(section.modality != "video" for section in self.section_objects())

    @property
    def has_visuals(self) -> bool:
        """Whether a generator gets more than a text."""
        return self.is_generated and any(section.modality != "text" for section in self.section_objects())

    @property
    def field_bits(self) -> int:
        """Bits that its sections' fields take in a header."""
        return sum(field.bits for section in self.section_objects() for field in section.fields)


ROWS: Final = (
    Scheme("desc-only", 1, (Part("description"),), "description alone; text to video (paper, Desc. Only)"),
    # The description goes first: once its CRC holds, its symbols are known and refine the channel estimate that the
    # picture is decoded with.
    Scheme(
        "first-frame-desc",
        2,
        (Part("description"), Part("first_frame")),
        "first frame and description (paper, First Frame+Desc.)",
    ),
    Scheme(
        "sketch-desc",
        3,
        (Part("description"), Part("sketch")),
        "sketch of the first frame, description (paper, Sketch+Desc.)",
    ),
    Scheme("sketches-desc", 4, (Part("description"), Part("sketches")), "a sketch of each frame, description"),
    Scheme(
        "first-frame-2-desc",
        10,
        (Part("description"), Part("first_frame_2", budget=7808)),
        "first frame by the second codec, and description",
    ),
    Scheme(
        "first-frame-motion-desc",
        9,
        (Part("description"), Part("first_frame"), Part("motion", budget=512)),
        "first frame, how it moves, description",
    ),
    # Of the rest nothing is generated: what is decoded is shown.
    Scheme("djscc-rgb", 6, (Part("rgb"),), "all frames, each an analogue picture (paper, DJSCC-RGB)"),
    Scheme("h264-ldpc", 7, (Part("h264"),), "all frames, H.264, LDPC and QAM (paper, H.264)"),
    Scheme("h265-ldpc", 8, (Part("h265"),), "all frames, H.265, LDPC and QAM (paper, H.265)"),
)

DEFAULT: Final = "first-frame-desc"

TEXT_ALONE: Final = "desc-only"
"""The least that a burst can carry."""

SHOWN: Final = "first-frame-motion-desc"
"""What a demonstration leads with: real clips move."""

SHOWN_BESIDE: Final = ("first-frame-desc", "h265-ldpc")
"""What it is compared with."""

ADAPTIVE: Final = "adaptive"
"""What a transmitter is asked for where the SNR is to choose the scheme (paper, II-B)."""

ADAPTIVE_LADDER: Final = ((-100.0, TEXT_ALONE), (-5.0, "first-frame-desc"))
"""Which scheme from which Es/N0 in dB upwards. From -5 dB on, all that headers get through, a clip is rebuilt better
with a frame than from the text alone (docs/results/generators/ablation.json). No margin: a frame fails gracefully. At
-6 dB one header in eleven is lost (docs/results/link/header-reception.json), and what is short costs least. In PSNR
sketches are worth less than a frame at any SNR, so they are on no rung."""


class Schemes(Registry[Scheme]):
    """The schemes by name. One that breaks a rule is refused where it registers."""

    def __init__(self) -> None:
        super().__init__("scheme", "common.schemes", "gvsc.schemes", error=SchemeError)
        self._by_number: dict[int, Scheme] = {}

    def add(self, entry: Entry[Scheme]) -> None:
        """As :meth:`Registry.add`. Raises SchemeError too where the number is taken, or is none for it: a plug-in's are
        from FIRST_FREE on, those of the table below; where a section is unknown, there twice, or has a budget that it
        does not take; or where there is more than a header or a result can tell of."""
        scheme = entry.item
        self._tree_first(scheme)
        if not isinstance(scheme, Scheme) or scheme.name != entry.name:
            raise SchemeError(f"{entry.name}: a scheme is a common.schemes.Scheme of that name")
        if not 0 <= scheme.number < 1 << NUMBER_BITS:
            raise SchemeError(f"the number of scheme {scheme.name!r} must be 0 to {(1 << NUMBER_BITS) - 1}")
        taken = self._by_number.get(scheme.number)
        if taken is not None:
            raise SchemeError(f"scheme {scheme.name!r}: number {scheme.number} belongs to {taken.name!r}")
        of_the_table = self._whence(scheme)[1] == OWN
        if of_the_table and scheme.number >= FIRST_FREE:
            raise SchemeError(f"scheme {scheme.name!r}: numbers from {FIRST_FREE} on belong to plug-ins")
        if not of_the_table and scheme.number < FIRST_FREE:
            raise SchemeError(f"scheme {scheme.name!r}: a plug-in's number is {FIRST_FREE} or above")
        if scheme.name == ADAPTIVE:
            raise SchemeError(f"a scheme cannot be called {ADAPTIVE!r}")
        if not scheme.parts or len(set(scheme.sections)) < len(scheme.parts):
            raise SchemeError(f"scheme {scheme.name!r} must have sections, each once")
        if len(scheme.parts) > MOST_SECTIONS:
            raise SchemeError(f"scheme {scheme.name!r} has {len(scheme.parts)} sections, more than {MOST_SECTIONS}")
        if not of_the_table:  # no section is imported before a scheme is asked for; a test checks the table
            check_sections(scheme)
        super().add(entry)
        self._by_number[scheme.number] = scheme

    def _remove(self, name: str) -> None:
        del self._by_number[self._entries[name].item.number]
        super()._remove(name)

    def by_number(self, number: int) -> Scheme | None:
        """The scheme with that number on the air, or None."""
        self._find()
        return self._by_number.get(number)


def check_sections(scheme: Scheme) -> None:
    """Raises SchemeError where a section is unknown, or has a budget that it does not take or none that it needs, or
    where their fields are more than a header can hold."""
    for part in scheme.parts:
        if SECTIONS[part.section].budgeted != (part.budget is not None):
            verb = "needs" if part.budget is None else "cannot have"
            raise SchemeError(f"scheme {scheme.name!r}: section {part.section!r} {verb} a budget")
    if scheme.field_bits > MOST_FIELD_BITS:
        raise SchemeError(
            f"the sections of scheme {scheme.name!r} have {scheme.field_bits} bits of header fields, "
            f"more than {MOST_FIELD_BITS}"
        )


SCHEMES: Final = Schemes()
"""All schemes by name."""


def add(scheme: Scheme) -> None:
    """Enters a scheme; a plug-in's has a number from FIRST_FREE on. Raises as :meth:`Schemes.add`."""
    SCHEMES.add(Entry(scheme.name, scheme.summary, scheme))


for _row in ROWS:
    SCHEMES.add(Entry(_row.name, _row.summary, _row, default=_row.name == DEFAULT))


def names() -> tuple[str, ...]:
    """The names of all schemes: those of the table in its order, then plug-ins'."""
    own = tuple(row.name for row in ROWS)
    return (*own, *(name for name in SCHEMES.names() if name not in own))


def by_name(name: str) -> Scheme:
    """The scheme of that name. Raises SchemeError, listing those there are."""
    return SCHEMES[name]


def by_number(number: int) -> Scheme | None:
    """The scheme with that number on the air, or None."""
    return SCHEMES.by_number(number)


def with_visuals() -> tuple[str, ...]:
    """The names of those whose video is rebuilt from a text and something to look at."""
    return tuple(name for name in names() if by_name(name).has_visuals)

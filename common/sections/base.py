"""The section contract: what transmitter and receiver know of anything that a burst carries.

A section is one kind of content with its own coding on the air: text, a frame, sketches, motion, a whole video. Both
ends loop over the sections of a scheme and know none by name:

    transmitter    content = section.extract(sources);  symbols, values = section.encode(content, tx_snr_db, …)
    header         section.fields say which bits ``values`` take; section.symbols(slot) how many symbols follow
    receiver       arrived = section.decode(observation, slot)
    generator      gets the mapping of section name → :class:`Arrived`, unchanged

Modules of sections import nothing heavy; codecs are imported and weights are read when they are first used. How to add
one: docs/sections.md.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from common.clip import Clip
from common.conventions import FRAMES, SIZE
from common.errors import SchemeError, SettingError
from common.knobs import Knob, Value
from common.needs import Need
from common.registry import Entry, Registry

Symbols = NDArray[np.complex64]
Noise = float | NDArray[np.float64]

Kind = Literal["bits", "analogue"]
"""Coded bits in QAM points, or symbols whose values are what is sent. An analogue section may have coded side
information among its symbols; what matters is that its mean power is 1 to within rounding."""

Modality = Literal["text", "frame", "sketch", "motion", "video"]
"""What a section holds when it has arrived. A "video" is shown as it is; from all others a generator rebuilds one."""


@dataclass(frozen=True)
class Field:
    """A number that a section puts into the burst's header: ``bits`` bits, most significant first."""

    name: str
    bits: int


@dataclass(frozen=True)
class Slot:
    """The place of one section in one burst: the clip's size, the scheme's budget, and the section's header fields.

    ``budget`` is in symbols for a clip of 8 frames of 256×256, None where the content decides. ``values`` has every
    field of the section by name.
    """

    frames: int = FRAMES
    height: int = SIZE
    width: int = SIZE
    budget: int | None = None
    values: Mapping[str, int] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(frames, height, width)."""
        return self.frames, self.height, self.width


@dataclass(frozen=True)
class Option:
    """A setting of an encoder: a live parameter of the transmitter, and an option of the command line.

    ``ladders`` serve link adaptation: where the scheme is adaptive and the setting has the value of a key, the value
    comes from that ladder instead: (Es/N0 in dB, value) in rising order, each valid from its SNR upwards.
    """

    parameter: Knob
    default: Value
    ladders: Mapping[str, tuple[tuple[float, str], ...]] = field(default_factory=dict)


Options = Mapping[str, Value]
"""Settings of encoders by name; what is missing has its default."""


class Extractor(Protocol):
    """Takes from a clip, or from frames, what a section sends."""

    def extract(self, source: Any) -> Any: ...


class Sources(Protocol):
    """What a section may ask for while it extracts its content from a clip."""

    @property
    def clip(self) -> Clip: ...

    def extractor(self, name: str) -> Extractor:
        """The extractor in use of the kind ``name``, such as "captioner", or the registered one of that name.

        It is loaded when it is first asked for. Raises SettingError, WeightsError, PackageError.
        """
        ...


@dataclass(frozen=True)
class Encoded:
    """One section on its way out. ``symbols`` is complex64 (n,), n = ``Section.symbols`` of the slot with ``values``.

    ``fits`` is False where the content is larger than the section: the clip counts as a failure, what fits is sent.
    ``messages`` are for a person.
    """

    symbols: Symbols
    values: Mapping[str, int] = field(default_factory=dict)
    fits: bool = True
    messages: tuple[str, ...] = ()


class Observation(Protocol):
    """The received symbols of one section, with what the receiver knows of the channel that they came through.

    ``part`` selects symbols in the section's own order; default: all.
    """

    def equalised(self, part: slice = slice(None)) -> tuple[Symbols, Noise]:
        """Symbols y / h, complex64 (m,), and the total variance of the complex noise on them, one or one a symbol:
        for soft demappers."""
        ...

    def spread(self, part: slice = slice(None)) -> tuple[Symbols, float]:
        """Symbols, complex64 (m,), and their one SNR in dB: for codes that are spread over all of them by a unitary
        transform."""
        ...


@dataclass(frozen=True)
class Plain:
    """An :class:`Observation` of ``symbols`` (n,) at gain 1 in white noise: ``snr_db`` is Es/N0 in dB."""

    symbols: Symbols
    snr_db: float

    def equalised(self, part: slice = slice(None)) -> tuple[Symbols, Noise]:
        return self.symbols[part], 10.0 ** (-0.1 * self.snr_db)

    def spread(self, part: slice = slice(None)) -> tuple[Symbols, float]:
        return self.symbols[part], self.snr_db


@dataclass(frozen=True)
class Arrived:
    """What a receiver holds of one section.

    ``value`` is None where it is lost; text is str ("" where none was sent), a frame float32 (3, H, W) in [0, 1],
    sketches float32 (S, H, W) in [0, 1] white on black, a video uint8 (F, H, W, 3). ``condition`` is what a generator
    calls it ("text", "frame", "sketches" …; names of tasks are made of these). ``snr_db`` is the SNR of the section's
    own symbols as the receiver estimates it, None for clean content. ``failed``: all or part of it did not arrive;
    ``message`` says why where a decoder could not even try. ``least_snr_db``: below it the content misleads where
    there is a text. ``fallbacks`` are lesser contents, (condition, value), for a generator that cannot use this one.
    ``known`` are the section's symbols as sent, complex64, where they can be told for certain: they serve as pilots.
    """

    section: str
    modality: Modality
    condition: str
    value: Any
    snr_db: float | None = None
    failed: bool = False
    message: str = ""
    least_snr_db: float | None = None
    fallbacks: tuple[tuple[str, Any], ...] = ()
    known: Symbols | None = field(default=None, repr=False, compare=False)


class Section(ABC):
    """One kind of content and its coding. An object without state but for lazily loaded codecs; safe to share."""

    name: ClassVar[str]
    kind: ClassVar[Kind]
    modality: ClassVar[Modality]
    condition: ClassVar[str]
    """What a generator calls the content; a section of the modality "video" has none to offer: ""."""
    codec: ClassVar[str] = ""
    """The name of the codec behind it, as ``gvsc models`` lists it."""
    colour: ClassVar[str] = "#7048e8"
    """Of its symbols in figures."""
    fields: ClassVar[tuple[Field, ...]] = ()
    options: ClassVar[tuple[Option, ...]] = ()
    extractors: ClassVar[tuple[str, ...]] = ()
    """The kinds of extractors that it asks for, so that they can be loaded before the first clip comes."""
    budgeted: ClassVar[bool] = False
    """Takes as many symbols as the scheme's row says; of others a row must not say it."""
    interleaved: ClassVar[bool] = False
    """Its symbols stand evenly all over the burst and are decoded first; the others follow each other."""
    least_snr_db: ClassVar[float | None] = None

    @abstractmethod
    def symbols(self, slot: Slot) -> int:
        """Complex symbols in this slot, from its fields alone. Imports no torch.

        Raises a GvscError for values that no transmitter sends: a header that has them is not a header.
        """

    def mode_name(self, slot: Slot) -> str:
        """How the content is coded, in words, such as "1/3" or "16-QAM 3/4"; "" where there is no choice."""
        return ""

    def prepare(self) -> None:  # noqa: B027  (a section without weights has nothing to do)
        """Reads weights now rather than with the first clip. Raises WeightsError, PackageError."""

    @abstractmethod
    def extract(self, sources: Sources) -> Any:
        """The content for a clip, before coding. Raises what the extractors raise."""

    @abstractmethod
    def encode(self, content: Any, tx_snr_db: float, slot: Slot, options: Options) -> Encoded:
        """Symbols for a channel that the transmitter believes to have ``tx_snr_db`` (Es/N0 in dB).

        ``slot`` has the clip's size and the budget; its fields are what this returns. Raises a GvscError where the
        content cannot be sent.
        """

    @abstractmethod
    def decode(self, observation: Observation, slot: Slot) -> Arrived:
        """What arrived. Never raises for received values; raises WeightsError or PackageError where its codec is not
        there."""

    def clean(self, content: Any) -> Arrived:
        """``content`` as a channel without noise would deliver it, for comparisons."""
        return self.arrived(content)

    def picture(self, value: Any) -> NDArray[np.uint8] | None:
        """Arrived content for a person to look at: uint8 (H, W, 3) or (H, W); None where it is no picture."""
        return None

    def video(self, value: Any, slot: Slot) -> NDArray[np.uint8] | None:
        """Arrived content as a clip with nothing generated, uint8 (F, H, W, 3), such as a frame held; None if none."""
        return None

    def arrived(
        self,
        value: Any,
        snr_db: float | None = None,
        *,
        failed: bool = False,
        message: str = "",
        fallbacks: tuple[tuple[str, Any], ...] = (),
        known: Symbols | None = None,
    ) -> Arrived:
        """:class:`Arrived` of this section."""
        return Arrived(
            self.name,
            self.modality,
            self.condition,
            value,
            snr_db,
            failed,
            message,
            self.least_snr_db,
            fallbacks,
            known,
        )


RESERVED_SECTIONS: Final = frozenset(("pilots", "header", "samples", "generator", "symbols"))
"""Names that messages, files and figures use for something else than a section."""

RESERVED_OPTIONS: Final = frozenset(
    (
        *("scheme", "tx_snr_db", "paused", "clips", "camera", "cameras", "clip_at", "caption", "describe", "sketch"),
        *("sketch_by", "repeat", "or_samples", "window", "threads", "uplink", "feedback", "preview", "control", "keys"),
        *("insecure", "help", "options", "extractor_options", "clip", "start", "start_s", "all", "whole", "snr_db"),
        *("channel_model", "model", "channel", "parameters", "seed", "number", "sequence", "genie_snr"),
        *("generator", "generator_model", "device", "precision", "offload", "generator_side", "chain", "guidance_form"),
        *("settings", "steps", "guidance", "metric", "metrics", "out", "json", "as_json"),
    )
)
"""Names that no encoder's option and no extractor's start option may have: live parameters of the transmitter, and what
`gvsc transmit` and `gvsc simulate` use already."""

_OPTION: Final = re.compile(r"[a-z][a-z0-9_]*")


class Sections(Registry[Section]):
    """The sections by name. One that breaks a rule is refused where it registers."""

    def add(self, entry: Entry[Section]) -> None:
        """As :meth:`Registry.add`. Raises SettingError too for what is no section of that name, for a name that means
        something else, and for an encoder's option whose name is taken, or whose default it does not take."""
        made = entry.item
        self._tree_first(made)
        if not isinstance(made, Section) or made.name != entry.name:
            raise SettingError(f"{entry.name}: a section is an object of a class derived from Section, of that name")
        if made.name in RESERVED_SECTIONS:
            raise SettingError(f"a section cannot be called {made.name!r}: that means something else")
        known = encoder_options(other.item for other in self._entries.values())
        for option in made.options:
            name = option.parameter.name
            if name in RESERVED_OPTIONS or not _OPTION.fullmatch(name):
                raise SettingError(f"section {made.name!r}: an encoder's option cannot be called {name!r}")
            if known.setdefault(name, option) != option:
                raise SettingError(f"section {made.name!r}: there is another option {name!r}, of another section")
            option.parameter.check(option.default)
        super().add(entry)


SECTIONS: Final = Sections("section", "common.sections", "gvsc.sections", error=SchemeError)
"""All sections by name."""


def register(summary: str, *, needs: tuple[Need, ...] = ()) -> Callable[[type[Section]], type[Section]]:
    """A decorator that enters one object of a section's class under the class's ``name``."""

    def enter(kind: type[Section]) -> type[Section]:
        SECTIONS.register(
            kind.name, summary, needs=needs, options=tuple(option.parameter.name for option in kind.options)
        )(kind())
        return kind

    return enter


def encoder_options(sections: Iterable[Section] | None = None) -> dict[str, Option]:
    """The options of these sections' encoders by name, by default of all; sections may share one."""
    among = [entry.item for entry in SECTIONS.entries()] if sections is None else sections
    return {option.parameter.name: option for section in among for option in section.options}


def to_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Values in [0, 1] as uint8, rounded to nearest, C-contiguous."""
    return np.ascontiguousarray(np.rint(np.clip(values, 0.0, 1.0) * 255.0).astype(np.uint8))

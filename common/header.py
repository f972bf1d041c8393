"""The burst's header: what a receiver must know before it can find the sections, coded and on the air.

One word of 36 bits and its CRC-12, polar coded, in 184 symbols of 4-QAM between pilots: version, scheme, frames, clip
number, size, and 12 bits for fields of the scheme's sections. A scheme whose sections have more than 12 bits of fields
has further words of 36 bits behind the first, coded alike; their number follows from the scheme. Bit fields are
specified in docs/protocol.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from common import layout, schemes
from common.clip import MAX_SIDE, MULTIPLE
from common.coding import crc12, polar
from common.conventions import cbr
from common.errors import BurstError
from common.modulation import qam
from common.schemes import Scheme
from common.sections import SECTIONS
from common.sections.base import Slot

Symbols = NDArray[np.complex64]
Bits = NDArray[np.uint8]
T = TypeVar("T")

VERSION: Final = 1
WORD_BITS: Final = polar.BITS - crc12.LENGTH

FRAME_COUNTS: Final = (8, 4, 16, 32)
"""Frames a clip may have, in the order of their 2-bit code."""

CLIP_NUMBERS: Final = 128
"""The clip number on the air wraps at this."""

# (field, bits) of the first word, most significant first; the sections' fields follow.
_FIELDS: Final = (
    ("version", 2),
    ("scheme", schemes.NUMBER_BITS),
    ("frames", 2),
    ("clip", 7),
    ("height", 4),
    ("width", 4),
)
FIRST_FIELD_BITS: Final = WORD_BITS - sum(bits for _, bits in _FIELDS)
"""Bits of the first word that hold fields of sections."""

MOST_EXTENSIONS: Final = (schemes.MOST_FIELD_BITS - FIRST_FIELD_BITS) // WORD_BITS
"""Words that a header may have behind its first."""

_LLR_LIMIT: Final = 1.0e3


@dataclass(frozen=True)
class Header:
    """What the burst says of itself. ``clip`` is the clip's number modulo CLIP_NUMBERS.

    ``values`` are the fields of the scheme's sections, by section and field; what is missing is 0.
    """

    scheme: Scheme
    clip: int
    frames: int
    height: int
    width: int
    values: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given = self.values
        odd = set(given) - set(self.scheme.sections)
        if odd:
            raise BurstError(f"a burst of {self.scheme.name} has no section {min(odd)!r}")
        whole = {}
        for section in self.scheme.section_objects():
            of = given.get(section.name, {})
            unknown = set(of) - {each.name for each in section.fields}
            if unknown:
                raise BurstError(f"section {section.name!r} has no header field {min(unknown)!r}")
            whole[section.name] = {each.name: of.get(each.name, 0) for each in section.fields}
        object.__setattr__(self, "values", whole)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(frames, height, width) of the clip."""
        return self.frames, self.height, self.width

    def slot(self, section: str) -> Slot:
        """What the section's codec needs to know of its place in this burst."""
        part = next(part for part in self.scheme.parts if part.section == section)
        return Slot(self.frames, self.height, self.width, part.budget, self.values[section])

    def section_symbols(self, section: str) -> int:
        """Complex symbols that one section of this burst has. Raises a GvscError for values that nobody sends."""
        return SECTIONS[section].symbols(self.slot(section))

    @property
    def modes(self) -> dict[str, str]:
        """How each section is coded, in words, by its name; those that have a choice."""
        named = {name: SECTIONS[name].mode_name(self.slot(name)) for name in self.scheme.sections}
        return {name: mode for name, mode in named.items() if mode}

    @property
    def mode_name(self) -> str:
        """The same for a line of text."""
        return " ".join(self.modes.values())

    @property
    def extensions(self) -> int:
        """Words behind the first."""
        return extensions(self.scheme)

    @property
    def payload_symbols(self) -> int:
        """Symbols of all sections: the paper's K."""
        return sum(map(self.section_symbols, self.scheme.sections))

    @property
    def pilot_symbols(self) -> int:
        """Pilots before the sections and those scattered among them."""
        return layout.pilot_count(self.extensions, self.payload_symbols)

    @property
    def header_symbols(self) -> int:
        """Symbols of the header's words."""
        return (1 + self.extensions) * layout.WORD_SYMBOLS

    @property
    def total_symbols(self) -> int:
        """Every symbol of the burst on the air."""
        return self.pilot_symbols + self.header_symbols + self.payload_symbols

    @property
    def cbr_payload(self) -> float:
        """Channel bandwidth ratio of the sections alone, the paper's accounting (III-A)."""
        return cbr(self.payload_symbols, self.shape)

    @property
    def cbr_total(self) -> float:
        """Channel bandwidth ratio of all that is on the air."""
        return cbr(self.total_symbols, self.shape)

    def layout(self) -> dict[str, layout.Indices]:
        """Where the symbols of each part stand in the burst, in the part's own order: int64 arrays, read-only.

        "pilots" (those before the sections, then the scattered ones), "header", and the scheme's sections by name. The
        arrays together name every index once.
        """
        names = self.scheme.sections
        counts = tuple(self.section_symbols(name) for name in names)
        interleaved = tuple(SECTIONS[name].interleaved for name in names)
        found = layout.indices(counts, interleaved, self.extensions)
        return dict(zip(("pilots", "header", *names), found, strict=True))


def extensions(scheme: Scheme) -> int:
    """Words that a header of this scheme has behind its first. Raises BurstError where they are too many."""
    count = -(-max(0, scheme.field_bits - FIRST_FIELD_BITS) // WORD_BITS)
    if count > MOST_EXTENSIONS:
        raise BurstError(f"the sections of {scheme.name} have {scheme.field_bits} bits of header fields: too many")
    return count


@dataclass(frozen=True)
class FirstWord:
    """What the first word of a header says: all of it where there are no others. ``bits`` uint8 (36,) are its own,
    ``field_bits`` those of them that belong to fields of sections."""

    bits: Bits
    scheme: Scheme
    clip: int
    frames: int
    height: int
    width: int

    @property
    def field_bits(self) -> Bits:
        return self.bits[WORD_BITS - FIRST_FIELD_BITS :]

    def complete(self, others: Bits) -> Header | None:
        """The header with the bits of the other words, uint8 (words, 36) or (0, 36); None where nobody sends such."""
        bits = np.concatenate([self.field_bits, others.reshape(-1)])
        place = 0
        values: dict[str, dict[str, int]] = {}
        for section in self.scheme.section_objects():
            values[section.name] = {}
            for each in section.fields:
                values[section.name][each.name] = _number(bits[place : place + each.bits])
                place += each.bits
        if bits[place:].any():
            return None
        header = Header(self.scheme, self.clip, self.frames, self.height, self.width, values)
        try:
            counts = [header.section_symbols(name) for name in self.scheme.sections]
        except Exception:  # noqa: BLE001  (sections may be anybody's, and the bits anything)
            return None
        # what no message can hold, nobody sends
        return header if min(counts) >= 0 and sum(counts) <= layout.MAX_SYMBOLS else None


def words(header: Header) -> Bits:
    """The header's information bits, uint8 (1 + extensions, 36), most significant first.

    Raises BurstError where a field cannot be expressed.
    """
    if header.frames not in FRAME_COUNTS:
        raise BurstError(
            f"a burst carries clips of {', '.join(map(str, sorted(FRAME_COUNTS)))} frames, not {header.frames}"
        )
    for name in ("height", "width"):
        side = getattr(header, name)
        if side % MULTIPLE or not MULTIPLE <= side <= MAX_SIDE:
            raise BurstError(f"{name} must be a multiple of {MULTIPLE} up to {MAX_SIDE}, not {side}")
    own = {
        "version": VERSION,
        "scheme": header.scheme.number,
        "frames": FRAME_COUNTS.index(header.frames),
        "clip": header.clip % CLIP_NUMBERS,
        "height": header.height // MULTIPLE - 1,
        "width": header.width // MULTIPLE - 1,
    }
    parts = [_bits(name, own[name], bits) for name, bits in _FIELDS]
    for section in header.scheme.section_objects():
        values = header.values[section.name]
        parts += [_bits(f"{section.name} {each.name}", values[each.name], each.bits) for each in section.fields]
    bits = np.concatenate(parts)
    out = np.zeros((1 + header.extensions, WORD_BITS), dtype=np.uint8)
    out.reshape(-1)[: bits.size] = bits
    return out


def first_word(bits: Bits) -> FirstWord | None:
    """What 36 bits mean as a first word; None where they name a version or a scheme that this side does not know, or,
    where there are no other words, anything that nobody sends."""
    values = {}
    place = 0
    for name, width in _FIELDS:
        values[name] = _number(bits[place : place + width])
        place += width
    scheme = schemes.by_number(values["scheme"])
    if values["version"] != VERSION or scheme is None:
        return None
    first = FirstWord(
        bits,
        scheme,
        values["clip"],
        FRAME_COUNTS[values["frames"]],
        (values["height"] + 1) * MULTIPLE,
        (values["width"] + 1) * MULTIPLE,
    )
    return first if extensions(scheme) or first.complete(np.zeros((0, WORD_BITS), np.uint8)) else None


def encode(header: Header) -> Symbols:
    """The header as symbols of unit power, complex64 (words · layout.WORD_SYMBOLS,)."""
    return np.concatenate([encode_word(word) for word in words(header)])


def encode_word(bits: Bits) -> Symbols:
    """One word, uint8 (36,), with its CRC as complex64 (WORD_SYMBOLS,), |z| = 1."""
    return qam.modulate(polar.encode(crc12.append(bits)))


def decode_word(
    symbols: Symbols, noise_variance: float | NDArray[np.float64], read: Callable[[Bits], T | None]
) -> tuple[T, float] | None:
    """What ``read`` makes of the word in received ``symbols`` (layout.WORD_SYMBOLS,) at gain 1, or None.

    ``noise_variance`` is the total one, a number or one a symbol. It is the likeliest word of the decoder's list whose
    CRC holds and which means something to ``read``: what cannot have been sent helps to find what was. With it comes by
    how much its log-likelihood (natural) is behind that of the likeliest word of all: the more, the less it is to be
    trusted.
    """
    llr = np.clip(qam.llr(symbols, noise_variance), -_LLR_LIMIT, _LLR_LIMIT)
    if not np.isfinite(llr).all():  # samples near the end of single precision: no demapper's word is worth anything
        return None
    found, costs = polar.decode(llr)
    for number in np.flatnonzero(crc12.check(found)):
        meaning = read(found[number, :WORD_BITS])
        if meaning is not None:
            return meaning, float(costs[number] - costs[0])
    return None


def _bits(name: str, value: int, count: int) -> Bits:
    if not 0 <= value < 1 << count:
        raise BurstError(f"{name} = {value} does not fit into {count} bits of the header")
    return np.array([value >> i & 1 for i in range(count - 1, -1, -1)], dtype=np.uint8)


def _number(bits: Bits) -> int:
    return int("".join(map(str, bits)), 2) if bits.size else 0

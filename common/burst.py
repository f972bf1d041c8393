"""The burst: a preamble of pilots and header, then sections and pilots in between, all of it counted.

Bit fields and places are specified in docs/protocol.md. The receiver learns what is in a burst from its samples alone:
pilots tell the channel's gain and noise, the header (coded, on the air) tells which sections follow and how long each
is. The description's symbols stand evenly among all others: it lives through short fades, and once it is decoded, its
symbols tell the gain all over the burst.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from common import pilots, schemes
from common.clip import MAX_SIDE, MULTIPLE
from common.codecs import text, video_mode
from common.coding import crc12, polar
from common.conventions import cbr
from common.errors import BurstError
from common.modulation import qam
from common.schemes import Scheme, Section

Symbols = NDArray[np.complex64]
Places = NDArray[np.int64]

HEADER_VERSION: Final = 0
HEADER_BITS: Final = polar.BITS - crc12.LENGTH
HEADER_SYMBOLS: Final = polar.LENGTH // qam.BITS_PER_SYMBOL
PREAMBLE_SYMBOLS: Final = pilots.PREAMBLE + HEADER_SYMBOLS
"""Symbols before the first of the sections: pilots and header."""

PILOT_PLACES: Final = pilots.preamble_places(HEADER_SYMBOLS)
PILOTS: Final = pilots.sequence(pilots.PREAMBLE)
"""The pilots of the preamble, and where they stand."""

HEADER_PLACES: Final = np.setdiff1d(np.arange(PREAMBLE_SYMBOLS), PILOT_PLACES)

_LLR_LIMIT: Final = 1.0e3

FRAME_COUNTS: Final = (8, 4, 16, 32)
"""Frames a clip may have, in the order of their 2-bit code."""

CLIP_NUMBERS: Final = 256
"""The clip number on the air wraps at this."""

PATCH: Final = 16
FIRST_FRAME_REALS: Final = 61
RGB_REALS: Final = 12
"""Reals that the picture codecs send for each 16×16 patch: 7 808 and 1 536 symbols for 256×256."""

SKETCH_CELL: Final = 8
"""The sketch codec sends a symbol for so many pixels squared: 1 024 for 256×256."""

# (field, bits), most significant first.
_FIELDS: Final = (
    ("version", 2),
    ("scheme", 4),
    ("frames", 2),
    ("clip", 8),
    ("text_bytes", 8),
    ("mode", 4),
    ("height", 4),
    ("width", 4),
)
assert sum(bits for _, bits in _FIELDS) == HEADER_BITS


@dataclass(frozen=True)
class Header:
    """What the burst says of itself. ``clip`` is the clip's number modulo 256, ``text_bytes`` the length of the text.

    ``text_mode`` is the number of the description's coding on the air: see :mod:`common.codecs.text`; ``video_mode``
    that of a digital video: see :mod:`common.codecs.video_mode`. No burst has both.
    """

    scheme: Scheme
    clip: int
    text_bytes: int
    frames: int
    height: int
    width: int
    text_mode: int = text.DEFAULT_MODE
    video_mode: int = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """(frames, height, width) of the clip."""
        return self.frames, self.height, self.width

    def section_symbols(self, section: Section) -> int:
        """Complex symbols that one section of this burst has."""
        return _SECTION_SYMBOLS[section](self)

    @property
    def mode_name(self) -> str:
        """How the description is coded, or else the video, in words; "" where nothing is."""
        if "description" in self.scheme.sections:
            return text.MODES[self.text_mode].name
        return video_mode.MODES[self.video_mode].name if schemes.DIGITAL.intersection(self.scheme.sections) else ""

    @property
    def payload_symbols(self) -> int:
        """Symbols of all sections: the paper's K."""
        return sum(map(self.section_symbols, self.scheme.sections))

    @property
    def pilot_symbols(self) -> int:
        """Pilots of the preamble and those scattered among the sections."""
        return pilots.PREAMBLE + pilots.scattered_count(self.payload_symbols)

    @property
    def total_symbols(self) -> int:
        """Every symbol of the burst on the air."""
        return self.pilot_symbols + HEADER_SYMBOLS + self.payload_symbols

    @property
    def cbr_payload(self) -> float:
        """Channel bandwidth ratio of the sections alone, the paper's accounting."""
        return cbr(self.payload_symbols, self.shape)

    @property
    def cbr_total(self) -> float:
        """Channel bandwidth ratio of all that is on the air."""
        return cbr(self.total_symbols, self.shape)

    def layout(self) -> dict[str, Places]:
        """Where the symbols of each part stand in the burst, in the part's own order: int64 arrays, read-only.

        "pilots" (those of the preamble, then the scattered ones), "header", and the scheme's sections by name. The
        arrays together name every place once.
        """
        counts = tuple(self.section_symbols(section) for section in self.scheme.sections)
        return dict(
            zip(("pilots", "header", *self.scheme.sections), _places(self.scheme.sections, counts), strict=True)
        )


@dataclass(frozen=True)
class Burst:
    """One burst on its way out: ``samples`` is complex64 (n,) of unit mean power in every part."""

    samples: Symbols
    header: Header


def first_frame_symbols(height: int, width: int) -> int:
    """Symbols of the first-frame section for a frame of that size."""
    return (height // PATCH) * (width // PATCH) * FIRST_FRAME_REALS // 2


def rgb_symbols(frames: int, height: int, width: int) -> int:
    """Symbols of the section that has every frame of a clip as a picture of its own."""
    return frames * (height // PATCH) * (width // PATCH) * RGB_REALS // 2


def sketch_symbols(sketches: int, height: int, width: int) -> int:
    """Symbols of the section that has so many sketches of that size, each by itself."""
    return sketches * (height // SKETCH_CELL) * (width // SKETCH_CELL)


_SECTION_SYMBOLS: Final[Mapping[Section, Callable[[Header], int]]] = {
    "description": lambda header: text.symbol_count(header.text_bytes, header.text_mode),
    "first_frame": lambda header: first_frame_symbols(header.height, header.width),
    "sketch": lambda header: sketch_symbols(1, header.height, header.width),
    "sketches": lambda header: sketch_symbols(*header.shape),
    "rgb": lambda header: rgb_symbols(*header.shape),
    "h264": lambda header: video_mode.symbol_count(*header.shape),
    "h265": lambda header: video_mode.symbol_count(*header.shape),
}


def header_bits(header: Header) -> NDArray[np.uint8]:
    """The header's 36 information bits, most significant first. Raises BurstError where a field cannot be expressed."""
    if header.frames not in FRAME_COUNTS:
        raise BurstError(
            f"a burst carries clips of {', '.join(map(str, sorted(FRAME_COUNTS)))} frames, not {header.frames}"
        )
    for name in ("height", "width"):
        side = getattr(header, name)
        if side % MULTIPLE or not MULTIPLE <= side <= MAX_SIDE:
            raise BurstError(f"{name} must be a multiple of {MULTIPLE} up to {MAX_SIDE}, not {side}")
    if header.text_bytes and "description" not in header.scheme.sections:
        raise BurstError(f"a burst of {header.scheme.name} has no description, so text_bytes must be 0")
    values = {
        "version": HEADER_VERSION,
        "scheme": header.scheme.number,
        "frames": FRAME_COUNTS.index(header.frames),
        "clip": header.clip % CLIP_NUMBERS,
        "text_bytes": header.text_bytes,
        "mode": header.text_mode if "description" in header.scheme.sections else header.video_mode,
        "height": header.height // MULTIPLE - 1,
        "width": header.width // MULTIPLE - 1,
    }
    word = 0
    for name, bits in _FIELDS:
        if not 0 <= values[name] < 1 << bits:
            raise BurstError(f"{name} = {values[name]} does not fit into {bits} bits of the header")
        word = word << bits | values[name]
    return np.array([word >> i & 1 for i in range(HEADER_BITS - 1, -1, -1)], dtype=np.uint8)


def header_from_bits(bits: NDArray[np.uint8]) -> Header | None:
    """The header that 36 bits mean, or None where they name a version, scheme or mode that this side does not know."""
    word = int("".join(map(str, bits)), 2)
    values = {}
    for name, width in reversed(_FIELDS):
        values[name] = word & (1 << width) - 1
        word >>= width
    scheme = schemes.by_number(values["scheme"])
    if values["version"] != HEADER_VERSION or scheme is None:
        return None
    described = "description" in scheme.sections
    if values["mode"] >= _mode_count(scheme) or (values["text_bytes"] and not described):
        return None
    return Header(
        scheme=scheme,
        clip=values["clip"],
        text_bytes=values["text_bytes"],
        frames=FRAME_COUNTS[values["frames"]],
        height=(values["height"] + 1) * MULTIPLE,
        width=(values["width"] + 1) * MULTIPLE,
        **{"text_mode" if described else "video_mode": values["mode"]},
    )


def _mode_count(scheme: Scheme) -> int:
    """How many modes the header may name: one, 0, where the scheme's sections have none."""
    if "description" in scheme.sections:
        return len(text.MODES)
    return len(video_mode.MODES) if schemes.DIGITAL.intersection(scheme.sections) else 1


def encode_header(header: Header) -> Symbols:
    """The header as symbols of unit power, complex64 (HEADER_SYMBOLS,)."""
    return qam.modulate(polar.encode(crc12.append(header_bits(header))))


def decode_header(symbols: Symbols, noise_variance: float | NDArray[np.float64]) -> tuple[Header, float] | None:
    """The header in received symbols at gain 1 in noise of total ``noise_variance`` (one, or one a symbol), or None.

    It is the likeliest word of the decoder's list whose CRC holds and whose fields mean something here: what cannot
    have been sent helps to find what was. With it comes by how much its log-likelihood (natural) is behind that of the
    likeliest word of all: the more, the less it is to be trusted.
    """
    llr = np.clip(qam.llr(symbols, noise_variance), -_LLR_LIMIT, _LLR_LIMIT)
    if not np.isfinite(llr).all():  # samples near the end of single precision: no demapper's word is worth anything
        return None
    words, costs = polar.decode(llr)
    for number in np.flatnonzero(crc12.check(words)):
        header = header_from_bits(words[number, :HEADER_BITS])
        if header is not None:
            return header, float(costs[number] - costs[0])
    return None


def assemble(header: Header, sections: Mapping[Section, Symbols]) -> Burst:
    """Pilots, header and sections in one burst. Raises BurstError where a section's length or power is not as due."""
    samples = np.empty(header.total_symbols, dtype=np.complex64)
    places = header.layout()
    samples[places["pilots"]] = known_pilots(header)
    samples[places["header"]] = encode_header(header)
    for section in header.scheme.sections:
        symbols = sections[section]
        shape = (header.section_symbols(section),)
        if symbols.shape != shape or symbols.dtype != np.complex64:
            raise BurstError(f"section {section} must be complex64 {shape}, not {symbols.dtype} {symbols.shape}")
        off = abs(float(np.mean(np.abs(symbols) ** 2)) - 1.0) if symbols.size else 0.0
        if not off < _power_tolerance(section, symbols.size):
            raise BurstError(f"section {section} does not have unit mean power")
        samples[places[section]] = symbols
    return Burst(samples, header)


def _power_tolerance(section: Section, count: int) -> float:
    """How far from 1 the mean power of ``count`` symbols of a section may lie.

    An analogue section is normalised. A digital one is as random QAM points have it: 64-QAM, the widest, within
    0.62 / √count, one standard deviation; five of them are granted.
    """
    return 5 * 0.62 / math.sqrt(max(count, 1)) if section in schemes.DIGITAL else 1e-3


def known_pilots(header: Header) -> Symbols:
    """All pilots of a burst in the order of its layout."""
    return np.concatenate([PILOTS, pilots.sequence(header.pilot_symbols - pilots.PREAMBLE)])


def parse(samples: Symbols, noise_variance: float) -> Header | None:
    """The header of a burst at gain 1 from sample 0 on, if it can be read and agrees with the number of samples."""
    if samples.size < PREAMBLE_SYMBOLS:
        return None
    decoded = decode_header(samples[HEADER_PLACES], noise_variance)
    return decoded[0] if decoded is not None and decoded[0].total_symbols == samples.size else None


@lru_cache(maxsize=16)
def _places(sections: tuple[Section, ...], counts: tuple[int, ...]) -> tuple[Places, ...]:
    """Pilots, header and sections: where each symbol of them stands.

    Behind the preamble the scattered pilots come first, evenly over all; then, in the places that are left, the
    description, evenly; then the other sections, one after the other, in the rest.
    """
    payload = sum(counts)
    scattered = pilots.scattered_count(payload)
    free = np.arange(PREAMBLE_SYMBOLS, PREAMBLE_SYMBOLS + scattered + payload)
    taken = pilots.spread(scattered, free.size)
    parts = [np.concatenate([PILOT_PLACES, free[taken]]), HEADER_PLACES]
    free = np.delete(free, taken)
    for section, count in zip(sections, counts, strict=True):
        taken = pilots.spread(count, free.size) if section == "description" else np.arange(count)
        parts.append(free[taken])
        free = np.delete(free, taken)
    for part in parts:
        part.flags.writeable = False
    return tuple(parts)

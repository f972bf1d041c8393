"""The burst: pilots | header | sections, all of it counted. Bit fields are specified in docs/protocol.md.

The receiver learns what is in a burst from its samples alone: pilots tell the channel's gain and noise, the header
(coded, on the air) tells which sections follow and how long each is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from common import schemes
from common.clip import MAX_SIDE, MULTIPLE
from common.codecs import text
from common.coding import block
from common.conventions import cbr
from common.errors import BurstError
from common.schemes import Scheme, Section

Symbols = NDArray[np.complex64]

HEADER_VERSION: Final = 0
HEADER_BITS: Final = 32
HEADER_REPETITIONS: Final = 2
PILOT_SYMBOLS: Final = 64
HEADER_SYMBOLS: Final = block.block_symbols(HEADER_BITS, HEADER_REPETITIONS)
PREAMBLE_SYMBOLS: Final = PILOT_SYMBOLS + HEADER_SYMBOLS

FRAME_COUNTS: Final = (8, 4, 16, 32)
"""Frames a clip may have, in the order of their 2-bit code."""

CLIP_NUMBERS: Final = 256
"""The clip number on the air wraps at this."""

FIRST_FRAME_PATCH: Final = 16
FIRST_FRAME_REALS: Final = 61
"""Reals that the first-frame codec sends for each 16×16 patch: 7 808 symbols for 256×256."""

# (field, bits), most significant first.
_FIELDS: Final = (
    ("version", 2),
    ("scheme", 4),
    ("frames", 2),
    ("clip", 8),
    ("text_bytes", 8),
    ("height", 4),
    ("width", 4),
)
assert sum(bits for _, bits in _FIELDS) == HEADER_BITS


def _zadoff_chu(length: int, root: int) -> Symbols:
    """exp(−jπ·root·n²/length): constant modulus, periodic autocorrelation zero off the peak (length even, root odd)."""
    n = np.arange(length)
    return np.exp(-1j * np.pi * root * n * n / length).astype(np.complex64)


PILOTS: Final = _zadoff_chu(PILOT_SYMBOLS, 25)


@dataclass(frozen=True)
class Header:
    """What the burst says of itself. ``clip`` is the clip's number modulo 256, ``text_bytes`` the UTF-8 length sent."""

    scheme: Scheme
    clip: int
    text_bytes: int
    frames: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """(frames, height, width) of the clip."""
        return self.frames, self.height, self.width

    def section_symbols(self, section: Section) -> int:
        """Complex symbols that one section of this burst has."""
        if section == "description":
            return text.symbol_count(self.text_bytes)
        return first_frame_symbols(self.height, self.width)

    @property
    def payload_symbols(self) -> int:
        """Symbols of all sections: the paper's K."""
        return sum(map(self.section_symbols, self.scheme.sections))

    @property
    def total_symbols(self) -> int:
        """Every symbol of the burst on the air."""
        return PREAMBLE_SYMBOLS + self.payload_symbols

    @property
    def cbr_payload(self) -> float:
        """Channel bandwidth ratio of the sections alone, the paper's accounting."""
        return cbr(self.payload_symbols, self.shape)

    @property
    def cbr_total(self) -> float:
        """Channel bandwidth ratio of all that is on the air."""
        return cbr(self.total_symbols, self.shape)

    def layout(self) -> dict[str, slice]:
        """Where each part lies in the burst, "pilots" and "header" included, in order."""
        parts = {"pilots": slice(0, PILOT_SYMBOLS), "header": slice(PILOT_SYMBOLS, PREAMBLE_SYMBOLS)}
        start = PREAMBLE_SYMBOLS
        for section in self.scheme.sections:
            stop = start + self.section_symbols(section)
            parts[section] = slice(start, stop)
            start = stop
        return parts


@dataclass(frozen=True)
class Burst:
    """One burst on its way out: ``samples`` is complex64 (n,) of unit mean power in every part."""

    samples: Symbols
    header: Header


def first_frame_symbols(height: int, width: int) -> int:
    """Symbols of the first-frame section for a frame of that size."""
    return (height // FIRST_FRAME_PATCH) * (width // FIRST_FRAME_PATCH) * FIRST_FRAME_REALS // 2


def header_bits(header: Header) -> NDArray[np.uint8]:
    """The header's 32 information bits, most significant first. Raises BurstError where a field cannot be expressed."""
    if header.frames not in FRAME_COUNTS:
        raise BurstError(
            f"a burst carries clips of {', '.join(map(str, sorted(FRAME_COUNTS)))} frames, not {header.frames}"
        )
    for name in ("height", "width"):
        side = getattr(header, name)
        if side % MULTIPLE or not MULTIPLE <= side <= MAX_SIDE:
            raise BurstError(f"{name} must be a multiple of {MULTIPLE} up to {MAX_SIDE}, not {side}")
    values = {
        "version": HEADER_VERSION,
        "scheme": header.scheme.number,
        "frames": FRAME_COUNTS.index(header.frames),
        "clip": header.clip % CLIP_NUMBERS,
        "text_bytes": header.text_bytes,
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
    """The header that 32 bits mean, or None where they name a version or scheme that this side does not know."""
    word = int("".join(map(str, bits)), 2)
    values = {}
    for name, width in reversed(_FIELDS):
        values[name] = word & (1 << width) - 1
        word >>= width
    scheme = schemes.by_number(values["scheme"])
    if values["version"] != HEADER_VERSION or scheme is None:
        return None
    return Header(
        scheme=scheme,
        clip=values["clip"],
        text_bytes=values["text_bytes"],
        frames=FRAME_COUNTS[values["frames"]],
        height=(values["height"] + 1) * MULTIPLE,
        width=(values["width"] + 1) * MULTIPLE,
    )


def encode_header(header: Header) -> Symbols:
    """The header as symbols of unit power, complex64 (HEADER_SYMBOLS,)."""
    return block.encode_block(header_bits(header), HEADER_REPETITIONS)


def decode_header(symbols: Symbols, noise_variance: float) -> Header | None:
    """The header in received symbols (equalised, with total complex ``noise_variance``), or None if it is not whole."""
    bits = block.decode_block(symbols, HEADER_BITS, noise_variance, HEADER_REPETITIONS)
    return None if bits is None else header_from_bits(bits)


def assemble(header: Header, sections: Mapping[Section, Symbols]) -> Burst:
    """Pilots, header and sections in one burst. Raises BurstError where a section's length or power is not as due."""
    parts = [PILOTS, encode_header(header)]
    for section in header.scheme.sections:
        symbols = sections[section]
        shape = (header.section_symbols(section),)
        if symbols.shape != shape or symbols.dtype != np.complex64:
            raise BurstError(f"section {section} must be complex64 {shape}, not {symbols.dtype} {symbols.shape}")
        if symbols.size and not abs(float(np.mean(np.abs(symbols) ** 2)) - 1.0) < 1e-3:
            raise BurstError(f"section {section} does not have unit mean power")
        parts.append(symbols)
    return Burst(np.concatenate(parts), header)


def parse(samples: Symbols, noise_variance: float) -> Header | None:
    """The header of a burst that begins at sample 0, if it can be read and agrees with the number of samples."""
    if samples.size < PREAMBLE_SYMBOLS:
        return None
    header = decode_header(samples[PILOT_SYMBOLS:PREAMBLE_SYMBOLS], noise_variance)
    return header if header is not None and header.total_symbols == samples.size else None

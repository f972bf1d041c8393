"""The description on the air: UTF-8, plain or coded by a model, one block of CRC-16, turbo code and 4-QAM.

A description is one line. Control characters (tab, line feed, escape …) and the line and paragraph separators become
spaces, CR LF a single one; spaces at the ends are dropped; a lone surrogate, which UTF-8 cannot carry, becomes U+FFFD.
Nothing else is changed. No text is sent as no symbols.

How it is sent is a mode, told by its number in the burst's header: one of five code rates (:mod:`common.coding.block`),
and either 8 bits for each byte of UTF-8, as in the paper, or, with a ``+``, what :mod:`common.codecs.text_model` makes
of it. The length in the header is that of the bytes coded: :func:`byte_count`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from common.codecs import text_model
from common.coding import bits as bit_vectors
from common.coding import block
from common.errors import BurstError, SchemeError

MAX_BYTES = text_model.MAX_BYTES
"""Longest description in bytes of UTF-8, 255: one byte of the burst's header holds the length."""


@dataclass(frozen=True)
class TextMode:
    """``number`` stands in the header, ``rate`` is the code rate; ``modelled``: coded by the model of captions."""

    number: int
    rate: Fraction
    modelled: bool

    @property
    def name(self) -> str:
        """The code rate, with a + where the model is used: "1/3", "1/3+"."""
        return f"{self.rate}+" if self.modelled else f"{self.rate}"


MODES = tuple(
    TextMode(number, rate, modelled)
    for number, (modelled, rate) in enumerate((modelled, rate) for modelled in (False, True) for rate in block.RATES)
)
"""The modes; the index is the number on the air: 0 … 4 plain, 5 … 9 by the model, most robust first in each five."""

DEFAULT_MODE = 3
"""Rate 1/3, plain."""

# Unicode categories Cc, Zl and Zp: no line of text holds them, and a terminal may act on them.
_NOT_IN_A_LINE = re.compile("\r\n|[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def by_name(name: str) -> TextMode:
    """The mode of that name. Raises SchemeError if there is none."""
    for mode in MODES:
        if mode.name == name:
            return mode
    raise SchemeError(f"no text mode {name!r}; there are {', '.join(mode.name for mode in MODES)}")


def _mode(number: int) -> TextMode:
    if not 0 <= number < len(MODES):
        raise SchemeError(f"a text mode is a number 0 to {len(MODES) - 1}, not {number}")
    return MODES[number]


def fit(text: str) -> tuple[bytes, bool]:
    """What of ``text`` can be sent in any mode: (UTF-8 of at most MAX_BYTES bytes, whether it was cut).

    Normalised as this module says and, where still too long, cut after the last whole character (code point) that fits.
    """
    line = _SURROGATE.sub("\ufffd", _NOT_IN_A_LINE.sub(" ", text)).strip(" ")
    data = line.encode("utf-8")
    if len(data) <= MAX_BYTES:
        return data, False
    whole = data[:MAX_BYTES].decode("utf-8", errors="ignore")
    return whole.rstrip(" ").encode("utf-8"), True


def _on_air(data: bytes, mode: TextMode) -> bytes:
    if len(data) > MAX_BYTES:
        raise SchemeError(f"a description has 0 to {MAX_BYTES} bytes of UTF-8, not {len(data)}")
    return text_model.compress(data) if mode.modelled else data


def byte_count(data: bytes, mode: int = DEFAULT_MODE) -> int:
    """Bytes on the air for ``data``, as :func:`fit` returns it: what the header says and :func:`decode` is told.

    Raises SchemeError for more than MAX_BYTES bytes or a mode there is not, WeightsError without the model.
    """
    return len(_on_air(data, _mode(mode)))


def symbol_count(byte_count: int, mode: int = DEFAULT_MODE) -> int:
    """Symbols that ``byte_count`` bytes on the air take: 0 for 0; 1182 for 96 at rate 1/3.

    Raises SchemeError outside 0 … MAX_BYTES, or for a mode there is not.
    """
    rate = _mode(mode).rate
    if not 0 <= byte_count <= MAX_BYTES:
        raise SchemeError(f"a description has 0 to {MAX_BYTES} bytes, not {byte_count}")
    return block.symbol_count(8 * byte_count, rate) if byte_count else 0


def encode(data: bytes, mode: int = DEFAULT_MODE) -> NDArray[np.complex64]:
    """Code ``data``, as :func:`fit` returns it: complex64 (symbol_count(byte_count(data, mode), mode),), |z| = 1.

    Raises as :func:`byte_count` does.
    """
    sent = _on_air(data, _mode(mode))
    if not sent:
        return np.zeros(0, dtype=np.complex64)
    return block.encode(bit_vectors.from_bytes(sent), _mode(mode).rate)


def decode(symbols: ArrayLike, byte_count: int, noise_variance: ArrayLike, mode: int = DEFAULT_MODE) -> str | None:
    """The description, or None where it did not arrive whole; never a corrupted one, as far as can be told.

    ``symbols`` complex (symbol_count(byte_count, mode),) at gain 1 in noise CN(0, ``noise_variance``), which is a
    number or one for each symbol. None stands for a block that :func:`common.coding.block.decode` gives up, and for
    bytes that :func:`encode` cannot have sent: not UTF-8, with control characters in them, or nothing that the model
    makes. "" where byte_count is 0. Raises BurstError where the number of symbols is another or a noise variance is
    negative or not a number, SchemeError outside 0 … MAX_BYTES bytes or for a mode there is not, WeightsError without
    the model.
    """
    if symbol_count(byte_count, mode) == 0:
        if np.size(symbols):
            raise BurstError(f"an empty description has no symbols, not {np.size(symbols)}")
        return ""
    bits = block.decode(symbols, 8 * byte_count, noise_variance, _mode(mode).rate)
    return None if bits is None else read(bit_vectors.to_bytes(bits), mode)


def read(sent: bytes, mode: int = DEFAULT_MODE) -> str | None:
    """The description in bytes from the air, or None where :func:`encode` cannot have sent them."""
    data = text_model.expand(sent) if _mode(mode).modelled else sent
    if data is None:
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if _NOT_IN_A_LINE.search(text) else text

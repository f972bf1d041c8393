"""The bits inside a picture's section, and what they say: fields as they are, classes and multiples range coded.

    first part:  fields (FIELD_BITS) | classes, coarse multiples            second part:  all other multiples

Frequencies are integers of the weights, and the coder is constriction's, which quantises probabilities that are
multiples of 2^−16, exactly represented: both ends code alike on every machine. A part is cut off at the fewest bits
that still mean the same, zeros following; the transmitter tries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from common.codecs.djscc.allocation import STEPS
from common.codecs.djscc.block_classes import GROUPS
from common.codecs.djscc.multiples import MAGNITUDES
from common.codecs.djscc.side_code import MODES
from common.errors import BurstError

Bits = NDArray[np.uint8]
Integers = NDArray[np.int64]

SNR_STEP_DB: Final = 0.5
LEAST_SNR_DB: Final = -10.0
SCALE_STEP_DB: Final = 0.1
LEAST_SCALE_DB: Final = -13.0

MOST_MAGNITUDE: Final = 1 << 16
"""Multiples are below this; the widest coefficient over the narrowest step is not near it."""

_WIDTHS: Final = {"mode": 5, "units": 12, "step": 6, "group": 2, "tx_snr": 7, "scale": 9}
FIELD_BITS: Final = sum(_WIDTHS.values())

MOST_UNITS: Final = 1 << _WIDTHS["units"]
"""The second part's length is below this."""


@dataclass(frozen=True)
class Fields:
    """What the first part begins with, as indices: the second part's ``mode`` and length in ``units``; ``step`` of
    ``STEPS``, ``group`` of ``GROUPS``, the SNR that the transmitter believes in, and the common scale."""

    mode: int
    units: int
    step: int
    group: int
    tx_snr: int
    scale: int

    @property
    def tx_snr_db(self) -> float:
        """In dB."""
        return LEAST_SNR_DB + SNR_STEP_DB * self.tx_snr

    @property
    def scale_factor(self) -> float:
        """What coefficients times their gains were multiplied by."""
        return float(10.0 ** (0.05 * (LEAST_SCALE_DB + SCALE_STEP_DB * self.scale)))

    def bits(self) -> Bits:
        """uint8 (FIELD_BITS,)."""
        return np.concatenate([_binary(getattr(self, name), width) for name, width in _WIDTHS.items()])


def fields(bits: Bits) -> Fields:
    """The fields that a first part begins with. Raises BurstError where they name what there is not."""
    values, start = {}, 0
    for name, width in _WIDTHS.items():
        values[name] = int(bits[start : start + width] @ (1 << np.arange(width - 1, -1, -1)))
        start += width
    found = Fields(**values)
    if found.step >= len(STEPS) or found.group >= len(GROUPS) or found.mode >= len(MODES):
        raise BurstError("the fields of a picture's section name something that there is not")
    return found


def snr_index(snr_db: float) -> int:
    """The nearest SNR that can be told."""
    return round(min(max((snr_db - LEAST_SNR_DB) / SNR_STEP_DB, 0.0), (1 << _WIDTHS["tx_snr"]) - 1.0))


def scale_index(factor: float) -> int:
    """The nearest scale that can be told."""
    wanted = (20.0 * np.log10(max(factor, 1e-9)) - LEAST_SCALE_DB) / SCALE_STEP_DB
    return round(min(max(wanted, 0.0), (1 << _WIDTHS["scale"]) - 1.0))


def unit_bits(blocks: int) -> int:
    """What the lengths of parts are counted in, for a picture of so many 32×32 blocks."""
    return max(16, -(-blocks // 4))


def _binary(value: int, width: int) -> Bits:
    return (value >> np.arange(width - 1, -1, -1) & 1).astype(np.uint8)


# coders


class Writer:
    """A range coder; what is written is an integer under a model."""

    def __init__(self) -> None:
        import constriction

        self._coder = constriction.stream.queue.RangeEncoder()

    def symbols(self, values: Integers, model: Any) -> None:
        """Values under one model."""
        self._coder.encode(values.astype(np.int32), model)

    def value(self, value: int | np.integer[Any], model: Any) -> None:
        """One value."""
        self._coder.encode(int(value), model)

    def bits(self) -> Bits:
        """All that was written, in whole words."""
        return np.unpackbits(self._coder.get_compressed().astype(">u4").view(np.uint8))


class Reader:
    """Reads what a ``Writer`` wrote; beyond its end it reads zeros."""

    def __init__(self, bits: Bits) -> None:
        import constriction

        padded = np.zeros(-(-bits.size // 32) * 32 + 96, np.uint8)
        padded[: bits.size] = bits
        words = np.packbits(padded).view(">u4").astype(np.uint32)
        self._coder = constriction.stream.queue.RangeDecoder(words)

    def symbols(self, count: int, model: Any) -> Integers:
        """So many values."""
        return np.asarray(self._coder.decode(model, count)).astype(np.int64) if count else np.zeros(0, np.int64)

    def value(self, model: Any) -> int:
        """One value."""
        return int(self._coder.decode(model))


def shortest(bits: Bits, means_the_same: Callable[[Bits], bool]) -> Bits:
    """The fewest of ``bits`` that mean what all of them mean, or a few more: the last ones often do not matter."""
    best, least, most = bits, max(0, bits.size - 64), bits.size
    while least < most:
        length = (least + most) // 2
        head = bits[:length]
        fitting = [candidate for candidate in (head, _one_more(head)) if candidate is not None]
        found = next((candidate for candidate in fitting if means_the_same(candidate)), None)
        if found is None:
            least = length + 1
        else:
            best, most = found, length
    return best


def _one_more(bits: Bits) -> Bits | None:
    """The binary number that is larger by one; None where there is none of that length."""
    zeros = np.flatnonzero(bits == 0)
    if zeros.size == 0:
        return None
    more = bits.copy()
    more[zeros[-1]] = 1
    more[zeros[-1] + 1 :] = 0
    return more


@cache
def _model(frequencies: bytes) -> Any:
    """A model by its frequencies, int32, which add up to 2^16."""
    import constriction

    shares = np.frombuffer(frequencies, np.int32).astype(np.float64) / 65536.0
    return constriction.stream.model.Categorical(shares, perfect=False)


@cache
def _uniform(bits: int) -> Any:
    import constriction

    return constriction.stream.model.Uniform(1 << bits)


def write_classes(writer: Writer, classes: Integers, contexts: Integers, frequencies: NDArray[np.int32]) -> None:
    """Classes (h, w), each under the row of ``frequencies`` that its context names."""
    for value, context in zip(classes.reshape(-1), contexts.reshape(-1), strict=True):
        writer.value(value, _model(frequencies[context].tobytes()))


def read_classes(
    reader: Reader, rows: int, columns: int, activity: NDArray[np.uint8], frequencies: NDArray[np.int32], none: int
) -> Integers:
    """Inverse of :func:`write_classes`; contexts as in ``BlockClasses.contexts``, ``none`` for no neighbour."""
    classes = np.zeros((rows, columns), np.int64)
    for row in range(rows):
        for column in range(columns):
            left = int(activity[classes[row, column - 1]]) if column else none
            upper = int(activity[classes[row - 1, column]]) if row else none
            model = _model(frequencies[left * (none + 1) + upper].tobytes())
            classes[row, column] = reader.value(model)
    return classes


def write_multiples(
    writer: Writer, multiples: Integers, tables: Integers, plain: Integers, frequencies: NDArray[np.int32]
) -> None:
    """Multiples (n,), each by its table and with so many last bits as they are (``Multiples.place``)."""
    magnitudes = np.abs(multiples)
    high = magnitudes >> plain
    for table in np.unique(tables):
        chosen = np.minimum(high[tables == table], MAGNITUDES - 1)
        writer.symbols(chosen, _model(frequencies[table].tobytes()))
    for value in high[high >= MAGNITUDES - 1]:
        more = int(value) - MAGNITUDES + 2  # at least 1
        width = more.bit_length() - 1
        writer.value(width, _uniform(4))
        if width:
            writer.value(more - (1 << width), _uniform(width))
    for width in np.unique(plain[plain > 0]):
        chosen = plain == width
        writer.symbols(magnitudes[chosen] & ((1 << int(width)) - 1), _uniform(int(width)))
    writer.symbols((multiples[magnitudes > 0] < 0).astype(np.int64), _uniform(1))


def read_multiples(reader: Reader, tables: Integers, plain: Integers, frequencies: NDArray[np.int32]) -> Integers:
    """Inverse of :func:`write_multiples`. Raises BurstError for what no transmitter writes."""
    high = np.zeros(tables.size, np.int64)
    for table in np.unique(tables):
        chosen = tables == table
        high[chosen] = reader.symbols(int(chosen.sum()), _model(frequencies[table].tobytes()))
    for index in np.flatnonzero(high == MAGNITUDES - 1):
        width = reader.value(_uniform(4))
        more = (1 << width) + (reader.value(_uniform(width)) if width else 0)
        high[index] = more + MAGNITUDES - 2
    magnitudes = high << plain
    for width in np.unique(plain[plain > 0]):
        chosen = plain == width
        magnitudes[chosen] += reader.symbols(int(chosen.sum()), _uniform(int(width)))
    negative = reader.symbols(int((magnitudes > 0).sum()), _uniform(1))
    multiples = magnitudes.copy()
    multiples[magnitudes > 0] *= 1 - 2 * negative
    if np.abs(multiples).max(initial=0) >= MOST_MAGNITUDE:
        raise BurstError("the bits of a picture's section hold a multiple that is too large")
    return multiples

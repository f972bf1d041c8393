"""Source coding of descriptions: a fixed model of captions and a range coder, 2.04 bit a character (text-model.md).

The model predicts each character from the five before it: counts of n-grams, n = 1 … 6, a longer context taking over
from the shorter ones as far as it was seen in training (escape weights, as in prediction by partial matching; T. Bell,
J. Cleary, I. Witten, "Text Compression", 1990, methods B and C). Counts are integers, and so are all sums and
quotients made of them, so both ends have the same model to the last bit on every machine; the range coder is that of
constriction, which quantises probabilities that are multiples of 2^−22, exactly represented.

Any string can be coded. Of printable ASCII each character is a symbol; of all else each byte of UTF-8 is one, behind an
escape. What would be longer coded than plain is sent plain, behind the byte 0xFF, with which no coded text begins (nor
any UTF-8); 255 bytes are always plain, without that mark where there is no room for it. So no text grows beyond 255.
"""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common import weights
from common.errors import WeightsError

END = 0
"""Symbol behind the last character; contexts before the first character are made of it too."""

ESCAPE = 1
"""Symbol before a byte that is not printable ASCII."""

_FIRST = 32
_OFFSET = _FIRST - 2
SYMBOLS = 127 - _OFFSET
"""END, ESCAPE and the 95 characters of printable ASCII."""

ORDER = 6
"""Longest n-gram: five symbols of context and the one that follows."""

PLAIN = 0xFF
"""First byte of a text that is sent plain."""

MAX_BYTES = 255
"""Longest text, in bytes of UTF-8, that :func:`expand` returns."""

_TOTAL = 1 << 22
WEIGHTS = "text-model"


def count_table() -> NDArray[np.int64]:
    """The 256 counts that a byte of the model can mean: 0 … 16, then steps of a sixteenth, rounded up."""
    counts = [0]
    while len(counts) < 256:
        counts.append(counts[-1] + max(1, -(-counts[-1] // 16)))
    return np.array(counts, dtype=np.int64)


def to_symbols(data: bytes) -> list[tuple[int, int]]:
    """``data`` as (symbol, byte behind an ESCAPE or −1), END at the end."""
    coded = [(byte - _OFFSET, -1) if _FIRST <= byte < 127 else (ESCAPE, byte) for byte in data]
    return [*coded, (END, -1)]


class TextModel:
    """The trie of n-grams. Level n holds all n-grams in order, and where the children of each begin in level n + 1."""

    def __init__(self, tensors: dict[str, NDArray[np.uint8]]) -> None:
        """``tensors``: for n = 1 … ORDER ``symbols.n`` and ``counts.n``; for n = 0 … ORDER − 1 ``children.n``
        (how many) and ``escape.n`` (weight of the shorter context). uint8, one entry a node; counts and weights as
        indices of :func:`count_table`. Raises WeightsError where they do not fit together.
        """
        table = count_table()
        try:
            self._symbols = [np.zeros(1, np.uint8), *(tensors[f"symbols.{n}"] for n in range(1, ORDER + 1))]
            self._counts = [np.zeros(1, np.int64), *(table[tensors[f"counts.{n}"]] for n in range(1, ORDER + 1))]
            self._escape = [table[tensors[f"escape.{n}"]] for n in range(ORDER)]
            children = [tensors[f"children.{n}"].astype(np.int64) for n in range(ORDER)]
        except (KeyError, IndexError) as error:
            raise WeightsError(f"the text model is not complete: {error}") from error
        self._begin = [np.concatenate([[0], np.cumsum(many)]) for many in children]
        for n in range(ORDER):
            sizes = {self._symbols[n].size, self._escape[n].size, children[n].size}
            wrong = len(sizes) != 1 or self._begin[n][-1] != self._symbols[n + 1].size
            if wrong or self._symbols[n + 1].max(initial=0) >= SYMBOLS or self._escape[n].min(initial=1) < 1:
                raise WeightsError("the parts of the text model do not fit together")
        self.model = lru_cache(maxsize=1 << 14)(self._model)

    def frequencies(self, context: tuple[int, ...]) -> NDArray[np.int64]:
        """Of each symbol behind ``context`` (ORDER − 1 symbols, latest last): int64 (SYMBOLS,), >= 1, sum 2^22."""
        share = np.full(SYMBOLS, _TOTAL // SYMBOLS, dtype=np.int64)
        for n in range(ORDER):
            node = self._find(context[len(context) - n :])
            if node < 0:
                continue
            children = slice(self._begin[n][node], self._begin[n][node + 1])
            counts = self._counts[n + 1][children]
            escape = self._escape[n][node]
            share *= escape
            share[self._symbols[n + 1][children]] += counts * _TOTAL
            share //= escape + counts.sum()
        share = share * (_TOTAL - SYMBOLS) // _TOTAL + 1
        share[np.argmax(share)] += _TOTAL - share.sum()
        return share

    def _find(self, context: tuple[int, ...]) -> int:
        """Node of an n-gram in its level, or −1."""
        node = 0
        for n, symbol in enumerate(context):
            begin, end = self._begin[n][node], self._begin[n][node + 1]
            level = self._symbols[n + 1]
            node = begin + int(np.searchsorted(level[begin:end], symbol))
            if node == end or level[node] != symbol:
                return -1
        return node

    def _model(self, context: tuple[int, ...]) -> Any:
        import constriction

        probabilities = self.frequencies(context) / float(_TOTAL)
        return constriction.stream.model.Categorical(probabilities, perfect=False)


@cache
def load(path: Path | None = None) -> TextModel:
    """The model in ``path``, by default that of the registry. Raises WeightsError."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    file = path or weights.path(WEIGHTS)
    try:
        return TextModel(load_file(file))
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"cannot read {file}: {error}") from error


@cache
def _fixed() -> tuple[Any, Any]:
    """Models that do not depend on anything: of a coded text's mark, and of the byte behind an escape."""
    import constriction

    model = constriction.stream.model
    return model.Categorical(np.array([255 / 256, 1 / 256]), perfect=False), model.Uniform(256)


@lru_cache(maxsize=256)
def compress(data: bytes) -> bytes:
    """``data``, UTF-8 of at most MAX_BYTES bytes, in as few bytes as the model manages: one more at most.

    Raises ValueError for more bytes, WeightsError without the model.
    """
    import constriction

    if len(data) > MAX_BYTES:
        raise ValueError(f"a text of {len(data)} bytes is too long")
    if not data:
        return b""
    predictor, (mark, byte_model) = load(), _fixed()
    encoder = constriction.stream.queue.RangeEncoder()
    encoder.encode(0, mark)
    context = (END,) * (ORDER - 1)
    for symbol, byte in to_symbols(data):
        encoder.encode(symbol, predictor.model(context))
        if byte >= 0:
            encoder.encode(byte, byte_model)
        context = (*context[1:], symbol)
    shortest = _shortest(encoder.get_compressed().astype(">u4").tobytes(), data)
    if len(shortest) <= len(data) and len(shortest) < MAX_BYTES:
        return shortest
    return data if len(data) == MAX_BYTES else bytes([PLAIN]) + data


def _shortest(coded: bytes, data: bytes) -> bytes:
    """The fewest bytes that mean ``data``. The coder ends on a whole word; the last bytes of it often do not matter."""
    for length in range(max(1, len(coded) - 8), len(coded)):
        head = coded[:length]
        for candidate in (head, (int.from_bytes(head) + 1).to_bytes(length + 1)[1:]):
            if _decode(candidate, len(data)) == data:
                return candidate
    return coded


def expand(coded: bytes) -> bytes | None:
    """Inverse of :func:`compress`; None for what it cannot have returned, or for more than MAX_BYTES bytes.

    Takes bounded time whatever is given. Raises WeightsError.
    """
    if not coded:
        return b""
    if coded[0] == PLAIN:
        data: bytes | None = coded[1:]
    else:
        data = coded if len(coded) == MAX_BYTES else _decode(coded, MAX_BYTES)
    return data if data is not None and len(data) <= MAX_BYTES and compress(data) == coded else None


def _decode(coded: bytes, most: int) -> bytes | None:
    """What the coder makes of ``coded``, or None where that is nothing or more than ``most`` bytes."""
    import constriction

    predictor, (mark, byte_model) = load(), _fixed()
    padded = coded + bytes(-len(coded) % 4 + 12)  # the coder reads ahead
    data = bytearray()
    context = (END,) * (ORDER - 1)
    try:
        decoder = constriction.stream.queue.RangeDecoder(np.frombuffer(padded, dtype=">u4").astype(np.uint32))
        if decoder.decode(mark):
            return None
        while len(data) <= most:
            symbol = int(decoder.decode(predictor.model(context)))
            if symbol == END:
                return bytes(data)
            data.append(int(decoder.decode(byte_model)) if symbol == ESCAPE else symbol + _OFFSET)
            context = (*context[1:], symbol)
    except (AssertionError, ValueError):  # a stream that no encoder writes
        return None
    return None

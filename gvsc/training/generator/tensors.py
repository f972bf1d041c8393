"""Large tables of numbers in one safetensors file: written row by row, read without being copied into memory.

The format (8 bytes length, a header in JSON, the tensors) is the library's own, which reads what is written here. Its
writer wants all tensors in memory at once; a pool may be larger than that.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike, NDArray
from safetensors import SafetensorError, safe_open

_NAMES: Final = {"f4": "F32", "f2": "F16", "u1": "U8", "i1": "I8", "i4": "I32", "i8": "I64"}
_ALIGNMENT: Final = 8

Shapes = Mapping[str, tuple[tuple[int, ...], DTypeLike]]


def create(file: Path, shapes: Shapes, metadata: Mapping[str, str]) -> dict[str, NDArray[Any]]:
    """Makes a file of zeros, and arrays that write through to it. Raises OSError."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    offset = 0
    # the widest values first: each tensor then begins where its values may
    order = sorted(shapes, key=lambda name: -np.dtype(shapes[name][1]).itemsize)
    for name in order:
        shape, kind = shapes[name]
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(kind).itemsize
        code = _NAMES[np.dtype(kind).str[1:]]
        header[name] = {"dtype": code, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with file.open("wb") as opened:
        opened.write(struct.pack("<Q", len(text)) + text)
        if offset:
            # all of it now: what finds the disk full later, through memory, is killed
            os.posix_fallocate(opened.fileno(), 8 + len(text), offset)
    arrays: dict[str, NDArray[Any]] = {}
    for name in order:
        shape, kind = shapes[name]
        begin = 8 + len(text) + header[name]["data_offsets"][0]
        if 0 in shape:
            arrays[name] = np.empty(shape, kind)
        else:
            arrays[name] = np.memmap(file, kind, "r+", begin, shape)
    return arrays


def read(file: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """All tensors of a file, mapped into memory, and its metadata. Raises OSError or ValueError."""
    try:
        with safe_open(file, "pt") as stored:
            names = stored.keys()
            return {name: stored.get_tensor(name).numpy() for name in names}, dict(stored.metadata() or {})
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def about(file: Path) -> dict[str, str]:
    """The metadata alone. Raises OSError or ValueError."""
    try:
        with safe_open(file, "pt") as stored:
            return dict(stored.metadata() or {})
    except SafetensorError as error:
        raise ValueError(str(error)) from error

"""Scalars in TensorBoard's event files, written here so that training needs no further package.

A file is a row of TFRecords: length (uint64), masked CRC-32C of the length, the record, masked CRC-32C of the record,
all little-endian. A record is an ``Event`` message of tensorboard/compat/proto/event.proto; the few fields that scalars
need are put together by hand.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_POLYNOMIAL: Final = 0x82F63B78  # of CRC-32C (Castagnoli), bits reversed
_VERSION: Final = b"brain.Event:2"
_SESSION_START: Final = 1


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE: Final = _table()


def crc32c(data: bytes) -> int:
    """CRC-32C: 0xE3069283 for b"123456789"."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)


def record(data: bytes) -> bytes:
    """The bytes as a TFRecord."""
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def _varint(value: int) -> bytes:
    coded = bytearray()
    while value > 0x7F:
        coded.append(value & 0x7F | 0x80)
        value >>= 7
    coded.append(value)
    return bytes(coded)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def event(wall_time: float, step: int, what: bytes) -> bytes:
    """An ``Event`` message: seconds since 1970 (field 1), step (2), and one of its other fields, already coded."""
    return _varint(1 << 3 | 1) + struct.pack("<d", wall_time) + _number(2, step) + what


def scalars(values: Mapping[str, float]) -> bytes:
    """The field ``summary`` of an event, with a value for each tag."""
    coded = (
        _bytes(1, _bytes(1, tag.encode()) + _varint(2 << 3 | 5) + struct.pack("<f", value))
        for tag, value in values.items()
    )
    return _bytes(5, b"".join(coded))


class EventWriter:
    """A new event file in a folder. Each start of a run writes its own; TensorBoard reads them as one."""

    def __init__(self, folder: Path, step: int) -> None:
        """``step`` is where the run goes on: what an earlier start wrote after it no longer counts."""
        now = time.time()
        name = f"events.out.tfevents.{now:.6f}.{socket.gethostname()}.{os.getpid()}"
        self._file = (folder / name).open("wb")
        self._file.write(record(event(now, 0, _bytes(3, _VERSION))))
        self._file.write(record(event(now, step + 1, _bytes(7, _number(1, _SESSION_START)))))
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self._file.close()

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """One event with these scalars, at once on disk as far as a killed process is concerned."""
        self._file.write(record(event(time.time(), step, scalars(values))))
        self._file.flush()

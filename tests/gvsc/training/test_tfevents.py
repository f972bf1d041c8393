"""Event files: the check sum, the framing, and what is read back field by field."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from gvsc.training.tfevents import EventWriter, crc32c, record


def unmasked(stored: bytes) -> int:
    value = (struct.unpack("<I", stored)[0] - 0xA282EAD8) & 0xFFFFFFFF
    return (value >> 17 | value << 15) & 0xFFFFFFFF


def records_in(data: bytes) -> list[bytes]:
    """As a reader of TFRecords takes a file apart."""
    found = []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        assert unmasked(data[8:12]) == crc32c(data[:8])
        body = data[12 : 12 + length]
        assert unmasked(data[12 + length : 16 + length]) == crc32c(body)
        found.append(body)
        data = data[16 + length :]
    return found


def fields_of(message: bytes) -> dict[int, list[int | float | bytes]]:
    """A protocol buffer's fields by number."""
    found: dict[int, list[int | float | bytes]] = {}

    def varint() -> int:
        nonlocal message
        value = shift = 0
        while True:
            byte, message = message[0], message[1:]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while message:
        key = varint()
        if key & 7 == 0:
            value: int | float | bytes = varint()
        else:
            length = {1: 8, 5: 4}.get(key & 7) or varint()
            value, message = message[:length], message[length:]
            if key & 7 in (1, 5):
                value = struct.unpack("<d" if key & 7 == 1 else "<f", value)[0]
        found.setdefault(key >> 3, []).append(value)
    return found


@pytest.mark.parametrize(("data", "crc"), [(b"123456789", 0xE3069283), (b"\0" * 32, 0x8A9136AA), (b"", 0)])
def test_the_check_sum_is_castagnolis(data: bytes, crc: int) -> None:
    assert crc32c(data) == crc  # the vectors of RFC 3720, B.4, and of the CRC catalogue


def test_records_are_framed() -> None:
    assert records_in(record(b"one") + record(b"") + record(b"x" * 300)) == [b"one", b"", b"x" * 300]


def test_scalars_are_read_back(tmp_path: Path) -> None:
    with EventWriter(tmp_path, 300) as events:
        events.write(301, {"train/loss": 0.5, "Größe": -2.0})
    (file,) = tmp_path.glob("events.out.tfevents.*")
    version, start, event = (fields_of(body) for body in records_in(file.read_bytes()))
    assert version[3] == [b"brain.Event:2"]
    assert start[2] == [301]  # what an earlier start wrote from here on is void
    assert fields_of(start[7][0]) == {1: [1]}
    assert event[2] == [301]
    assert 1.7e9 < event[1][0] < 1e10
    values = [fields_of(value) for value in fields_of(event[5][0])[1]]
    assert [(value[1][0].decode(), value[2][0]) for value in values] == [("train/loss", 0.5), ("Größe", -2.0)]

"""Python imports this at start where its folder is on PYTHONPATH: the wall clock goes wrong by $CLOCK_OFFSET_FILE.

The file holds one little-endian double, seconds, which may change at any time. Monotonic clocks go on as they are, as
they do when somebody sets the time of a machine.
"""

import datetime as dt
import mmap
import os
import struct
import time
from pathlib import Path

_place = os.environ.get("CLOCK_OFFSET_FILE")
if _place:
    with Path(_place).open("r+b") as _file:
        _memory = mmap.mmap(_file.fileno(), 8)
    _time, _time_ns, _datetime = time.time, time.time_ns, dt.datetime

    def _offset() -> float:
        return float(struct.unpack("<d", _memory[:8])[0])

    class _ShiftedDatetime(_datetime):
        @classmethod
        def now(cls, tz=None):
            return cls.fromtimestamp(time.time(), tz)

        @classmethod
        def utcnow(cls):
            return cls.fromtimestamp(time.time(), dt.UTC).replace(tzinfo=None)

    time.time = lambda: _time() + _offset()
    time.time_ns = lambda: _time_ns() + int(_offset() * 1e9)
    dt.datetime = _ShiftedDatetime

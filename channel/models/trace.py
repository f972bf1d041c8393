"""White Gaussian noise whose SNR follows a table: an SNR trace, measured or made, read from a CSV file at the start."""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from channel.models.base import MODELS, State
from channel.models.flat import FlatFading
from common.conventions import check_snr_db
from common.errors import SettingError
from common.knobs import Knob
from common.needs import UserFile
from common.start_options import StartOption

MAX_BYTES = 8 << 20
MAX_ROWS = 200_000
MAX_PLACE = 1e9

SECONDS_PER_BURST = Knob(
    "seconds_per_burst",
    "time in a trace by seconds from one burst to the next",
    unit="s",
    low=1e-6,
    high=1e6,
)
TRACE_END = Knob(
    "trace_end",
    "after the last row: begin again, or hold it",
    kind="choice",
    choices=("loop", "hold"),
)


@dataclass(frozen=True)
class Trace:
    """Rows of an SNR trace. ``places`` rise from 0 or later, in bursts or, with ``by_seconds``, in seconds; row k holds
    from its place until the next."""

    places: tuple[float, ...]
    snrs_db: tuple[float, ...]
    by_seconds: bool

    def at(self, place: float, loop: bool) -> float:
        """The SNR in dB at a place. Before the first row its SNR holds. A loop's last row lasts as long as the row
        before it (a lone row for ever)."""
        last = self.places[-1]
        if loop and len(self.places) > 1:
            place = math.fmod(place, last + (last - self.places[-2]))
        return self.snrs_db[max(0, bisect_right(self.places, place) - 1)]


def read_trace(path: Path) -> Trace:
    """Reads a CSV file with the header ``burst,snr_db`` or ``seconds,snr_db``. Raises SettingError, naming the line.

    The path is the operator's own, given at the start; no message of a peer ever names one.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise SettingError(f"{path}: the trace cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingError(f"{path}: the trace is not a text file") from None
    if len(content) > MAX_BYTES:
        raise SettingError(f"{path}: a trace has at most {MAX_BYTES >> 20} MiB")
    reader = csv.reader(text.splitlines())
    places: list[float] = []
    snrs_db: list[float] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        if header not in (["burst", "snr_db"], ["seconds", "snr_db"]):
            raise SettingError(f"the first line must be burst,snr_db or seconds,snr_db, not {','.join(header)[:60]!r}")
        for row in reader:
            if not row:
                continue
            if len(row) != 2:
                raise SettingError(f"a row has 2 values, not {len(row)}")
            place = _place(row[0], whole=header[0] == "burst")
            if places and place <= places[-1]:
                raise SettingError(f"{header[0]} must rise from row to row, and {row[0].strip()[:20]} does not")
            places.append(place)
            snrs_db.append(check_snr_db(row[1]))
            if len(places) > MAX_ROWS:
                raise SettingError(f"a trace has at most {MAX_ROWS} rows")
    except (SettingError, csv.Error) as error:
        raise SettingError(f"{path}, line {max(1, reader.line_num)}: {error}") from None
    if not places:
        raise SettingError(f"{path}: the trace has no rows")
    return Trace(tuple(places), tuple(snrs_db), header[0] == "seconds")


def _place(text: str, *, whole: bool) -> float:
    try:
        place = float(text)
    except ValueError:
        place = math.nan
    if not 0 <= place <= MAX_PLACE or (whole and place != int(place)):
        raise SettingError(f"{text.strip()[:20]!r} is not a {'whole ' if whole else ''}number within 0 … {MAX_PLACE:g}")
    return place


TRACE = StartOption(
    "trace",
    "SNR trace for the model trace: CSV with the columns burst,snr_db or seconds,snr_db.",
    variable="GVSC_TRACE",
    required=True,
    selects=True,
    read=read_trace,
)


@MODELS.register(
    "trace",
    "white Gaussian noise, SNR from a file (--trace)",
    needs=(UserFile("an SNR trace (CSV)", None, "name it with --trace or in GVSC_TRACE", TRACE.variable),),
)
class Traced(FlatFading):
    """Burst q is at place q of a trace by bursts, at q · ``seconds_per_burst`` of one by seconds: the counter of bursts
    is the clock, not the wall, so that a run can be repeated."""

    # A clip of 8 frames at 4 a second lasts 2 s.
    knobs = ((SECONDS_PER_BURST, 2.0), (TRACE_END, "loop"))
    start_options = (TRACE,)

    def snr_db(self, state: State) -> float:
        """The trace's; the parameter ``snr_db`` is not asked."""
        trace: Trace = state.options[TRACE.name]
        place = state.sequence * (state.number(SECONDS_PER_BURST) if trace.by_seconds else 1.0)
        return trace.at(place, loop=state.settings[TRACE_END.name] == "loop")

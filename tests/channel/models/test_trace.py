"""SNR traces: which SNR holds for which burst, and what is not a trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from channel.channel import Channel
from channel.models import trace
from channel.models.trace import Trace, read_trace
from common.errors import SettingError


def written(folder: Path, text: str) -> Path:
    path = folder / "trace.csv"
    path.write_text(text, encoding="utf-8")
    return path


def snrs_db(channel: Channel, bursts: range) -> list[float]:
    return [channel.report(channel.knobs.begin(seq), seq, 1)["snr_set_db"] for seq in bursts]


def test_a_trace_by_bursts_holds_from_row_to_row_and_loops_or_holds(tmp_path: Path) -> None:
    made = read_trace(written(tmp_path, "burst,snr_db\n1,10\n2, -3.5\n\n5,20\n"))
    assert made == Trace((1, 2, 5), (10, -3.5, 20), by_seconds=False)
    channel = Channel(snr_db=0, model="trace", trace=made)
    # The last row lasts as long as the one before it, three bursts; so the loop is 8 long.
    once = [10, 10, -3.5, -3.5, -3.5, 20, 20, 20]
    assert snrs_db(channel, range(24)) == once * 3
    channel.knobs.set("trace_end", "hold")
    assert snrs_db(channel, range(24)) == once + [20] * 16


def test_a_trace_by_seconds_runs_by_the_count_of_bursts(tmp_path: Path) -> None:
    made = read_trace(written(tmp_path, "seconds,snr_db\r\n0,0\r\n3.9,5\r\n4.1,10\r\n"))
    channel = Channel(snr_db=0, model="trace", settings={"trace_end": "hold"}, trace=made)
    assert snrs_db(channel, range(4)) == [0, 0, 5, 10]  # two seconds a burst
    channel.knobs.set("seconds_per_burst", 0.5)
    assert snrs_db(channel, range(10)) == [0] * 8 + [5, 10]


def test_the_noise_has_the_traces_power() -> None:
    channel = Channel(snr_db=50, model="trace", trace=Trace((0, 1), (0.0, 20.0), by_seconds=False))
    nothing = np.zeros(50_000, np.complex64)
    powers = [float(np.mean(np.abs(channel.apply(nothing, seq)) ** 2)) for seq in range(4)]
    assert powers == pytest.approx([1, 0.01, 1, 0.01], rel=0.03)


def test_one_row_is_a_trace() -> None:
    assert snrs_db(Channel(snr_db=0, model="trace", trace=Trace((3,), (7.0,), False)), range(8)) == [7] * 8


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1: the first line must be burst,snr_db or seconds,snr_db"),
        ("0,10\n", "line 1: the first line must be"),
        ("burst,snr_db\n", "has no rows"),
        ("burst,snr_db\n0,10\n0,11\n", "line 3: burst must rise"),
        ("burst,snr_db\n0.5,10\n", "line 2: '0.5' is not a whole number"),
        ("burst,snr_db\n-1,10\n", "line 2: '-1' is not a whole number"),
        ("seconds,snr_db\n1e300,10\n", "line 2: '1e300' is not a number within"),
        ("seconds,snr_db\ninf,10\n", "line 2: 'inf' is not a number within"),
        ("burst,snr_db\n0,nan\n", "line 2: snr_db must lie within"),
        ("burst,snr_db\n0,ten\n", "line 2: snr_db must be a number"),
        ("burst,snr_db\n0,101\n", "line 2: snr_db must lie within"),
        ("burst,snr_db\n0,1,2\n", "line 2: a row has 2 values, not 3"),
    ],
)
def test_what_is_not_a_trace_is_told_by_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(SettingError, match=reason.replace("(", r"\(")):
        read_trace(written(tmp_path, text))


def test_files_that_cannot_be_read_or_are_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError, match="cannot be read"):
        read_trace(tmp_path / "missing.csv")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingError, match="not a text file"):
        read_trace(tmp_path / "binary")
    path = written(tmp_path, "burst,snr_db\n" + "".join(f"{row},1\n" for row in range(9)))
    monkeypatch.setattr(trace, "MAX_ROWS", 8)
    with pytest.raises(SettingError, match="line 10: a trace has at most 8 rows"):
        read_trace(path)
    monkeypatch.setattr(trace, "MAX_BYTES", 20)
    with pytest.raises(SettingError, match="at most"):
        read_trace(path)


def test_without_a_trace_there_is_no_such_model() -> None:
    with pytest.raises(SettingError, match="model must be one of"):
        Channel(snr_db=0, model="trace")

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
    one = np.zeros(1, np.complex64)
    told = [channel.apply_with(channel.knobs.begin(seq), one, seq)[1]["snr_set_db"] for seq in bursts]
    assert told == [channel.snr_set_db(channel.knobs.begin(seq), seq) for seq in bursts]
    return told


def test_a_trace_by_bursts_holds_from_row_to_row_and_loops_or_holds(tmp_path: Path) -> None:
    path = written(tmp_path, "burst,snr_db\n1,10\n2, -3.5\n\n5,20\n")
    assert read_trace(path) == Trace((1, 2, 5), (10, -3.5, 20), by_seconds=False)
    channel = Channel(snr_db=0, model="trace", options={"trace": path})
    # The last row lasts as long as the one before it, three bursts; so the loop is 8 long.
    once = [10, 10, -3.5, -3.5, -3.5, 20, 20, 20]
    assert snrs_db(channel, range(24)) == once * 3
    channel.knobs.set("trace_end", "hold")
    assert snrs_db(channel, range(24)) == once + [20] * 16


def test_a_trace_by_seconds_runs_by_the_count_of_bursts(tmp_path: Path) -> None:
    path = written(tmp_path, "seconds,snr_db\r\n0,0\r\n3.9,5\r\n4.1,10\r\n")
    channel = Channel(snr_db=0, model="trace", settings={"trace_end": "hold"}, options={"trace": path})
    assert snrs_db(channel, range(4)) == [0, 0, 5, 10]  # two seconds a burst
    channel.knobs.set("seconds_per_burst", 0.5)
    assert snrs_db(channel, range(10)) == [0] * 8 + [5, 10]


def test_the_noise_has_the_traces_power(tmp_path: Path) -> None:
    path = written(tmp_path, "burst,snr_db\n0,0\n1,20\n")
    channel = Channel(snr_db=50, model="trace", options={"trace": path})
    nothing = np.zeros(50_000, np.complex64)
    powers = [float(np.mean(np.abs(channel.apply(nothing, seq)) ** 2)) for seq in range(4)]
    assert powers == pytest.approx([1, 0.01, 1, 0.01], rel=0.03)


def test_one_row_is_a_trace(tmp_path: Path) -> None:
    path = written(tmp_path, "burst,snr_db\n3,7\n")
    assert snrs_db(Channel(snr_db=0, model="trace", options={"trace": path}), range(8)) == [7] * 8


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


def test_without_a_trace_the_model_is_listed_and_cannot_be_chosen() -> None:
    reason = "model cannot be trace: it needs --trace FILE or GVSC_TRACE at the start"
    with pytest.raises(SettingError, match=reason):
        Channel(snr_db=0, model="trace")
    channel = Channel(snr_db=0)
    assert "trace" in channel.knobs.describe()["model"]["choices"]
    with pytest.raises(SettingError, match=reason):
        channel.knobs.set("model", "trace")
    assert channel.model == "awgn"


def test_a_trace_alone_selects_the_model_and_another_name_wins(tmp_path: Path) -> None:
    path = written(tmp_path, "burst,snr_db\n0,3\n")
    assert Channel(snr_db=0, options={"trace": path}).model == "trace"
    channel = Channel(snr_db=0, model="rayleigh", options={"trace": path})
    assert channel.model == "rayleigh"
    channel.knobs.set("model", "trace")
    assert channel.model == "trace"
    assert Channel(snr_db=0, options={"trace": None}).model == "awgn"


def test_the_file_is_read_once_for_all_links(tmp_path: Path) -> None:
    path = written(tmp_path, "burst,snr_db\n0,3\n")
    channel = Channel(snr_db=0, options={"trace": path})
    path.unlink()
    assert snrs_db(channel.for_link(2), range(3)) == [3] * 3


def test_a_broken_trace_is_told_whatever_model_is_chosen(tmp_path: Path) -> None:
    path = written(tmp_path, "burst,snr_db\n0,loud\n")
    for model in (None, "awgn", "trace"):
        with pytest.raises(SettingError, match="line 2: snr_db must be a number"):
            Channel(snr_db=0, model=model, options={"trace": path})

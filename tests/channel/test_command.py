"""`gvsc channel`: mistakes in start options are one line, before any socket is opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from channel.command import command, open_channel


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--model", "trace"], 1, "model cannot be trace: it needs --trace FILE or GVSC_TRACE at the start"),
        (["--trace", "none.csv"], 1, "none.csv: the trace cannot be read"),
        (["--trace", "none.csv", "--model", "awgn"], 1, "none.csv: the trace cannot be read"),
        (["--trace", "."], 2, "is a directory"),
        (["--model", "two-tap"], 2, "'two-tap' is not one of 'awgn'"),
        (["--channel", "erasure_rate=2"], 1, "erasure_rate must be a number within 0 … 1"),
        (["--channel", "trace=drive.csv"], 1, "no setting 'trace' here"),
    ],
)
def test_mistakes_are_one_line(words: list[str], code: int, told: str) -> None:
    done = CliRunner().invoke(command, words, env={"GVSC_TRACE": None})
    assert done.exit_code == code
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert told in line


def test_the_variable_gives_the_trace_too() -> None:
    done = CliRunner().invoke(command, [], env={"GVSC_TRACE": "none.csv"})
    assert (done.exit_code, done.stderr.splitlines()) == (
        1,
        ["Error: none.csv: the trace cannot be read: No such file or directory"],
    )


def test_the_trace_alone_selects_its_model(tmp_path: Path) -> None:
    path = tmp_path / "drive.csv"
    path.write_text("burst,snr_db\n0,3\n")
    assert open_channel(10.0, 1, None, {}, {"trace": path}).model == "trace"
    assert open_channel(10.0, 1, "rician", {"k_factor_db": "3"}, {"trace": path}).model == "rician"
    assert open_channel(10.0, 1, None, {}, {}).model == "awgn"

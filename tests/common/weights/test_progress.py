"""The bar of a download: on a terminal, by bytes, and nothing elsewhere."""

from __future__ import annotations

import io
import sys

import pytest

from common.weights import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_that_ends_full(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("click._termui_impl.isatty", lambda _: True)
    with progress.bar("a-package", 80_000_000) as tell:
        tell(20_000_000)
        halfway = terminal.getvalue()
        tell(90_000_000)  # more than was announced: no more than full
    assert "a-package, 80 MB" in halfway
    assert "25%" in halfway
    assert "100%" in terminal.getvalue()


def test_a_pipe_gets_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar("a-package", 10) as tell:
        tell(5)
    assert capsys.readouterr() == ("", "")

"""Start options: on the command line, from variables, read once, and named after their owners."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from common.errors import SettingError
from common.start_options import StartOption, check_owner, click_options, read_given

FILE = StartOption("pear-file", "A file.", variable="TEST_PEAR", read=lambda path: path.read_text())
WORD = StartOption("plum", "A word.", kind="text")


def command(environment: bool) -> click.Command:
    @click.command()
    @click.option("--before", default=1)
    @click_options((FILE, WORD), "start", environment=environment)
    @click.option("--after", default=2)
    def run(before: int, after: int, start: dict[str, Any]) -> None:
        click.echo(json.dumps([before, after, {name: str(value) for name, value in start.items()}]))

    return run


@pytest.mark.parametrize(
    ("words", "environment", "given"),
    [
        ([], True, {}),
        (["--pear-file", "a b.csv"], True, {"pear-file": "a b.csv"}),
        (["--plum", "x", "--before", "1"], True, {"plum": "x"}),
        ([], "from.csv", {"pear-file": "from.csv"}),
        (["--pear-file", "mine.csv"], "from.csv", {"pear-file": "mine.csv"}),
        ([], "", {}),
    ],
)
def test_the_command_gets_those_that_were_given_by_name(
    words: list[str], environment: Any, given: dict[str, str]
) -> None:
    variables = {"TEST_PEAR": environment if isinstance(environment, str) else None}
    done = CliRunner().invoke(command(True), words, env=variables)
    assert json.loads(done.stdout) == [1, 2, given]


def test_variables_are_not_asked_where_the_command_does_without() -> None:
    done = CliRunner().invoke(command(False), [], env={"TEST_PEAR": "from.csv"})
    assert json.loads(done.stdout) == [1, 2, {}]
    assert "TEST_PEAR" not in CliRunner().invoke(command(False), ["--help"]).stdout
    assert "TEST_PEAR" in CliRunner().invoke(command(True), ["--help"]).stdout


def test_values_are_read_once_and_unknown_names_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("what it says")
    assert read_given((FILE, WORD), {"pear-file": tmp_path / "a", "plum": "x"}) == {
        "pear-file": "what it says",
        "plum": "x",
    }
    assert read_given((FILE, WORD), {"plum": None}) == {}
    with pytest.raises(SettingError, match="no start option is called 'peach'; there are: pear-file, plum"):
        read_given((FILE, WORD), {"peach": "x"})
    with pytest.raises(SettingError, match="there are: none"):
        read_given((), {"peach": None})


def test_the_environment_gives_a_path_or_text(monkeypatch: pytest.MonkeyPatch) -> None:
    assert WORD.from_environment() is None
    monkeypatch.delenv("TEST_PEAR", raising=False)
    assert FILE.from_environment() is None
    monkeypatch.setenv("TEST_PEAR", "")
    assert FILE.from_environment() is None
    monkeypatch.setenv("TEST_PEAR", "a.csv")
    assert FILE.from_environment() == Path("a.csv")
    assert (FILE.flag, FILE.key, FILE.usage) == ("--pear-file", "pear_file", "--pear-file FILE or TEST_PEAR")
    assert WORD.usage == "--plum TEXT"


@pytest.mark.parametrize(("owner", "ok"), [("pear", True), ("pear-file", True), ("pea", False), ("plum", False)])
def test_an_option_bears_the_name_of_its_owner(owner: str, ok: bool) -> None:
    if ok:
        check_owner(owner, (FILE,))
    else:
        with pytest.raises(SettingError, match=f"'pear-file' must be called '{owner}', or begin with '{owner}-'"):
            check_owner(owner, (FILE,))

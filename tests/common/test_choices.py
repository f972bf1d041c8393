"""Options whose choices are names of a registry: which they take, and what they say of a broken plug-in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from common.choices import Registered
from common.registry import Registry


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[Any]:
    """Three fruits, and a broken plug-in `plum`."""
    (tmp_path / "no_fruit_here.py").touch()
    (tmp_path / "bad_orchard.py").write_text("raise ValueError('unripe')\n")
    info = tmp_path / "orchard-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: orchard\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[test.choices]\nplum = bad_orchard\n")
    monkeypatch.syspath_prepend(tmp_path)
    made: Registry[Any] = Registry("fruit", "no_fruit_here", "test.choices")
    for name in ("apple", "pear", "quince"):
        made.register(name, "of a test", sour=name == "quince")(object())
    return made


@pytest.mark.parametrize(
    ("make", "taken"),
    [
        (lambda registry: Registered(registry), ["apple", "pear", "quince"]),
        (lambda registry: Registered(lambda: registry), ["apple", "pear", "quince"]),
        (lambda registry: Registered(registry, lambda entry: not entry.traits["sour"]), ["apple", "pear"]),
        (lambda registry: Registered(registry, names=lambda: ("pear", "any")), ["pear", "any"]),
    ],
)
def test_an_option_takes_the_names_and_says_why_a_plug_in_is_broken(
    registry: Registry[Any], make: Callable[[Registry[Any]], Registered], taken: list[str]
) -> None:
    @click.command()
    @click.option("--fruit", type=make(registry))
    def command(fruit: str) -> None:
        click.echo(fruit)

    def run(name: str) -> tuple[int, str]:
        done = CliRunner().invoke(command, ["--fruit", name])
        return done.exit_code, done.output

    assert {name for name in ("apple", "pear", "quince", "any") if run(name)[0] == 0} == set(taken)
    code, told = run("plum")
    assert code == 2
    assert "the fruit 'plum' of orchard does not load: ValueError: unripe" in told
    code, told = run("fig")
    assert code == 2
    assert f"'fig' is not one of {', '.join(map(repr, taken))}." in told
    assert f"[{'|'.join(taken)}]" in CliRunner().invoke(command, ["--help"]).output

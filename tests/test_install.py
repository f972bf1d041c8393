"""``make install`` on machines that lack something: one apt line that brings it, and nothing half done."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ("make", "sh", "awk", "cat", "cksum", "grep", "id", "rm")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A checkout with a space in its path, and beside it a ``bin`` with the basic tools and no Python."""
    checkout = tmp_path / "a checkout"
    checkout.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, checkout)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None, f"{tool} is needed"
        (tmp_path / "bin" / tool).symlink_to(found)
    return checkout


def program(machine: Path, name: str, script: str) -> None:
    file = machine.parent / "bin" / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def python_without_ensurepip(machine: Path, name: str) -> None:
    """This Python as Debian ships it without python3-venv: ``import ensurepip`` fails."""
    lacking = machine.parent / "lacking"
    lacking.mkdir(exist_ok=True)
    (lacking / "ensurepip.py").write_text("raise ModuleNotFoundError('ensurepip')\n")
    program(machine, name, f'PYTHONPATH="{lacking}" exec "{sys.executable}" "$@"')


def make(machine: Path, target: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", target],
        cwd=machine,
        env={"PATH": str(machine.parent / "bin"), "HOME": str(machine.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


def apt_lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode != 0
    return [line.strip().removeprefix("sudo ") for line in done.stdout.splitlines() if "apt-get" in line]


def test_without_python3_venv_the_one_apt_line_is_printed(machine: Path) -> None:
    python_without_ensurepip(machine, "python3")
    done = make(machine, "install")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert apt_lines(done) == [f"apt-get install -y {version}-venv"]
    assert not (machine / ".venv").exists()


def test_without_python_the_one_apt_line_is_printed(machine: Path) -> None:
    assert apt_lines(make(machine, "install")) == ["apt-get install -y python3 python3-venv"]


def test_a_python_that_is_too_old_is_named(machine: Path) -> None:
    program(machine, "python3", 'case "$1" in --version) echo Python 3.10.12;; *) exit 1;; esac')
    done = make(machine, "install")
    assert apt_lines(done) == ["apt-get install -y python3.11 python3.11-venv"]
    assert "Python 3.10.12 is here" in done.stdout


@pytest.mark.slow
def test_a_name_on_the_path_that_does_not_run_is_passed_over(machine: Path) -> None:
    program(machine, "python3.13", "echo no such version >&2; exit 127")
    python_without_ensurepip(machine, "python3.12")
    program(machine, "python3", f'exec "{sys.executable}" "$@"')
    done = make(machine, "environment")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (machine / ".venv" / "bin" / "python").exists()
    again = make(machine, "environment")
    assert (again.returncode, again.stdout) == (0, "")


def test_help_lists_every_target_of_the_readme(machine: Path) -> None:
    done = make(machine, "help")
    assert done.returncode == 0
    listed = [line.split()[1] for line in done.stdout.splitlines()]
    assert {"install", "demo", "test", "bench", "lint", "help"} <= set(listed)
    assert make(machine, "--silent").stdout == done.stdout

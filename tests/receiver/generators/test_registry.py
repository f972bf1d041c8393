"""Generators in their registry: those of the tree, and one that an installed distribution brings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from common.choices import Registered
from common.errors import SettingError
from common.registry import OWN
from receiver import generators
from receiver.generators import GENERATORS, GeneratorOptions

PLUGIN = """
import numpy as np
from receiver.generators import GENERATORS

class Still:
    name = "still-1.0"
    tasks = frozenset({"text", "frame-text", "sketch-text", "sketches-text"})
    def generate(self, conditions, seed, steps=None, guidance=None):
        return np.full((conditions.frames, 3, conditions.height, conditions.width), 0.25, np.float32)

@GENERATORS.register("still", "a grey clip", memory_gb=0.5, tasks=tuple(Still.tasks))
def load(options):
    return Still()
"""


def test_the_default_is_first_and_every_one_states_its_tasks_and_what_it_reads() -> None:
    assert GENERATORS.default == GENERATORS.names()[0] == "mini"
    assert set(GENERATORS.names()) == {"mini", "wan-vace", "sd35-sketch", "animatediff-sparsectrl"}
    for entry in GENERATORS.entries():
        assert entry.origin == OWN
        assert all(task == "text" or task.endswith("-text") for task in entry.traits["tasks"])
        assert set(entry.options) <= set(GeneratorOptions.__dataclass_fields__)
    assert [entry.name for entry in GENERATORS.entries() if entry.traits.get("chains")] == ["sd35-sketch"]


def test_the_tasks_of_the_default_are_those_it_serves() -> None:
    from receiver.generators.mini.generator import Mini

    assert set(GENERATORS.entry("mini").traits["tasks"]) == Mini.tasks


def test_an_unknown_name_and_a_chain_to_itself_are_refused() -> None:
    with pytest.raises(SettingError, match="no generator is called 'toaster'; there are: mini, "):
        generators.load("toaster")
    with pytest.raises(SettingError, match="cannot be chained to itself"):
        generators.load("sd35-sketch", GeneratorOptions(chain="sd35-sketch"))
    with pytest.raises(SettingError, match="no generator is called 'toaster'"):
        generators.load("sd35-sketch", GeneratorOptions(chain="toaster"))


def test_choices_are_names_of_the_registry() -> None:
    @click.command()
    @click.option("--chain", type=Registered(GENERATORS, lambda entry: not entry.traits.get("chains")))
    @click.argument("name", type=Registered(GENERATORS))
    def command(chain: str | None, name: str) -> None:
        click.echo(f"{chain} {name}")

    assert CliRunner().invoke(command, ["sd35-sketch", "--chain", "mini"]).output == "mini sd35-sketch\n"
    wrong = CliRunner().invoke(command, ["mini", "--chain", "sd35-sketch"])
    assert wrong.exit_code == 2
    assert "'sd35-sketch' is not one of 'mini', 'animatediff-sparsectrl', 'wan-vace'." in " ".join(wrong.output.split())
    shown = CliRunner().invoke(command, ["--help"]).output
    assert "{mini|" in shown
    assert "[mini|animatediff-sparsectrl|wan-vace]" in shown


def test_finding_all_generators_imports_nothing_heavy() -> None:
    program = (
        "import sys; from receiver.generators import GENERATORS; import receiver.command; GENERATORS.names()\n"
        "print(*({'torch', 'diffusers', 'transformers', 'scipy', 'numba', 'huggingface_hub'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def installed(folder: Path, module: str) -> dict[str, str]:
    """The environment of a Python beside whose packages lies a distribution `orchard` with the generator `still`."""
    info = folder / "orchard-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: orchard\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gvsc.generators]\nstill = orchard\n")
    (folder / "orchard.py").write_text(module)
    root = str(Path(__file__).resolve().parents[3])
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), root]), "OMP_NUM_THREADS": "1"}


def run(program: str, environment: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_generator_of_another_distribution_rebuilds_clips_and_serves_single_tasks(tmp_path: Path) -> None:
    environment = installed(tmp_path, PLUGIN)
    program = f"""
import json
from click.testing import CliRunner
from gvsc.cli import main

def call(*words):
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return done.stdout

made = json.loads(call("simulate", "world:1", "--generator", "still", "--out", {str(tmp_path / "out")!r}, "--json"))
assert (made["generator"], made["task"]) == ("still-1.0", "frame-text"), made

from receiver import generators, policy
served = policy.serving(["text=still"], generators.load)
print({{role: one.name for role, one in served.items()}})
listed = [one for one in json.loads(call("models", "list", "--json")) if one["name"] == "still"]
assert [(one["kind"], one["ready"], one["memory_gb"]) for one in listed] == [("generator", True, 0.5)]
assert "|still" in call("bench", "generator", "--help")
assert "still" in call("models", "show", "still")
"""
    minis = ("frame-motion-text", "frame-text", "sketch-text", "sketches-text")
    served = {"text": "still-1.0", **dict.fromkeys(minis, "mini")}
    assert run(program, environment).strip() == str(served)


def test_a_broken_generator_of_another_distribution_is_told_when_it_is_named(tmp_path: Path) -> None:
    environment = installed(tmp_path, "raise RuntimeError('no licence key')")
    program = """
from click.testing import CliRunner
from gvsc.cli import main
for words in (["simulate", "world:1", "--generator", "still", "--out", "out"], ["bench", "generator", "still"]):
    done = CliRunner().invoke(main, words)
    assert done.exit_code, done.output
    print(" ".join(done.stderr.split()))
"""
    told = run(program, environment)
    assert told.count("'still' of orchard does not load: RuntimeError: no licence key") == 2

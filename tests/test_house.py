"""The house: arrows run down only, the channel stays light, and what is packaged is complete."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Container, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from channel.models.base import MODELS
from common.registry import Registry
from common.schemes import SCHEMES
from common.sections import SECTIONS
from gvsc.evaluation.metrics import METRICS
from receiver.generators import GENERATORS

ROOT = Path(__file__).resolve().parent.parent

MAY_IMPORT = {
    "common": set(),
    "transmitter": {"common"},
    "channel": {"common"},
    "receiver": {"common"},
    "gvsc": {"common", "transmitter", "channel", "receiver"},
}
HEAVY = ("torch", "scipy", "numba", "diffusers", "transformers")


def imports_of(file: Path) -> set[str]:
    """The top-level names that a file imports anywhere in it, functions and type checking included."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            assert node.module is not None
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_arrows_run_down_only(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    forbidden = set(MAY_IMPORT) - {package} - MAY_IMPORT[package]
    assert {str(file.relative_to(ROOT)): wrong for file in files if (wrong := imports_of(file) & forbidden)} == {}


def modules() -> dict[str, Path]:
    """Every module of the packages by its dotted name."""
    found = {}
    for package in MAY_IMPORT:
        for file in (ROOT / package).rglob("*.py"):
            parts = file.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def modules_imported_by(file: Path, known: Container[str]) -> set[str]:
    """The modules of ``known`` that a file imports anywhere in it, in functions too."""
    named = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            within = {f"{node.module}.{alias.name}" for alias in node.names}
            named |= {name if name in known else str(node.module) for name in within}
    return {name for name in named if name in known}


def circle(arrows: Mapping[str, set[str]]) -> list[str]:
    """A way along the arrows that ends where it began, or nothing."""
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name not in done:
            for other in sorted(arrows[name]):
                if found := walk(other, [*way, name]):
                    return found
            done.add(name)
        return []

    return next((found for name in sorted(arrows) if (found := walk(name, []))), [])


def test_files_do_not_import_each_other_in_a_circle() -> None:
    known = modules()
    assert circle({name: modules_imported_by(file, known) - {name} for name, file in known.items()}) == []


def test_a_circle_is_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


# Names that may stand in files other than their own, by registry: where they are named for another reason.
ELSEWHERE = (
    "gvsc/bench/",  # a benchmark measures one thing by its name
    "gvsc/training/",  # training is of one thing by its name
    "gvsc/commands/bench.py",
    "transmitter/clips/world/",  # facts of drawn clips
    "gvsc/commands/train",
)
OWN: dict[str, tuple[Registry[Any], tuple[str, ...]]] = {
    "scheme": (SCHEMES, ("common/schemes.py", "common/codecs/", "common/sections/")),  # codecs have names like schemes'
    "section": (
        SECTIONS,
        (
            "common/sections/",
            "common/schemes.py",
            "common/codecs/",  # video standards, and kinds of pictures
            "receiver/generators/",  # conditions and tasks are called after contents
            "gvsc/evaluation/metrics/",  # metrics of sketches
            "gvsc/commands/extract.py",  # its own files are called after what is in them
        ),
    ),
    "channel model": (MODELS, ("channel/models/",)),
    "generator": (GENERATORS, ("receiver/generators/",)),
    "metric": (METRICS, ("gvsc/evaluation/metrics/", "common/codecs/h26x.py")),  # x264 has a tuning called psnr
}


@pytest.mark.parametrize("kind", OWN)
def test_what_is_registered_is_named_in_its_own_file_alone(kind: str) -> None:
    registry, own = OWN[kind]
    names = {entry.name for entry in registry.entries() if entry.origin == "gvsc"}
    assert names
    named = {}
    for package in MAY_IMPORT:
        for file in sorted((ROOT / package).rglob("*.py")):
            place = file.relative_to(ROOT).as_posix()
            if place.startswith((*own, *ELSEWHERE)):
                continue
            constants = [
                node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Constant)
            ]
            found = {node.value for node in constants if isinstance(node.value, str)} & names
            if found:
                named[place] = found
    assert named == {}


def test_every_folder_of_code_is_a_package() -> None:
    folders = {file.parent for package in MAY_IMPORT for file in (ROOT / package).rglob("*.py")}
    assert [str(folder.relative_to(ROOT)) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def declared(*extras: str) -> set[str]:
    """The names of the packages that pyproject.toml asks for, in canonical form."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return {canonicalize_name(Requirement(line).name) for line in wanted}


def test_every_package_that_is_imported_is_declared() -> None:
    providers = packages_distributions()
    undeclared = set()
    for package in MAY_IMPORT:
        for file in (ROOT / package).rglob("*.py"):
            for name in imports_of(file) - set(MAY_IMPORT) - sys.stdlib_module_names:
                # a package of an extra need not be installed; then its import name is taken for its own
                if not {canonicalize_name(provider) for provider in providers.get(name, [name])} & declared("lpips"):
                    undeclared.add(f"{file.relative_to(ROOT)}: {name}")
    assert undeclared == set()


def test_every_declared_package_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert all(len(pin.specifier) == 1 and "==" in str(pin.specifier) for pin in pins)
    assert declared("dev", "lpips") - {canonicalize_name(pin.name) for pin in pins} == set()


def calls_of(file: Path) -> set[tuple[str, ast.Call]]:
    """Every call in a file whose name can be told, as it is written there: ``np.load``, ``eval``."""
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return {
        (ast.unparse(node.func), node)
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute))
    }


def said(call: ast.Call, keyword: str) -> object:
    """The constant that a call gives a keyword, None where it does not."""
    return next((k.value.value for k in call.keywords if k.arg == keyword and isinstance(k.value, ast.Constant)), None)


def what_could_run_code(file: Path) -> list[str]:
    """Where a file imports or calls what runs code that it reads."""
    found = [
        f"{file}: imports {name}"
        for name in imports_of(file) & {"pickle", "cPickle", "joblib", "dill", "shelve", "marshal", "yaml"}
    ]
    for name, call in calls_of(file):
        if (
            name in ("eval", "exec", "compile", "__import__", "os.system")
            or said(call, "shell") is True
            or said(call, "allow_pickle") is True
            or name.endswith("_pyobj")  # ZeroMQ pickles
            or (name == "torch.load" and said(call, "weights_only") is not True)
        ):
            found.append(f"{file}:{call.lineno}: {ast.unparse(call)}")
    return found


def test_nothing_that_is_read_can_run_code() -> None:
    files = [file for package in MAY_IMPORT for file in sorted((ROOT / package).rglob("*.py"))]
    assert files
    assert [place for file in files for place in what_could_run_code(file)] == []


@pytest.mark.parametrize(
    ("line", "runs"),
    [
        ("import pickle", True),
        ("from yaml import load", True),
        ("eval('1')", True),
        ("os.system(name)", True),
        ("subprocess.run(name, shell=True)", True),
        ("np.load(path, allow_pickle=True)", True),
        ("socket.recv_pyobj()", True),
        ("torch.load(path)", True),
        ("torch.load(path, weights_only=False)", True),
        ("torch.load(path, weights_only=told)", True),
        ("torch.load(path, weights_only=True)", False),
        ("np.load(path, allow_pickle=False)", False),
        ("re.compile(name)", False),
    ],
)
def test_what_could_run_code_is_seen(tmp_path: Path, line: str, runs: bool) -> None:
    (tmp_path / "planted.py").write_text(f"def function(path, name, told):\n    {line}\n")
    assert bool(what_could_run_code(tmp_path / "planted.py")) == runs


def test_the_channel_process_imports_nothing_heavy() -> None:
    program = f"import sys, channel.process, channel.command; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        *([name, "--help"] for name in ("channel", "inspect", "control", "transmit", "receive", "simulate")),
        ["control", "--address", "ipc:///nowhere", "get"],
        ["inspect", "--tap", "ipc:///nowhere", "--timeout", "0.05"],
        ["simulate", "no such clip", "--out", "out"],
    ],
)
def test_the_command_starts_without_torch(words: list[str]) -> None:
    program = (
        "import sys, common.control; from click.testing import CliRunner; from gvsc.cli import main\n"
        "common.control.ask.__defaults__ = (0.05,)  # seconds to wait for an answer\n"
        f"done = CliRunner().invoke(main, {words!r}); assert done.exit_code in (0, 1), done.output\n"
        f"print(*[m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.slow
def test_the_wheel_holds_all_code_and_all_weights(tmp_path: Path) -> None:
    tree = tmp_path / "a tree"
    tree.mkdir()
    for package in MAY_IMPORT:
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    wanted = {file.relative_to(tree).as_posix() for file in tree.glob("*/**/*") if file.is_file()}
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*command, "--wheel-dir", str(tmp_path), str(tree)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("gvsc-*.whl")
    with zipfile.ZipFile(wheel) as opened:
        held = set(opened.namelist())
    assert wanted - held == set()
    assert "common/weights/djscc-frame.json" in held
    assert not any(name.startswith("tests/") for name in held)

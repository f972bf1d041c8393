"""The registry of extractors: kinds, start options, and plug-ins, right and wrong ones."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from common.errors import SettingError
from common.start_options import StartOption
from transmitter.extract import description, sketch
from transmitter.extract.base import CAPTIONER, EDGE_EXTRACTOR, EXTRACTORS, Extractors

ROOT = Path(__file__).resolve().parents[3]

LEVEL = StartOption("dull-level", "How dull.", kind="text", variable="TEST_DULL", read=float)
FILE = StartOption("strict-file", "It needs one.", required=True)


class Loaded:
    """Stands for an extractor; holds what its function was given."""

    def __init__(self, **given: Any) -> None:
        self.given = given


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Extractors:
    """An empty package, and in it by hand two captioners, an edge extractor and one of a kind that nobody knows."""
    (tmp_path / "nothing_here").mkdir()
    (tmp_path / "nothing_here" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    made = Extractors("extractor", "nothing_here", "test.extractors")
    made.register("dull", "dull words", kind=CAPTIONER, start_options=(LEVEL,))(Loaded)
    made.register("best", "best words", kind=CAPTIONER, default=True)(Loaded)
    made.register("strict", "strict lines", kind=EDGE_EXTRACTOR, start_options=(FILE,))(Loaded)
    made.register("depth", "depths", kind="depth map")(Loaded)
    return made


def test_each_kind_has_names_and_a_default_of_its_own(registry: Extractors) -> None:
    assert registry.names_of(CAPTIONER) == ("best", "dull")
    assert registry.names_of(EDGE_EXTRACTOR) == ("strict",)
    assert registry.names_of("depth map") == ("depth",)
    assert registry.default_of(CAPTIONER) == "best"
    with pytest.raises(SettingError, match="no edge extractor is the default; there are: strict"):
        registry.default_of(EDGE_EXTRACTOR)
    with pytest.raises(SettingError, match="no smell is the default; there are: none"):
        registry.default_of("smell")
    assert isinstance(registry.load("depth map", "depth"), Loaded)
    assert registry.summaries(CAPTIONER) == "best: best words; dull: dull words"


@pytest.mark.parametrize(("kind", "name"), [(CAPTIONER, "strict"), (EDGE_EXTRACTOR, "best"), (CAPTIONER, "")])
def test_a_name_of_another_kind_is_unknown(registry: Extractors, kind: str, name: str) -> None:
    known = ", ".join(registry.names_of(kind))
    with pytest.raises(SettingError, match=f"no {kind} is called '{name}'; there are: {known}"):
        registry.load(kind, name)


def test_an_extractor_gets_its_own_options_read(registry: Extractors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_DULL", raising=False)
    assert registry.load(CAPTIONER, "dull").given == {}
    assert registry.load(CAPTIONER, "dull", {"dull-level": "3", "strict-file": "x"}).given == {"dull_level": 3.0}
    assert registry.load(CAPTIONER, None, {"dull-level": "3"}).given == {}
    monkeypatch.setenv("TEST_DULL", "4")
    assert registry.load(CAPTIONER, "dull").given == {"dull_level": 4.0}
    assert registry.load(CAPTIONER, "dull", {"dull-level": "3"}).given == {"dull_level": 3.0}
    with pytest.raises(SettingError, match="no start option is called 'level'; there are: dull-level, strict-file"):
        registry.load(CAPTIONER, "dull", {"level": "3"})
    with pytest.raises(SettingError, match="the edge extractor strict needs --strict-file FILE"):
        registry.load(EDGE_EXTRACTOR, "strict")


@pytest.mark.parametrize(
    ("item", "traits", "told"),
    [
        (Loaded, {}, "an extractor states its kind"),
        (Loaded, {"kind": 3}, "an extractor states its kind"),
        ("canny", {"kind": CAPTIONER}, "registers a function that loads it"),
        (Loaded, {"kind": CAPTIONER, "start_options": (LEVEL,)}, "'dull-level' must be called 'new'"),
    ],
)
def test_what_is_no_extractor_is_refused(registry: Extractors, item: Any, traits: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingError, match=told):
        registry.register("new", "new", **traits)(item)
    assert "new" not in registry


def test_names_and_needs_of_those_in_the_tree() -> None:
    assert EXTRACTORS.names_of(CAPTIONER) == ("auto", "captions", "tags", "video-llava", "video-llava-detailed")
    assert EXTRACTORS.names_of(EDGE_EXTRACTOR) == ("pidinet-tiny-gvsc", "canny", "hed", "pidinet")
    assert EXTRACTORS.default_of(CAPTIONER) == "auto"
    assert EXTRACTORS.default_of(EDGE_EXTRACTOR) == "pidinet-tiny-gvsc"
    assert not hasattr(description, "OTHER")
    assert not hasattr(sketch, "OTHER")
    assert {entry.name for entry in EXTRACTORS.entries() if not entry.needs} == {"captions"}
    assert [option.name for option in EXTRACTORS.start_options()] == ["pidinet-weights"]
    importlib.import_module("transmitter.extract.extractors.pidinet")


def test_all_are_listed_without_importing_what_they_run_on() -> None:
    program = (
        "import sys; from transmitter.extract.base import EXTRACTORS; assert len(EXTRACTORS.names()) > 8;"
        "print([m for m in ('torch', 'skimage', 'scipy', 'numba', 'transformers', 'h5py') if m in sys.modules])"
    )
    assert run(program) == []


PLUG_IN = """
from common.needs import Package
from common.start_options import StartOption
from transmitter.extract.base import CAPTIONER, EDGE_EXTRACTOR, EXTRACTORS
from transmitter.extract.description import Description
from transmitter.extract.sketch.base import check_video

WORD = StartOption("parrot-word", "What it says.", kind="text", variable="TEST_PARROT")


@EXTRACTORS.register(
    "parrot", "says one word", kind=CAPTIONER, default=True, start_options=(WORD,), needs=(Package("seeds", "seeds"),)
)
class Parrot:
    name = "parrot"

    def __init__(self, parrot_word="hello"):
        self.word = parrot_word

    def extract(self, clip):
        return Description.of(self.word, self.name)


@EXTRACTORS.register("black", "draws nothing", kind=EDGE_EXTRACTOR)
class Black:
    name = "black"

    def extract(self, video):
        check_video(video)
        return video[..., 0] * 0.0


@EXTRACTORS.register("depth", "how far everything is", kind="depth map", default=True)
def load():
    return 7
"""


def run(program: str, folder: Path | None = None, **variables: str) -> Any:
    """What a program prints, as JSON; ``folder`` holds a plug-in that it sees."""
    places = [str(ROOT), *([str(folder)] if folder else [])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(places)} | variables
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.replace("'", '"')) if done.stdout.startswith("[") else done.stdout


def install(folder: Path, module: str) -> None:
    info = folder / "aviary-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: aviary\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gvsc.extractors]\nparrot = aviary\n")
    (folder / "aviary.py").write_text(module)


SHOW = """
import json
import numpy as np
from common.clip import Clip
from transmitter.extract import description, sketch
from transmitter.extract.base import CAPTIONER, EDGE_EXTRACTOR, EXTRACTORS
clip = Clip(np.zeros((8, 32, 32, 3), np.uint8))
print(json.dumps([
    EXTRACTORS.names_of(CAPTIONER), EXTRACTORS.default_of(CAPTIONER), EXTRACTORS.names_of(EDGE_EXTRACTOR),
    description.load("parrot").extract(clip).text,
    description.load("parrot", {"parrot-word": "mine"}).extract(clip).text,
    sketch.load("black").extract(clip.video).shape,
    EXTRACTORS.load("depth map", "depth"), EXTRACTORS.entry("depth").origin,
    EXTRACTORS.default_of("depth map"),
]))
"""


def test_a_plug_in_adds_both_kinds_and_a_new_one(tmp_path: Path) -> None:
    install(tmp_path, PLUG_IN)
    captioners, default, edges, said, given, shape, depth, origin, of_its_kind = run(SHOW, tmp_path)
    assert of_its_kind == "depth"  # nobody else has one of the kind
    assert captioners == ["auto", "captions", "tags", "video-llava", "video-llava-detailed", "parrot"]
    assert default == "auto"  # a plug-in does not become the default by being installed
    assert edges == ["pidinet-tiny-gvsc", "canny", "hed", "pidinet", "black"]
    assert (said, given, shape, depth, origin) == ("hello", "mine", [8, 32, 32], 7, "aviary")
    assert run(SHOW, tmp_path, TEST_PARROT="hi")[3] == "hi"


def test_commands_offer_a_plug_in_and_the_model_registry_lists_it(tmp_path: Path) -> None:
    install(tmp_path, PLUG_IN)
    pages = run(
        """
from click.testing import CliRunner
from gvsc.cli import main
for command in ("extract", "transmit", "simulate"):
    done = CliRunner().invoke(main, [command, "--help"])
    assert "--parrot-word TEXT" in done.stdout and "--pidinet-weights FILE" in done.stdout, command
for words in (["extract", "--help"], ["transmit", "--help"], ["models", "list"], ["models", "show", "parrot"]):
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    print(done.stdout)
""",
        tmp_path,
    )
    for told in ("|parrot]", "|black]", "--parrot-word TEXT", "says one word", "depth maps", "no package seeds"):
        assert told in pages


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("import a_package_that_is_not_there", "No module named"),
        (PLUG_IN.replace('"parrot", "says', '"tags", "says'), "must be called"),
        (PLUG_IN.replace('"parrot-word"', '"sketch"'), "the start option"),
        (PLUG_IN.replace("kind=CAPTIONER, ", ""), "states its kind"),
        (PLUG_IN.replace("parrot", "seed").replace("seed-word", "seed"), "a start option cannot be called 'seed'"),
    ],
)
def test_a_broken_plug_in_is_told_when_it_is_asked_for(tmp_path: Path, module: str, told: str) -> None:
    install(tmp_path, module)
    shown = run(
        """
from common.errors import SettingError
from transmitter.extract import description
from transmitter.extract.base import CAPTIONER, EXTRACTORS
assert EXTRACTORS.names_of(CAPTIONER)[0] == "auto" and "parrot" not in EXTRACTORS
try:
    description.load("parrot")
except SettingError as error:
    print(error)
from click.testing import CliRunner
from gvsc.cli import main
for command, *rest in (["transmit"], ["simulate", "--out", "o"], ["extract", "--out", "o"]):
    done = CliRunner().invoke(main, [command, "world:1", *rest, "--describe", "parrot"])
    print(command, done.exit_code, "of aviary does not load" in " ".join(done.output.split()))
""",
        tmp_path,
    )
    assert "the extractor 'parrot' of aviary does not load: " in shown
    assert told in shown
    assert [line.split() for line in shown.splitlines()[-3:]] == [
        [command, "2", "True"] for command in ("transmit", "simulate", "extract")
    ]

"""Training as a person runs it: the command, on a machine with everything and on one with little but torch."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from safetensors.torch import load_file

from common.codecs.djscc_rgb import RgbCodec
from common.codecs.djscc_sketch import SketchCodec
from gvsc.commands.train import command
from gvsc.training import prepared
from gvsc.training.options import NAMES, OPTIONS
from gvsc.training.prepared import Prepared
from gvsc.training.recipe import Recipe, variants

ROOT = Path(__file__).resolve().parents[3]

SHORT = ("--threads", "1", "--set", "stages = [{ share = 1.0, batch = 1, crop = 32 }]")


def encoded(picture: np.ndarray, form: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, form)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    square = rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    lines = np.zeros((256, 256, 3), np.uint8)
    lines[::12], lines[:, ::12] = 255, 255
    sections = {
        "photos": [encoded(np.tile(square, (1, 2, 1)), "JPEG")],
        "clips": [encoded(square, "JPEG")] * 8,
        "held_out_clips": [encoded(square, "JPEG")] * 8,
        "held_out_pictures": [encoded(square, "PNG")],
        "sketches": [encoded(lines, "WEBP")] * 2,
        "held_out_sketches": [encoded(lines, "WEBP")],
    }
    names = {"photos": ["noise"], "clips": ["noise-000-0-0"], "held_out_clips": ["noise-001-0-0"]}
    file = tmp_path_factory.mktemp("data") / "prepared.safetensors"
    prepared.write(file, Prepared(sections, names, "Noise, in the public domain."))
    return file


def gvsc_train(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


@pytest.mark.slow
def test_a_codec_is_trained_measured_and_given_a_card(data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    arguments = ("djscc-sketch", "--data", str(data), "--run", str(run), *SHORT, "--set", "loss.k=1", "--steps")
    done = gvsc_train(*arguments, "2")
    assert done.exit_code == 0, done.output
    weights = run / "djscc-sketch.safetensors"
    assert done.stdout == f"{weights}\n"
    assert re.search(r"step 2  100\.0 %  [\d.]+ steps/s  loss [\d.]+  rate \S+  0:00:\d\d, 0:00:00 to go", done.stderr)
    assert SketchCodec.load(weights).encode(np.zeros((32, 32), np.float32), 0.0).shape == (16,)
    card = (run / "djscc-sketch.md").read_text()
    for said in (
        "- 2 steps of Adam",
        "Noise, in the public domain.",
        "gvsc train djscc-sketch",
        "| edge F1 |",
        "SHA-256",
    ):
        assert said in card
    (recipe,) = re.findall(r"```toml\n(.*?)```", card, re.DOTALL)
    assert Recipe.parse(recipe).loss.k == 1.0
    again = gvsc_train(*arguments, "3")
    assert again.exit_code == 0
    assert "goes on from step 2" in again.stderr
    assert len(list(run.glob("events.out.tfevents.*"))) == 2
    other = gvsc_train(*arguments, "3", "--seed", "8")
    assert (other.exit_code, other.stderr.count("\n")) == (1, 1)
    assert "another seed" in other.stderr


@pytest.mark.slow
def test_djscc_rgb_goes_from_the_weights_of_djscc_frame_by_default(data: Path, tmp_path: Path) -> None:
    done = gvsc_train("djscc-rgb", "--data", str(data), "--run", str(tmp_path), *SHORT, "--steps", "1")
    assert done.exit_code == 0, done.output
    committed = load_file(ROOT / "common" / "weights" / "djscc-frame.safetensors")
    trained = load_file(tmp_path / "djscc-rgb.safetensors")
    name = "decoder.stage_8.blocks.0.first.weight"
    assert 0 < (committed[name] - trained[name]).abs().max() < 1e-3
    RgbCodec.load(tmp_path / "djscc-rgb.safetensors")
    assert "PSNR (dB), linear code" in (tmp_path / "djscc-rgb.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--device", "tpu"), "must be cpu or cuda"),
        (("--device", "cuda"), "CUDA"),
        (("--recipe", "none"), "default, paper, or a file"),
        (("--set", "loss.k=2"), "--set 'loss.k=2': [loss] k must be within"),
        (("--set", "foo"), "--set 'foo': not TOML"),
        (("--recipe", "broken.toml"), "recipe broken.toml: not TOML"),
        (("--hours", "1", "--steps", "1"), "not both"),
        (("--steps", "0"), "more than 0"),
        (("--threads", "0"), "--threads must be within 1 … 1024, not 0"),
        (("--threads", "5000"), "--threads must be within 1 … 1024"),
        (("--seed", "-1"), "--seed must be within 0 … 9223372036854775807, not -1"),
        (("--seed", str(2**63), "--steps", "1"), "--seed must be within"),
        (("--recipe", "paper"), "vgg16"),
        (("--set", "start.weights='none'"), "unknown weights"),
        (("--data", "none.safetensors"), "no prepared file"),
        (("--data", "."), "no sketches"),
    ],
)
def test_mistakes_are_told_in_a_line(
    arguments: tuple[str, ...], said: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.delattr("torch.set_num_threads")  # thousands would come alive
    given = ["djscc-sketch", "--data", str(data), "--run", str(tmp_path / "run"), "--set", "loss.k=1.0"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.toml").write_text("about: none")
    if arguments == ("--recipe", "paper"):
        given = given[:-2]
    done = gvsc_train(*given, *arguments)
    assert done.exit_code == 1, done.output
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_what_the_command_itself_can_refuse_comes_before_the_data(tmp_path: Path) -> None:
    for wrong in (("--seed", "-1"), ("--threads", "0")):
        done = gvsc_train("djscc-frame", "--data", str(tmp_path / "none"), "--run", str(tmp_path / "run"), *wrong)
        assert wrong[0] in done.stderr
        assert not (tmp_path / "run").exists()


def test_a_device_that_is_not_there_is_told_with_those_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    given = ("djscc-frame", "--data", str(tmp_path / "none"), "--run", str(tmp_path / "run"), "--device")
    done = gvsc_train(*given, "cuda:99")
    assert (done.exit_code, done.stderr) == (1, "Error: this machine has no cuda:99; it has cuda:0, cuda:1\n")
    assert "no prepared file" in gvsc_train(*given, "cuda:1").stderr
    assert "no prepared file" in gvsc_train(*given, "cuda").stderr


def test_the_help_names_every_recipe() -> None:
    (told,) = [option.help for option in OPTIONS if option.name == "recipe"]
    for name in NAMES:
        for variant in variants(name):
            assert re.search(rf"\b{variant}\b", told)


def test_every_codec_has_a_command_with_the_same_options() -> None:
    assert set(NAMES) <= set(command.commands)
    for name in NAMES:
        shown = gvsc_train(name, "--help").output
        for flag in ("--recipe", "--set", "--device", "--hours", "--steps", "--run", "--data", "--threads", "--seed"):
            assert flag in shown


BARE = """
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder

ALLOWED = {
    "torch", "numpy", "PIL", "safetensors", "common", "gvsc", "transmitter", "__main__",
    # what torch itself asks for
    "torchgen", "functorch", "typing_extensions", "sympy", "mpmath", "networkx", "jinja2", "markupsafe", "filelock",
    "fsspec",
}
refused = set()

class Bare(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        top = name.split(".")[0]
        if top in ALLOWED or top in sys.stdlib_module_names or top.startswith("_sysconfigdata"):
            return super().find_spec(name, path, target)
        refused.add(top)

sys.meta_path[:] = [BuiltinImporter, FrozenImporter, Bare]
from gvsc.training.train import main
main(sys.argv[1:])
print("refused:", *sorted(refused))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "settings"),
    [("djscc-frame", "start.weights='djscc-frame'"), ("djscc-sketch", "loss.k=0.3")],
)
def test_training_needs_nothing_but_torch_numpy_pillow_and_safetensors(
    name: str, settings: str, data: Path, tmp_path: Path
) -> None:
    arguments = [name, "--data", str(data), "--run", str(tmp_path), *SHORT, "--set", settings, "--steps", "2"]
    done = subprocess.run(
        [sys.executable, "-c", BARE, *arguments],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "click" not in done.stdout
    assert ("scipy" in done.stdout) == (name == "djscc-sketch")  # its edge F1 is left out then
    card = (tmp_path / f"{name}.md").read_text()
    assert "| PSNR (dB)" in card
    assert "edge F1" not in card
    assert (tmp_path / f"{name}.safetensors").exists()

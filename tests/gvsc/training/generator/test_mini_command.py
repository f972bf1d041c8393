"""`gvsc train mini`: parts, cards and the pipeline, from one file and little else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from gvsc.commands.train import command
from gvsc.training.fetch import FetchError
from gvsc.training.generator import prepare, source
from gvsc.training.generator.export import export
from gvsc.training.generator.plan import PARTS, MiniRecipe
from gvsc.training.recipe import find
from receiver.generators.mini.latent import PatchLatent
from receiver.generators.mini.layout import Layout
from receiver.generators.mini.mover import Mover
from receiver.generators.mini.painter import Painter
from receiver.generators.mini.pipeline import MiniPipeline

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def settings(tiny_lines: tuple[str, ...]) -> list[str]:
    return [word for line in tiny_lines for word in ("--set", line)]


@pytest.mark.slow
def test_mini_is_trained_part_by_part_and_becomes_a_pipeline(
    settings: list[str], small_file: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    arguments = ["--data", str(small_file), "--run", str(run), "--threads", "1", *settings]
    alone = CliRunner().invoke(command, ["mini-mover", *arguments, "--steps", "2"])
    assert alone.exit_code == 0, alone.output
    assert alone.stdout == f"{run / 'mover' / 'mini-mover.safetensors'}\n"
    done = CliRunner().invoke(command, ["mini", *arguments, "--steps", "9"])
    assert done.exit_code == 0, done.output
    assert "mini-mover: goes on from step 2" in done.stderr
    pipeline = MiniPipeline.load(run / "mini")
    clip = pipeline(height=64, width=64, num_inference_steps=1, generator=torch.Generator().manual_seed(0))
    assert clip.shape == (8, 3, 64, 64)
    card = (run / "mini.md").read_text()
    for said in (
        "- painter:",
        "5 steps of AdamW",
        "Noise, in the public domain.",
        "painter/config.json",
        "[decoder.network]",
    ):
        assert said in card
    recipe = card.split("```toml\n")[1].split("```")[0]
    assert MiniRecipe.parse(recipe).painter.batch == 6
    assert list((run / "painter").glob("events.out.tfevents.*"))
    assert "mini-decoder.safetensors" in (run / "decoder" / "mini-decoder.md").read_text()


def test_mistakes_are_told_in_a_line(small_file: Path, tmp_path: Path) -> None:
    for wrong, said in (
        (["--data", str(tmp_path / "none")], "prepare-mini"),
        (["--set", "painter.real=3.0"], "within 0 … 1"),
        (["--recipe", "paper"], "no recipe 'paper' of mini"),
        (["--hours", "1", "--steps", "1"], "not both"),
    ):
        given = ["mini-painter", "--data", str(small_file), "--run", str(tmp_path / "run"), *wrong]
        done = CliRunner().invoke(command, given)
        assert (done.exit_code, done.stderr.count("\n")) == (1, 1), done.output
        assert said in done.stderr


def test_the_pipeline_is_written_in_small_files_and_loads(tiny_lines: tuple[str, ...], tmp_path: Path) -> None:
    recipe = MiniRecipe.parse(find("mini", "default")[1], [line for line in tiny_lines if "mover.network" in line])
    torch.manual_seed(0)
    sizes = {"painter": recipe.painter.network, "mover": recipe.mover.network, "decoder": recipe.decoder.network}
    sizes["layout"] = recipe.layout.network
    networks = {"painter": Painter, "mover": Mover, "decoder": PatchLatent, "layout": Layout}
    made = {name: kind(**vars(sizes[name])) for name, kind in networks.items()}
    folder = tmp_path / "mini"
    export(recipe, {name: network.state_dict() for name, network in made.items()}, folder)
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert all(file.stat().st_size <= 16 * 2**20 for file in files)
    assert {file.relative_to(folder).parts[0] for file in files} == {
        "model_index.json", "painter", "mover", "layout", "vae", "scheduler",
    }  # fmt: skip
    loaded = MiniPipeline.load(folder)
    for name, part in (
        ("painter", loaded.painter),
        ("mover", loaded.mover),
        ("layout", loaded.layout),
        ("decoder", loaded.vae),
    ):
        for key, tensor in made[name].state_dict().items():
            assert torch.equal(part.state_dict()[key], tensor.half().float()), key


def test_a_data_folder_is_packed(tmp_path: Path) -> None:
    with pytest.raises(FetchError):
        prepare.prepare(tmp_path, tmp_path / "out", clips=1)
    (tmp_path / "photos" / "train").mkdir(parents=True)
    np.save(tmp_path / "photos" / "train" / "Aqua.640.npy", np.full((300, 320, 3), 90, np.uint8))
    np.save(tmp_path / "clips-train.npy", np.full((2, 8, 256, 256, 3), 40, np.uint8))
    (tmp_path / "clips-train.json").write_text('["film-002-00001-0", "film-002-00009-0"]')
    file = tmp_path / "prepared-mini.safetensors"

    def embed(texts: list[str]) -> list[np.ndarray]:
        return [np.full((len(text.split()), 4), len(text), np.float32) for text in texts]

    prepare.prepare(tmp_path, file, clips=3, real_clips=5, embed=embed)
    made = source.load(file)
    assert (made.count, made.clip_names) == (3, ["film-002-00009-0"])
    assert made.captions[made.clip_texts[0]] == "a purple bird sings on a branch"
    assert made.captions[made.photo_texts[0]].startswith("A drop falls")
    world = made.world(made.pictures())
    assert [made.captions[text] for text in made.world_texts[:, 0]] == [world[number].caption for number in range(3)]
    assert len(made.words[int(made.world_texts[2, 1])]) == len(world[2].caption.split())


BARE = """
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder

ALLOWED = {
    "torch", "numpy", "PIL", "safetensors", "common", "gvsc", "transmitter", "receiver", "__main__",
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
def test_training_needs_nothing_but_torch_numpy_pillow_and_safetensors(
    settings: list[str], small_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    bare = tmp_path / "data" / "p.safetensors"
    bare.write_bytes(small_file.read_bytes())  # unfolded there, too
    arguments = [
        "mini",
        "--data",
        str(bare),
        "--run",
        str(tmp_path / "run"),
        "--threads",
        "1",
        *settings,
        "--steps",
        "3",
    ]
    done = subprocess.run(
        [sys.executable, "-c", BARE, *arguments],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not {"click", "diffusers", "tokenizers", "transformers"} & set(done.stdout.split())
    assert (tmp_path / "run" / "mini" / "model_index.json").is_file()
    for part in PARTS:
        assert (tmp_path / "run" / part / f"mini-{part}.md").exists()

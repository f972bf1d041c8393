"""The training loop: runs that are killed, stopped and mistaken for others; the moving average; batches drawn ahead."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from gvsc.training import engine
from gvsc.training.recipe import Length, Loss, Optimiser, Recipe, Snr, Stage
from gvsc.training.run import Run, RunError, held

ROOT = Path(__file__).resolve().parents[3]

RECIPE = Recipe(
    "A line.",
    Length(steps=12),
    Optimiser(0.05, 0.01, warm_up_steps=3, averaging=0.9, clip_norm=1.0),
    (Stage(0.5, 4, 32), Stage(0.5, 2, 64)),
    Snr((0.0, 10.0)),
    Loss("mse"),
)


@dataclass(frozen=True)
class Points:
    x: Tensor
    y: Tensor
    size: int

    def to(self, device: torch.device) -> Points:
        return Points(self.x.to(device), self.y.to(device), self.size)


class Line:
    """Learns y = 3·x − 1 with a small network; at one draw it may do something to its process."""

    name = "line"

    def __init__(self, at: int = -1, happens: object = None) -> None:
        self.at, self.happens, self.drawn = at, happens, 0
        self.sizes: list[int] = []

    def model(self, stored: Mapping[str, Tensor] | None) -> nn.Module:
        return nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))

    def draw(self, stage: Stage, rng: np.random.Generator) -> Points:
        if self.drawn == self.at:
            self.happens()
        self.drawn += 1
        self.sizes.append(stage.crop)
        x = torch.from_numpy(rng.uniform(-1.0, 1.0, (stage.batch, 1))).float()
        return Points(x, 3.0 * x - 1.0, stage.crop)

    def loss(self, model: nn.Module, batch: Points) -> Tensor:
        return (model(batch.x).float() - batch.y).square().mean()

    def watch(self, model: nn.Module) -> dict[str, float]:
        x = torch.linspace(-1.0, 1.0, 9)[:, None]
        with torch.inference_mode():
            return {"error": float((model(x) - 3.0 * x + 1.0).square().mean())}


def train(
    folder: Path, task: Line | None = None, recipe: Recipe = RECIPE, seed: int = 1, every: float = 0.0, data: str = ""
) -> Run:
    folder.mkdir(exist_ok=True)
    told: list[str] = []
    options = engine.Options(seed, torch.device("cpu"), told.append, "a machine", data, checkpoint_seconds=every)
    run = engine.train(task or Line(), recipe, folder, options)
    run.told = told
    return run


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{tests!r}, {root!r}]
from test_engine import Line, train
import torch
torch.set_num_threads(1)
kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if {where!r} == "draw":
    train(Path({folder!r}), Line(at=7, happens=kill))
else:
    replace, count = Path.replace, []
    def replaced(self, to):
        count.append(to)
        if len(count) == 7:
            kill()
        return replace(self, to)
    Path.replace = replaced
    train(Path({folder!r}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("where", ["draw", "save"])
def test_a_run_that_was_killed_ends_as_if_it_had_not_been(where: str, tmp_path: Path) -> None:
    whole = train(tmp_path / "whole")
    folder = tmp_path / "killed"
    program = KILLED.format(tests=str(Path(__file__).parent), root=str(ROOT), folder=str(folder), where=where)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (folder / "checkpoint.partial").exists() == (where == "save")
    resumed = train(folder)
    assert "goes on from step " + ("7" if where == "draw" else "6") in resumed.told[0]
    assert resumed.step == whole.step == 12
    first, second = (load_file(run.file) for run in (whole, resumed))
    assert first.keys() == second.keys()
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_training_lowers_the_error_and_tells_it(tmp_path: Path) -> None:
    run = train(tmp_path, recipe=replace(RECIPE, length=Length(steps=120)))
    assert "before training" in run.told[0]
    before, after = (float(line.split()[-1]) for line in (run.told[0], run.told[-1]))
    assert after < 0.2 * before
    assert "100.0 %" in run.told[-2]
    assert "0:00:00 to go" in run.told[-2]


def test_a_finished_run_is_not_trained_further_and_a_longer_one_is(tmp_path: Path) -> None:
    first = train(tmp_path)
    again = train(tmp_path, task := Line())
    assert task.drawn == 0
    assert all(torch.equal(tensor, first.averaged[name]) for name, tensor in again.averaged.items())
    longer = train(tmp_path, recipe=replace(RECIPE, length=Length(steps=15)))
    assert longer.step == 15
    assert longer.notes["machines"] == "a machine"


def test_hours_are_of_running_time_over_all_starts(tmp_path: Path) -> None:
    recipe = replace(RECIPE, length=Length(hours=0.2 / 3600.0))
    began = time.monotonic()
    run = train(tmp_path, recipe=recipe, every=1e9)
    assert 0.2 <= run.seconds <= time.monotonic() - began
    assert train(tmp_path, recipe=recipe).step == run.step
    assert "100.0 %" in run.told[-2]
    assert "-" not in run.told[-2].rsplit(", ", 1)[1]


def test_stages_come_in_turn(tmp_path: Path) -> None:
    train(tmp_path, task := Line())
    assert task.sizes == [32] * 6 + [64] * 6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 2}, "another seed"),
        ({"data": "x"}, "another data"),
        ({"recipe": replace(RECIPE, loss=Loss("rmse"))}, "another recipe"),
    ],
)
def test_a_run_does_not_go_on_as_another(tmp_path: Path, change: dict[str, object], said: str) -> None:
    train(tmp_path)
    with pytest.raises(RunError, match=said):
        train(tmp_path, **change)


def test_a_broken_checkpoint_is_told(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes(b"half a checkpoint")
    with pytest.raises(RunError, match="delete it to begin again"):
        train(tmp_path)


def test_an_interrupt_leaves_a_checkpoint(tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, Line(at=5, happens=interrupt), every=1e9)
    assert train(tmp_path).told[0].startswith("line: goes on from step 5")


def test_a_loss_that_is_no_number_ends_training_and_spares_the_checkpoint(tmp_path: Path) -> None:
    class Bad(Line):
        def loss(self, model: nn.Module, batch: Points) -> Tensor:
            return super().loss(model, batch) * (float("nan") if self.drawn > 4 else 1.0)

    with pytest.raises(engine.TrainingError, match="step 5 is not a number"):
        train(tmp_path, Bad())
    kept = load_file(tmp_path / "checkpoint.safetensors")
    assert all(tensor.isfinite().all() for tensor in kept.values())


def test_only_one_process_trains_in_a_folder(tmp_path: Path) -> None:
    with held(tmp_path / "run"), pytest.raises(RunError, match="another process"), held(tmp_path / "run"):
        pass
    with held(tmp_path / "run"):
        pass
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot write"), held(tmp_path / "file"):
        pass


def test_batches_drawn_ahead_are_those_of_their_steps() -> None:
    def batch(step: int) -> int:
        time.sleep(0.002 * (step % 3))  # later ones are often ready first
        return step

    with engine._Batches(batch, 5, threads=3) as batches:
        assert [batches.next() for _ in range(20)] == list(range(5, 25))
    with engine._Batches(batch, 5, threads=0) as batches:
        assert [batches.next() for _ in range(3)] == [5, 6, 7]


def test_the_moving_average_follows_slowly_but_not_at_first(tmp_path: Path) -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    run = Run(model, tmp_path, averaging=0.5)
    values = []
    for _ in range(30):
        run.advance(-model.weight.sum(), rate=0.1)
        values.append((model.weight.item(), float(run.averaged["weight"])))
    assert values[0] == pytest.approx((0.1, 0.09))  # decay 1/10 at the first step
    lag = values[-1][0] - values[-1][1]
    assert lag == pytest.approx(0.1, rel=0.01)  # decay 1/2: one step behind a straight line
    averaged = run.averaged_model()
    assert averaged.weight.item() == pytest.approx(values[-1][1])
    assert model.weight.item() == values[-1][0]

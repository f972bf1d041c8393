"""Going on from a trained pipeline: its tensors as far as they fit, and latents with the same axes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from common.errors import WeightsError
from gvsc.training import engine
from gvsc.training.generator import start
from gvsc.training.generator.layout import LayoutTask
from gvsc.training.generator.plan import MiniRecipe
from gvsc.training.generator.pool import Pool
from gvsc.training.recipe import Length

CPU = torch.device("cpu")


def pipeline_of(folder: Path, pool: Pool, layout: dict[str, torch.Tensor]) -> str:
    """A pipeline's folder with the latents of a pool and a layout, in two files."""
    (folder / "vae").mkdir(parents=True)
    axes = {name: torch.from_numpy(np.array(pool[f"latent.{name}"])) for name in ("basis", "mean", "scale")}
    save_file(axes, folder / "vae" / "diffusion_pytorch_model.safetensors")
    (folder / "layout").mkdir()
    names = sorted(layout)
    for number, some in enumerate((names[::2], names[1::2])):
        save_file({name: layout[name] for name in some}, folder / "layout" / f"part-{number}.safetensors")
    return f"{folder}/"


def test_a_run_begins_with_what_fits_and_goes_on_from_its_own(tmp_path: Path, tiny: MiniRecipe, small_pool: Pool):
    task = LayoutTask(tiny.layout, CPU, small_pool)
    torch.manual_seed(3)
    trained = {name: torch.full_like(tensor, 0.25) for name, tensor in task.model(None).state_dict().items()}
    trained["slot"] = torch.zeros(7, 7)  # of another shape
    name = pipeline_of(tmp_path / "pipeline", small_pool, trained)
    start.check(name, small_pool)
    found = start.tensors(name, "layout")
    assert set(found) == set(trained)
    plan = replace(tiny, length=Length(steps=1)).part("layout", alone=True)
    (tmp_path / "run").mkdir()
    options = engine.Options(1, CPU, lambda _: None, "a machine", "data", start=found)
    run = engine.train(task, plan, tmp_path / "run", options)
    for key, tensor in run.model.state_dict().items():
        near = torch.allclose(tensor, torch.full_like(tensor, 0.25), atol=0.01)
        assert near is (key != "slot"), key
    again = engine.train(task, plan, tmp_path / "run", replace(options, start={}))
    assert torch.equal(again.model.state_dict()["leave.1.weight"], run.model.state_dict()["leave.1.weight"])


def test_a_pipeline_that_is_not_there_or_has_other_latents_is_refused(tmp_path: Path, small_pool: Pool):
    assert start.tensors("", "painter") == {}
    start.check("", small_pool)
    with pytest.raises(WeightsError, match="no pipeline"):
        start.tensors(f"{tmp_path}/none", "painter")
    name = pipeline_of(tmp_path / "pipeline", small_pool, {"slot": torch.zeros(1)})
    assert start.tensors(name, "painter") == {}
    assert np.array_equal(start.axes(name).basis, small_pool["latent.basis"])
    other = replace(small_pool, arrays={**small_pool.arrays, "latent.mean": small_pool["latent.mean"] + 1})
    with pytest.raises(WeightsError, match="prepare-mini --like"):
        start.check(name, other)
    (tmp_path / "pipeline" / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"none")
    with pytest.raises(WeightsError, match="cannot read weights"):
        start.axes(name)

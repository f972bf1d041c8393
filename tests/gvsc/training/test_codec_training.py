"""Training of the picture codecs: where they start, the noise, every parameter trained, devices, the card."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from common.codecs import linear
from common.codecs.djscc_rgb import RgbCodec
from common.codecs.djscc_sketch import SketchCodec
from common.errors import WeightsError
from gvsc.evaluation.metrics.ssim import ssim as ssim_metric
from gvsc.training import codec as codec_training
from gvsc.training import djscc_colour, spectrum
from gvsc.training.codec import CodecTask, add_noise
from gvsc.training.djscc_colour import FrameTask, RgbTask
from gvsc.training.djscc_sketch import SketchTask
from gvsc.training.photos import Crops
from gvsc.training.recipe import Recipe, Stage, find

CPU = torch.device("cpu")


def recipe(name: str, *settings: str) -> Recipe:
    return Recipe.parse(find(name, "default")[1], settings)


@pytest.fixture
def crops() -> Crops:
    rng = np.random.default_rng(1)
    photo = np.cumsum(rng.normal(0.0, 3.0, (260, 300, 3)), axis=1).clip(-120, 120) + 128
    return Crops({"a": {256: photo.astype(np.uint8)}}, None)


@pytest.fixture
def statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of pictures in general, at once."""
    falling = -0.05 * (torch.arange(256.0)[:, None] + torch.arange(256.0))
    found = {
        "colour": torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(0)))[0],
        "mean": torch.tensor(0.45),
        "log_variances": torch.stack([falling, falling - 2.0, falling - 3.0]),
        "deviations": torch.ones(3, 16, 16),
    }
    monkeypatch.setattr(spectrum, "fit", lambda *_: found)


def colour_task(crops: Crops, kind: type[FrameTask] | type[RgbTask] = FrameTask, *settings: str) -> CodecTask:
    held_out = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    start = ("start.weights = ''",) if not settings else ()
    return kind(recipe(kind.name, *start, *settings), CPU, crops, held_out, seed=0)


def sketch_task(*settings: str) -> SketchTask:
    sketches = np.zeros((4, 256, 256), np.uint8)
    sketches[:, ::16], sketches[:, :, ::16] = 255, 255
    return SketchTask(recipe("djscc-sketch", *(settings or ("loss.k = 1",))), CPU, sketches, sketches[:2, :64, :64])


def task_named(name: str, crops: Crops) -> CodecTask:
    return sketch_task() if name == "djscc-sketch" else colour_task(crops, FrameTask if "frame" in name else RgbTask)


def test_training_starts_from_the_linear_code_exactly(crops: Crops, statistics: None) -> None:
    model = colour_task(crops).model(None)
    pictures, snr_db = torch.rand(2, 3, 64, 64), torch.tensor([0.0, 9.0])
    with torch.inference_mode():
        reals = model.encode(pictures, snr_db)
        torch.testing.assert_close(reals, model.encode(pictures, snr_db, linear=True))
        torch.testing.assert_close(
            model.decode(reals, snr_db, 64, 64), model.decode(reals, snr_db, 64, 64, linear=True)
        )


def test_the_linear_code_is_that_of_the_pictures(crops: Crops) -> None:
    found = spectrum.fit(crops, np.random.default_rng(0), count=20)
    assert found["log_variances"].shape == (3, 256, 256)
    strongest = found["log_variances"][0]
    assert strongest[:8, :8].mean() > strongest[100:, 100:].mean() + 2.0
    assert torch.allclose(found["colour"].T @ found["colour"], torch.eye(3), atol=2e-3)


def test_the_table_is_smoothed_as_scipy_would() -> None:
    from scipy.ndimage import gaussian_filter1d

    table = np.random.default_rng(0).normal(size=(3, 30, 40)).astype(np.float32)
    for axis in (1, 2):
        np.testing.assert_allclose(
            spectrum.smoothed(table, axis), gaussian_filter1d(table, 2.0, axis, mode="reflect"), atol=1e-6
        )


def test_djscc_rgb_starts_from_the_networks_of_djscc_frame(crops: Crops, statistics: None, tmp_path: Path) -> None:
    frame = colour_task(crops).model(None)
    nn.init.normal_(frame.decoder.head.weight)
    file = tmp_path / "w.safetensors"
    save_file({name: tensor.half().contiguous() for name, tensor in frame.state_dict().items()}, file)
    model = colour_task(crops, RgbTask, f"start.weights = '{file}'").model(None)
    assert model.reals_per_block == RgbCodec.reals_per_block == 48
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, frame.state_dict()[name].half().float()), name
    assert recipe("djscc-rgb").start.weights == "djscc-frame"


def test_weights_that_do_not_fit_are_told(crops: Crops, tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    save_file({"x": torch.zeros(1)}, file)
    for task in (
        colour_task(crops, FrameTask, f"start.weights = '{file}'"),
        sketch_task(f"start.weights = '{file}'", "loss.k = 1"),
    ):
        with pytest.raises(WeightsError, match="not of"):
            task.model(None)
    with pytest.raises(WeightsError, match="cannot read"):
        sketch_task("start.weights = 'none.safetensors'", "loss.k = 1").model(None)


def test_a_run_that_goes_on_needs_no_statistics(
    crops: Crops, statistics: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = colour_task(crops)
    stored = task.model(None).state_dict()
    monkeypatch.setattr(spectrum, "fit", None)
    again = task.model(stored)
    assert all(torch.equal(tensor, stored[name]) for name, tensor in again.state_dict().items())
    assert torch.equal(again.encoder.stem.whitening, task.model(stored).encoder.stem.whitening)


@pytest.mark.parametrize("name", ["djscc-frame", "djscc-rgb", "djscc-sketch"])
def test_every_trained_parameter_gets_a_gradient(name: str, crops: Crops, statistics: None) -> None:
    torch.manual_seed(1)
    task = task_named(name, crops)
    model = task.model(None)
    for head in (model.encoder.head, model.decoder.head):
        nn.init.normal_(head.weight, std=0.01)  # those of the colour codecs are zero at the start
    task.loss(model, task.draw(Stage(1.0, 2, 64), np.random.default_rng(0))).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_noise_on_reals_is_half_of_what_the_snr_says_a_symbol_has() -> None:
    noise = add_noise(torch.zeros(2, 100_000), torch.tensor([0.0, 10.0]), torch.Generator().manual_seed(0))
    assert noise[0].var().item() == pytest.approx(0.5, rel=0.02)
    assert noise[1].var().item() == pytest.approx(0.05, rel=0.02)


def test_each_end_is_told_its_own_snr_and_the_noise_is_the_true_one() -> None:
    class Ends(nn.Module):
        def encode(self, pictures: Tensor, snr_db: Tensor) -> Tensor:
            self.sent = snr_db
            return torch.zeros(len(pictures), 20_000)

        def decode(self, reals: Tensor, snr_db: Tensor, height: int, width: int) -> Tensor:
            self.received, self.estimated = reals, snr_db
            return reals[:, :1, None, None].expand(-1, 1, height, width)

    ends, task = Ends(), sketch_task()
    batch = task.draw(Stage(1.0, 8, 32), np.random.default_rng(5))
    task.loss(ends, batch)
    assert torch.equal(ends.sent, batch.sent_db)
    assert torch.equal(ends.estimated, batch.estimated_db)
    assert not torch.equal(batch.sent_db, batch.estimated_db)
    found = -10.0 * torch.log10(2.0 * ends.received.var(dim=1))
    torch.testing.assert_close(found, batch.true_db, atol=0.15, rtol=0.0)


def test_batches_are_those_of_the_seed_and_turned(crops: Crops) -> None:
    task = sketch_task()
    first, again, other = (task.draw(Stage(1.0, 4, 96), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.pictures, again.pictures)
    assert first.noise == again.noise != other.noise
    assert first.pictures.shape == (4, 1, 96, 96)
    assert set(first.pictures.unique().tolist()) <= {0.0, 1.0}
    assert not torch.equal(first.pictures, other.pictures)


def test_the_loss_is_eq_1() -> None:
    class Echo(nn.Module):
        def encode(self, pictures: Tensor, _snr_db: Tensor) -> Tensor:
            return pictures.flatten(1)

        def decode(self, reals: Tensor, _snr_db: Tensor, height: int, width: int) -> Tensor:
            return torch.zeros(len(reals), 1, height, width)

    batch = sketch_task().draw(Stage(1.0, 4, 64), np.random.default_rng(0))
    mse = float(batch.pictures.square().mean())
    for k in (1.0, 0.7, 0.3, 0.0):
        task = sketch_task(f"loss.k = {k}", "loss.perceptual = 'lpips'") if k == 1.0 else sketch_task()
        object.__setattr__(task.recipe.loss, "k", k)
        task.distance = (lambda decoded, _truths: torch.full((len(decoded),), 5.0)) if k < 1.0 else None
        assert float(task.loss(Echo(), batch)) == pytest.approx(k * mse + (1.0 - k) * 5.0)
    # the distance may be left to low SNRs: in full at 0 dB, by a half at 3, not at all at 9
    object.__setattr__(task.recipe.loss, "perceptual_db", (0.0, 6.0))
    for snr_db, part in ((-5.0, 1.0), (0.0, 1.0), (3.0, 0.5), (9.0, 0.0)):
        told = dataclasses.replace(batch, true_db=torch.full((4,), snr_db))
        assert float(task.loss(Echo(), told)) == pytest.approx(part * 5.0)  # k is 0
    object.__setattr__(task.recipe.loss, "k", 1.0)
    object.__setattr__(task.recipe.loss, "fidelity", "rmse")
    task.distance = None
    rmse = float(batch.pictures.square().mean(dim=(1, 2, 3)).sqrt().mean())
    assert float(task.loss(Echo(), batch)) == pytest.approx(rmse, rel=1e-4)


class OneDevice(TorchDispatchMode):
    """Refuses operations on tensors of several devices. Numbers on the CPU may join any other."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        devices = {x.device for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor) and x.dim() > 0}
        assert len(devices) <= 1 or "_to_copy" in str(func) or "copy_" in str(func), f"{func}: {devices}"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["djscc-frame", "djscc-sketch"])
def test_a_step_stays_on_its_device(name: str, crops: Crops, statistics: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """``meta`` stands for an accelerator: it computes nothing, but is another device than the CPU."""
    task = task_named(name, crops)
    meta = torch.device("meta")
    model = task.model(None).to(meta)
    batch = task.draw(Stage(1.0, 2, 64), np.random.default_rng(0)).to(meta)
    # of these, meta has none
    generator = SimpleNamespace(manual_seed=lambda _seed: None)
    mine = vars(torch) | {"autocast": lambda *_, **__: contextlib.nullcontext(), "Generator": lambda _device: generator}
    for module in (codec_training, linear):
        monkeypatch.setattr(module, "torch", SimpleNamespace(**mine))
    with OneDevice():
        loss = task.loss(model, batch)
        loss.backward()
    assert loss.device == meta


def test_ssim_without_its_package_is_the_metric() -> None:
    rng = np.random.default_rng(0)
    source = rng.integers(0, 256, (2, 40, 48, 3), dtype=np.uint8)
    received = np.clip(source + rng.normal(0, 40, source.shape), 0, 255).astype(np.uint8)
    first, second = (torch.from_numpy(x).permute(0, 3, 1, 2) / 255.0 for x in (received, source))
    assert djscc_colour.ssim(first, second) == pytest.approx(ssim_metric(source, received), abs=1e-4)
    assert djscc_colour.ssim(first, first) == pytest.approx(1.0)


def test_sketches_in_training_are_measured_as_elsewhere() -> None:
    task = sketch_task()
    found = task.watch(task.model(None).eval())
    assert set(found) == {f"{what} at {snr} dB" for what in ("PSNR", "edge F1") for snr in (0, 5, 10)}
    figures = task.figures({name: tensor.half() for name, tensor in task.model(None).state_dict().items()})
    assert all(len(values) == 7 for values in figures.values())


def test_what_is_exported_is_what_the_codec_loads(crops: Crops, tmp_path: Path) -> None:
    from gvsc.training.run import export

    model = sketch_task().model(None)
    file = tmp_path / "w.safetensors"
    export(model.state_dict(), file, {"steps": "3"})
    assert {tensor.dtype for tensor in load_file(file).values()} == {torch.float16}
    assert file.stat().st_mode & 0o777 == 0o644
    symbols = SketchCodec.load(file).encode(np.zeros((64, 64), np.float32), 5.0)
    assert symbols.shape == (64,)

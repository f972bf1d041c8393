"""Training of djscc-frame-2: fitted classes, where it starts, and that its link is the one that is used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from common import weights
from common.codecs.djscc import side_code
from common.codecs.djscc_frame_2 import FrameCodec2
from gvsc.training import adaptive_link, block_classes
from gvsc.training.codec import FIGURES_SNRS_DB
from gvsc.training.djscc_adaptive import NAME, AdaptiveTask, take_over
from gvsc.training.photos import Crops
from gvsc.training.recipe import Recipe, find
from gvsc.training.run import export
from tests.common.codecs.test_djscc_frame import noisy, scene

CPU = torch.device("cpu")


def recipe(*settings: str) -> Recipe:
    return Recipe.parse(find(NAME, "default")[1], ("start.weights = ''", *settings))


@pytest.fixture(scope="module")
def crops() -> Crops:
    pixels = (scene(256, 320) * 255).astype(np.uint8).transpose(1, 2, 0)
    return Crops({"a": {256: np.ascontiguousarray(pixels)}}, None)


@pytest.fixture(scope="module")
def fitted(crops: Crops) -> dict[str, torch.Tensor]:
    return block_classes.fit(crops, np.random.default_rng(0), count=40, classes=8)


def task(crops: Crops, *settings: str) -> AdaptiveTask:
    return AdaptiveTask(recipe(*settings), CPU, crops, torch.from_numpy(scene(64, 64))[None], seed=0)


def test_classes_are_fitted_to_pictures(fitted: dict[str, torch.Tensor]) -> None:
    assert fitted["classes.level"].shape == (8, 3, 32, 32)
    assert bool((fitted["classes.frequencies"].sum(dim=1) == 1 << 16).all())
    assert int(fitted["classes.frequencies"].min()) >= 1
    assert bool((fitted["multiples.frequencies"].sum(dim=1) == 1 << 16).all())
    level = fitted["classes.level"].float()
    assert level[:, 0, :4, :4].mean() > level[:, 0, 16:, 16:].mean() + 5.0
    assert fitted["classes.plane_level"][0, 1, 1] > fitted["classes.plane_level"][0, 20, 20]
    bits = fitted["multiples.mean_bits"]
    assert bool((bits.diff() > 0.0).all())


def test_networks_begin_with_zero_output(fitted: dict[str, torch.Tensor]) -> None:
    model = block_classes.model(fitted)
    pictures, snr = torch.from_numpy(scene(64, 96))[None], torch.tensor([5.0])
    with torch.inference_mode():
        through = [
            adaptive_link.through(
                model, pictures, torch.tensor([900]), snr, snr, snr, torch.Generator().manual_seed(1), linear=linear
            ).pictures
            for linear in (True, False)
        ]
    torch.testing.assert_close(*through)


def test_the_first_generations_networks_are_taken_over(fitted: dict[str, torch.Tensor]) -> None:
    model = block_classes.model(fitted)
    old = load_file(weights.path("djscc-frame"))
    take_over(model, old)
    state = model.state_dict()
    assert torch.equal(state["decoder.head.weight"], old["decoder.head.weight"].float())
    squeeze = "decoder.stage_8.blocks.0.attention.squeeze.weight"
    columns = old[squeeze].shape[1]
    assert torch.equal(state[squeeze][:, :columns], old[squeeze].float())
    assert not state[squeeze][:, columns:].any()


def test_the_transform_is_inverted(fitted: dict[str, torch.Tensor]) -> None:
    model = block_classes.model(fitted)
    pictures = torch.from_numpy(scene(96, 160))[None]
    torch.testing.assert_close(model.synthesise(model.analyse(pictures)), pictures, atol=1e-3, rtol=0.0)


def test_every_parameter_is_trained(crops: Crops, fitted: dict[str, torch.Tensor]) -> None:
    made = task(crops)
    model = block_classes.model(fitted)
    for head in (model.encoder.head, model.decoder.head):
        torch.nn.init.normal_(head.weight, std=0.01)
    stage = made.recipe.stages[0]
    batch = made.draw(type(stage)(1.0, 2, 64), np.random.default_rng(0))
    made.loss(model, batch).backward()
    still = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert not still


@pytest.mark.parametrize("snr_db", [5.0, 9.0])
def test_training_sees_what_is_sent(snr_db: float) -> None:
    """The link of training, without bits, is as good as the real one."""
    codec = FrameCodec2.load()
    picture = scene(128, 128)
    snr = torch.tensor([snr_db])
    found = {"trained": [], "used": []}
    for seed in range(3):
        with torch.inference_mode():
            sent = adaptive_link.through(
                codec._model,
                torch.from_numpy(picture)[None],
                torch.tensor([1952]),
                snr,
                snr,
                snr,
                torch.Generator().manual_seed(seed),
            )
        found["trained"].append(sent.pictures[0].clamp(0, 1).numpy())
        symbols, ledger = codec.encode_with_details(picture, snr_db, 1952)
        found["used"].append(codec.decode(noisy(symbols, snr_db, seed), snr_db, 128, 128))
        coded = ledger.header + ledger.first + ledger.second
        # the optimum is flat: a bit more or less of overhead can move the step by one or two
        assert float(sent.coded) == pytest.approx(coded, rel=0.4, abs=20)
    psnr = {
        name: -10.0 * np.log10(np.mean([np.mean((made - picture) ** 2) for made in pictures]))
        for name, pictures in found.items()
    }
    assert psnr["trained"] == pytest.approx(psnr["used"], abs=0.35)


def test_budgets_are_within_what_is_asked_for() -> None:
    drawn = adaptive_link.budgets(2000, 256, 256, np.random.default_rng(0))
    assert int(drawn.min()) > 2000
    assert int(drawn.max()) < 14_000
    assert 0.3 < float(((drawn > 7000) & (drawn < 8600)).float().mean()) < 0.75
    assert int(adaptive_link.budgets(1, 32, 32, np.random.default_rng(1))) > side_code.HEADER_SYMBOLS


def test_exported_weights_are_those_of_a_codec(fitted: dict[str, torch.Tensor], tmp_path: Path) -> None:
    model = block_classes.model(fitted)
    file = tmp_path / "w.safetensors"
    export(model.state_dict(), file, {})
    assert load_file(file)["classes.frequencies"].dtype == torch.int32
    codec = FrameCodec2.load(file)
    picture = scene(64, 64)
    decoded = codec.decode(noisy(codec.encode(picture, 9.0, 700), 9.0), 9.0, 64, 64)
    assert np.mean((decoded - picture) ** 2) < 0.5 * np.mean((picture.mean() - picture) ** 2)


def test_training_goes_on_from_its_own_weights(crops: Crops, fitted: dict[str, torch.Tensor], tmp_path: Path) -> None:
    file = tmp_path / "w.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in block_classes.model(fitted).state_dict().items()}, file)
    model = task(crops, f"start.weights = '{file}'").model(None)
    assert torch.equal(model.classes.level, fitted["classes.level"])
    figures = task(crops, f"start.weights = '{file}'").watch(model)
    assert figures["PSNR at 10 dB"] > figures["PSNR at 0 dB"]


def test_figures_of_the_finished_weights_are_measured(crops: Crops) -> None:
    held_out = torch.from_numpy(scene(256, 256))[None]
    finished = load_file(weights.path(NAME))
    figures = AdaptiveTask(recipe(), CPU, crops, held_out, seed=0).figures(finished)
    assert set(figures) == {f"{what}, {how}" for what in ("PSNR (dB)", "SSIM") for how in (NAME, "without networks")}
    for values in figures.values():
        assert len(values) == len(FIGURES_SNRS_DB)
        assert values[0] < values[-1]

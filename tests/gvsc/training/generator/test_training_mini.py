"""Training of the parts of `mini`: what is drawn, what a step does, and runs that are killed."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from common import bfloat16
from gvsc.training import engine
from gvsc.training.generator import tones
from gvsc.training.generator.decoder import DecoderTask
from gvsc.training.generator.frames import Frames, Shown
from gvsc.training.generator.layout import LayoutTask, mirrored
from gvsc.training.generator.mover import MoverTask, Row, match
from gvsc.training.generator.painter import PainterTask, draw_holes, draw_levels
from gvsc.training.generator.plan import PARTS, MiniRecipe, PartOptimiser
from gvsc.training.generator.pool import Pool
from gvsc.training.generator.rendered import forms_of, layout_of
from gvsc.training.recipe import Length, RecipeError, Stage, find
from receiver.generators.mini.layout import RADIUS, repeated, upright
from receiver.generators.mini.painter import trust_of
from transmitter.clips.world import Scene, render
from transmitter.clips.world.parts import TONES
from transmitter.clips.world.patterns import LATTICES

CPU = torch.device("cpu")


TASKS: dict[str, Any] = {
    "painter": PainterTask,
    "mover": MoverTask,
    "decoder": DecoderTask,
    "layout": LayoutTask,
}


def task_of(part: str, recipe: MiniRecipe, pool: Pool, **changes: Any) -> Any:
    return TASKS[part](replace(getattr(recipe, part), **changes), CPU, pool)


@pytest.mark.parametrize("part", PARTS)
def test_steps_lower_the_loss_on_a_batch(part: str, tiny: MiniRecipe, small_pool: Pool) -> None:
    torch.manual_seed(0)
    task = task_of(part, tiny, small_pool)
    model = task.model(None)
    batch = task.draw(Stage(1.0, 4, 256), np.random.default_rng(0))
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-4)
    losses = []
    for _ in range(8):
        loss = task.loss(model, batch)
        losses.append(float(loss.detach()))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[-1] < losses[0]
    # the zeros that some layers begin with hold gradients back at first; by now all parameters take part
    idle = [name for name, parameter in model.named_parameters() if parameter.grad is None or not parameter.grad.any()]
    assert idle == []


@pytest.mark.parametrize("part", PARTS)
def test_a_run_that_was_stopped_ends_with_the_same_bits(
    part: str, tiny: MiniRecipe, small_pool: Pool, tmp_path: Path
) -> None:
    plan = tiny.lasting(Length(steps=3)).part(part, alone=True)

    def run(folder: Path, task: Any) -> dict[str, torch.Tensor]:
        folder.mkdir(exist_ok=True)
        options = engine.Options(1, CPU, lambda _: None, "a machine", "data", checkpoint_seconds=0.0)
        return load_file(engine.train(task, plan, folder, options).file)

    whole = run(tmp_path / "whole", task_of(part, tiny, small_pool))
    killed, drawn = task_of(part, tiny, small_pool), []

    def draw(stage: Stage, rng: np.random.Generator) -> Any:
        drawn.append(stage)
        if len(drawn) == 3:
            raise RuntimeError("killed")
        return type(killed).draw(killed, stage, rng)

    killed.draw = draw
    with pytest.raises(RuntimeError):
        run(tmp_path / "killed", killed)
    resumed = run(tmp_path / "killed", task_of(part, tiny, small_pool))
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(tensor, resumed[name]) for name, tensor in whole.items())


class OneDevice(torch.overrides.TorchFunctionMode):
    """Refuses a product of tensors of two devices, numbers aside."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        tensors = [arg for arg in args if isinstance(arg, torch.Tensor) and arg.ndim]
        assert len({tensor.device for tensor in tensors}) <= 1, func
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("part", PARTS)
def test_a_step_stays_on_its_device(
    part: str, tiny: MiniRecipe, small_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``meta`` stands for an accelerator: it computes nothing, but is another device than the CPU."""
    task = task_of(part, tiny, small_pool)
    meta = torch.device("meta")
    model = task.model(None).to(meta)
    batch = task.draw(Stage(1.0, 4, 256), np.random.default_rng(0)).to(meta)
    assert all(getattr(batch, each.name).device == meta for each in fields(batch))
    # meta has no autocast
    real = torch.autocast
    monkeypatch.setattr(torch, "autocast", lambda device, *a, **k: real("cpu", enabled=False))
    with OneDevice():
        loss = task.loss(model, batch)
        loss.backward()
    assert loss.device == meta


def test_which_output_stands_for_which_object_does_not_matter() -> None:
    draw = torch.Generator().manual_seed(0)
    masks = torch.zeros(2, 2, 64, 64)
    masks[:, 0, 5:20, 5:20], masks[:, 1, 40:60, 30:50] = 1.0, 1.0
    moves = torch.randn(2, 3, 8, 4, generator=draw)
    logits = 6 * masks - 3
    logits[1] = logits[1].flip(0)  # the second clip's outputs are the other way round
    matched = match(logits, masks, moves)
    assert torch.equal(matched.masks[1], masks[1].flip(0))
    assert torch.equal(matched.moves[1], moves[1, [0, 2, 1]])
    assert torch.equal(matched.moves[0], moves[0])
    again = match(logits, masks.flip(1), moves[:, [0, 2, 1]])
    assert torch.equal(again.moves, matched.moves)
    assert torch.allclose(again.loss, matched.loss)
    assert torch.allclose(matched.loss[0], matched.loss[1])


def test_frames_are_turned_with_all_that_belongs_to_them(small_pool: Pool) -> None:
    frames = Frames(small_pool)
    plain, turned = (frames.frame("world", 2, 3, turned=way) for way in (False, True))
    assert np.array_equal(turned.latents[:, :, ::-1] * small_pool.signs[:, None, None], plain.latents)
    assert (plain.text, turned.text) == tuple(small_pool["world.texts"][2])
    held = frames.frame("clips", 0, 3, turned=True)  # its caption says "left"
    assert not held.turned
    assert np.array_equal(held.latents, frames.frame("clips", 0, 3, turned=False).latents)
    seen = set()
    for seed in range(20):
        shown = frames.sketched("world", 1.0, np.random.default_rng(seed))
        pair = next(
            place
            for place in frames.pairs("world")
            if (small_pool["pairs.received"][place][:, :: -1 if shown.turned else 1] == shown.sketch).all()
        )
        assert shown.frame == small_pool["pairs.frame"][pair]
        assert shown.sketch_trust == pytest.approx(trust_of(float(small_pool["pairs.snr_db"][pair])))
        seen.add(shown.turned)
    assert seen == {False, True}


def test_what_the_painter_is_shown_comes_in_the_shares_of_the_recipe(tiny: MiniRecipe, small_pool: Pool) -> None:
    task = task_of("painter", tiny, small_pool, sketch=0.0, received=0.0, real=0.0)
    batch = task.draw(Stage(1.0, 600, 256), np.random.default_rng(3))
    here, elsewhere = (batch.trust[:, place].amax((1, 2)) > 0 for place in (0, 1))
    assert float(here.float().mean()) == pytest.approx(0.12, abs=0.05)
    assert float(elsewhere.float().mean()) == pytest.approx(0.12, abs=0.05)
    assert not (here & elsewhere).any()
    assert float((batch.mask.sum(1) == 0).float().mean()) == pytest.approx(0.1, abs=0.05)
    assert float((batch.time == 0).float().mean()) == pytest.approx(0.5 + 0.5 / 8, abs=0.07)
    holes = here & (batch.trust[:, 0].amin((1, 2)) < 1)
    inside = batch.known[holes][:, 0][batch.trust[holes][:, 0] > 0]
    assert torch.equal(inside, batch.clean[holes][:, 0][batch.trust[holes][:, 0] > 0])
    assert not batch.sketch_trust.any()
    only = task_of("painter", tiny, small_pool, received=1.0).draw(Stage(1.0, 20, 256), np.random.default_rng(3))
    assert (only.trust[:, 0].amax((1, 2)) > 0).all()
    assert not only.mask.any()
    assert not torch.equal(only.known, only.clean)


@pytest.mark.parametrize(
    ("kind", "sketched", "elsewhere", "holes"),
    [("world", False, 0.2, 0.1), ("world", True, 0.5, 0.1), ("crops", False, 0.0, 0.1), ("crops", True, 0.0, 0.1)],
)
def test_holes_are_as_frequent_with_a_sketch_and_without_a_clip(
    kind: Any, sketched: bool, elsewhere: float, holes: float, tiny: MiniRecipe, small_pool: Pool
) -> None:
    task = task_of("painter", tiny, small_pool, elsewhere=0.2, elsewhere_sketched=0.5, holes=0.1)
    rng = np.random.default_rng(0)
    shown: Shown = task.frames.sketched(kind, 0.0, rng) if sketched else task.frames.plain(kind, rng)
    known = [task._known(shown, rng) for _ in range(1000)]
    there = np.array([(False, False) if one is None else one.trust.any((1, 2)) for one in known])
    assert there.mean(0) == pytest.approx([holes, elsewhere], abs=0.04)


def test_the_decoder_sees_sketches_as_they_were_received(
    tiny: MiniRecipe, small_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gvsc.training.generator.decoder.SKETCH_NOISE", 0.5)

    def drawn(**shares: float) -> Any:
        task = task_of("decoder", tiny, small_pool, crop=256, **shares)
        return task.draw(Stage(1.0, 40, 256), np.random.default_rng(2))

    every = drawn(sketch=1.0, received_sketch=1.0)
    assert set(every.trust.tolist()) == {1.0}
    for picture, sketch in zip(every.picture, every.sketch, strict=True):
        shown = np.rint(255 * picture.permute(1, 2, 0).numpy()).astype(np.uint8)
        way, pair = next(
            (way, pair)
            for pair, stored in enumerate(small_pool["pairs.picture"])
            for way in (1, -1)
            if np.array_equal(stored[:, ::way], shown)
        )
        lines = np.rint(255 * sketch[0].numpy()).astype(np.uint8)  # the noise is for clean sketches
        assert np.array_equal(small_pool["pairs.received"][pair][:, ::way], lines)
    some = drawn(sketch=0.5, received_sketch=0.5).trust
    assert set(some.tolist()) == {0.0, 1.0}
    assert 0.2 < float(some.mean()) < 0.8


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("low", [False, True])
def test_held_out_figures_are_of_the_precision_that_is_trained_in(
    part: str, low: bool, tiny: MiniRecipe, small_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bfloat16, "is_fast", lambda _: True)
    task = task_of(part, tiny, small_pool, optimiser=replace(getattr(tiny, part).optimiser, bfloat16=low))
    model, seen = task.model(None), set()
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_pre_hook(lambda *_: seen.add(torch.is_autocast_enabled("cpu")))
    task.watch(model)
    assert seen == {low}


def test_noise_levels() -> None:
    levels = draw_levels(4000, 0.3, np.random.default_rng(0))
    assert levels.min() >= 0.01
    assert levels.max() <= 1.0
    shifted = draw_levels(4000, 0.0, np.random.default_rng(0))
    assert np.median(shifted) == pytest.approx(0.75, abs=0.02)  # 3u / (1 + 2u) at u = 1/2
    usual = (shifted > 0.85).mean()
    assert (levels > 0.85).mean() == pytest.approx(0.3 + 0.7 * usual, abs=0.03)


def test_holes_leave_most_of_a_frame_on_average() -> None:
    rng = np.random.default_rng(0)
    known = np.stack([draw_holes(rng) for _ in range(300)])
    assert set(np.unique(known)) == {0.0, 1.0}
    assert 0.5 < known.mean() < 0.9
    borders = [known[:, 0].any(1), known[:, -1].any(1), known[:, :, 0].any(1), known[:, :, -1].any(1)]
    assert all(0.05 < (~border).mean() < 0.25 for border in borders)


def test_what_is_kept_back_is_not_drawn(tiny: MiniRecipe, small_pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gvsc.training.generator.frames.kept_back", lambda count: 1)
    monkeypatch.setattr("gvsc.training.generator.mover.kept_back", lambda count: 1)
    frames = Frames(small_pool)
    assert frames.trained == 5
    assert list(frames.pairs("world")) == [0, 1]
    drawn: list[int] = []
    monkeypatch.setattr(Frames, "frame", lambda self, kind, row, *a, **k: drawn.append(row))
    for seed in range(60):
        frames.plain("world", np.random.default_rng(seed))
    assert set(drawn) == set(range(5))


def test_numbers_of_a_layout_say_where_the_masks_are(small_pool: Pool) -> None:
    found = 0
    for numbers, masks in zip(small_pool["world.layout"][:, 1:], small_pool["world.masks"], strict=True):
        assert np.array_equal(numbers[:, 0] > 0, masks.any((1, 2)))
        for (_, x, y, size, _, _), mask in zip(numbers[numbers[:, 0] > 0], masks, strict=False):
            rows, columns = np.nonzero(mask > 127)
            middle = (columns.min() + columns.max() + 1) / 64 - 1, (rows.min() + rows.max() + 1) / 64 - 1
            reach = RADIUS / 128 * np.exp(size / 2)
            if mask[[0, -1]].any() or mask[:, [0, -1]].any() or (masks > 127).all(0).any():
                continue
            found += 1
            assert np.hypot(middle[0] - x, middle[1] - y) < reach / 2
            assert (columns.max() - columns.min()) / 64 < 1.5 * reach
    assert found


def test_the_mirror_image_of_a_layout_shows_the_same_at_mirrored_places() -> None:
    numbers = torch.tensor([[[1.0, 0.3, -0.2, 0.4, 0.9, 1.0], [1.0, -0.5, 0.1, -0.3, -0.6, -1.0]]])
    places = torch.rand(1, 2, 50, 2) * 2 - 1
    there = upright(numbers, places)
    turned = torch.from_numpy(mirrored(np.concatenate([np.zeros((1, 6), np.float32), numbers[0].numpy()])))[None, 1:]
    assert torch.allclose(there, upright(turned, places * torch.tensor([-1.0, 1.0])), atol=1e-5)


def test_tones_are_where_the_masks_of_the_rendered_frame_are(small_pool: Pool) -> None:
    """What is looked up by kind, place, size and angle is what was drawn; objects behind others are whole."""
    steps = (torch.arange(64) + 0.5) / 32 - 1
    places = torch.stack([steps.expand(64, 64), steps[:, None].expand(64, 64)], 2).flatten(0, 1).expand(1, 2, -1, -1)
    rows = range(len(small_pool["world.forms"]))
    agreed = []
    for row in rows:
        numbers = torch.from_numpy(np.array(small_pool["world.layout"][row, 1:]))[None]
        forms = np.array(small_pool["world.forms"][row, 1:])[None]
        found = tones.at(forms, upright(numbers, places).numpy()).reshape(2, 64, 64) > 0
        masks = small_pool["world.masks"][row] > 127
        assert not found[forms[0] == 0].any()
        for slot in np.nonzero(forms[0])[0]:
            free = ~masks[slot + 1 :].any(0)
            both = (found[slot] & masks[slot] & free).sum()
            agreed.append(both / ((found[slot] | masks[slot]) & free).sum())
    assert len(agreed) > 3
    assert min(agreed) > 0.8


def test_a_text_of_no_rendered_clip_stands_for_nothing(tiny: MiniRecipe, small_pool: Pool) -> None:
    task = task_of("layout", tiny, small_pool, plain=1.0, noise=0.0)
    others = (small_pool[name].ravel() for name in ("world.texts", "clips.text", "crops.text"))
    assert len(task.plain) == 2
    assert not set(task.plain) & set(np.concatenate(list(others)))
    batch = task.draw(Stage(1.0, 5, 256), np.random.default_rng(0))
    assert (batch.numbers[..., 0] == -1).all()
    assert not any(each.any() for each in (batch.tones, batch.shown, batch.moves))
    told = task_of("layout", tiny, small_pool, plain=0.0, noise=0.0).draw(Stage(1.0, 5, 256), np.random.default_rng(0))
    assert (told.numbers[..., 0] == 1).any(1).all()


def test_patterns_are_drawn_as_often_as_is_asked(tiny: MiniRecipe, small_pool: Pool) -> None:
    forms = np.array(small_pool["world.forms"])
    forms[:, 0] = 0
    forms[2, 0] = tones.number("dots")
    pool = replace(small_pool, arrays={**small_pool.arrays, "world.forms": forms})
    for share, least, most in ((1.0, 40, 40), (0.5, 12, 36), (0.0, 0, 16)):
        task = task_of("layout", tiny, pool, plain=0.0, patterned=share)
        rng = np.random.default_rng(0)
        drawn = [task.draw(Stage(1.0, 1, 256), rng).tones[0, 0] for _ in range(40)]
        assert least <= sum(bool(tone.any()) for tone in drawn) <= most


def test_noise_is_on_words_and_on_nothing_beside_them(tiny: MiniRecipe, small_pool: Pool) -> None:
    clean, noisy = (
        task_of("layout", tiny, small_pool, noise=noise).draw(Stage(1.0, 8, 256), np.random.default_rng(0))
        for noise in (0.0, 1.0)
    )
    off = noisy.text - clean.text
    assert torch.equal(clean.mask, noisy.mask)
    assert not off[clean.mask == 0].any()
    assert 0.2 < float(off[clean.mask > 0].std() / clean.text[clean.mask > 0].std()) < 1.0


@pytest.mark.parametrize("camera", ["still", "left", "in"])
@pytest.mark.parametrize("pattern", list(LATTICES))
def test_a_pattern_is_where_the_rendered_one_is(pattern: str, camera: str) -> None:
    """What is looked up by cell, place, size and turn is what is drawn, and its mirror image mirrored."""
    places = (torch.arange(256) + 0.5) / 128 - 1
    places = torch.stack([places.expand(256, 256), places[:, None].expand(256, 256)], 2).view(1, 1, -1, 2)
    for seed in range(6):
        scene = Scene(pattern, ("black", "white"), (), camera, 70.0, "day", seed)
        numbers, forms = layout_of(scene)[None, :1], forms_of(scene)[None, :1]
        drawn = render(scene, None)[0].mean(-1) > 130
        for turned in (False, True):
            told = mirrored(numbers[0])[None] if turned else numbers
            assert -3.1 < told[0, 0, 4] < 3.2
            cells = repeated(torch.from_numpy(told), places)
            found = tones.at(forms, cells.numpy()).reshape(256, 256)
            # tones are numbered from 1; dots are learned at their mean size
            agreed = ((found == 2) == (drawn[:, ::-1] if turned else drawn)).mean()
            assert agreed > (0.86 if pattern == "dots" else 0.96), (seed, turned)
    assert tones.of_pattern(("black", "white"), "day")[1].min() > 230


def test_a_palette_is_in_the_order_of_the_tones() -> None:
    made = tones.palette("red", "day")
    assert made.shape == (tones.COUNT, 3)
    red, green, blue = made[0].astype(int)
    assert red > 2 * max(green, blue)
    assert made[TONES.index("paper")].min() > 230
    assert tones.shown(tones.number("circle")).tolist() == [tone == "main" for tone in TONES]


def test_a_caption_with_left_and_right_exchanged_turns_the_motion_and_nothing_else(
    tiny: MiniRecipe, small_pool: Pool
) -> None:
    task = task_of("mover", tiny, small_pool)
    rows = range(task.count)
    as_told = task.batch([Row(row) for row in rows], [], [False] * len(rows))
    other = task.batch([Row(row, exchanged=True) for row in rows], [], [False] * len(rows))
    turned = task.batch([Row(row, turned=True) for row in rows], [], [False] * len(rows))
    for name in ("frame", "masks", "behind"):
        assert torch.equal(getattr(as_told, name), getattr(other, name))
    assert torch.equal(other.text, turned.text)
    assert torch.equal(other.moves[..., 0], -as_told.moves[..., 0])
    assert torch.equal(other.moves[..., 1:3], as_told.moves[..., 1:3])
    sideways = as_told.moves[:, :, -1, 0].abs() > 8
    assert torch.equal(other.moves[..., 3][~sideways], as_told.moves[..., 3][~sideways])


def test_an_outline_that_is_told_has_no_noise(tiny: MiniRecipe, small_pool: Pool) -> None:
    task = task_of("painter", tiny, small_pool, told=1.0, sketch=0.0, received=0.0)
    batch = task.draw(Stage(1.0, 16, 256), np.random.default_rng(0))
    expected = (1 - batch.level.view(-1, 1, 1, 1)) * batch.clean
    assert torch.equal(batch.noisy()[:, -6:], expected[:, -6:])
    assert not torch.allclose(batch.noisy()[:, :-6], expected[:, :-6], atol=0.1)
    assert torch.equal(replace(batch, told=torch.zeros(16)).noisy()[:, :-6], batch.noisy()[:, :-6])


def test_rates_hold_and_then_fall_in_a_line() -> None:
    optimiser = PartOptimiser(1e-3, 2e-5, warm_up_steps=10, hold=0.6)
    assert optimiser.rate(0.0, 0) == pytest.approx(1e-4)
    assert optimiser.rate(0.6, 500) == pytest.approx(1e-3)
    assert optimiser.rate(0.8, 700) == pytest.approx(5e-4)
    assert optimiser.rate(1.0, 900) == pytest.approx(2e-5)


def test_the_recipe_is_complete_and_its_shares_are_of_the_length(tiny: MiniRecipe) -> None:
    assert MiniRecipe.parse(tiny.text()) == tiny
    text = find("mini", "default")[1]
    recipe = MiniRecipe.parse(text)
    hours = [recipe.part(part, alone=False).length.hours for part in PARTS]
    assert sum(hours) == pytest.approx(recipe.length.hours)
    assert recipe.part("mover", alone=True).length == recipe.length
    assert recipe.lasting(Length(steps=10)).part("mover", alone=False).length.steps == 2
    for wrong, said in (
        ("painter.share = 0.5", "add up to 1"),
        ("painter.real = 2.0", "real must be within"),
        ("mover.real = 99", "less than its batch"),
        ("decoder.crop = 40", "multiple of 32"),
        ("painter.colour = 1", "nothing called colour"),
        ("painter.optimiser.hold = 1.0", "hold"),
    ):
        with pytest.raises(RecipeError, match=said):
            MiniRecipe.parse(text, [wrong])


def test_norms_and_offsets_do_not_decay(tmp_path: Path) -> None:
    from gvsc.training.run import Run

    model = nn.Linear(3, 3)
    nn.init.ones_(model.bias)
    run = Run(model, tmp_path, weight_decay=0.5)
    before = model.weight.detach().clone()
    run.advance(0.0 * (model.weight.sum() + model.bias.sum()), rate=0.1)
    assert torch.allclose(model.weight, before * (1 - 0.1 * 0.5))
    assert torch.equal(model.bias, torch.ones(3))

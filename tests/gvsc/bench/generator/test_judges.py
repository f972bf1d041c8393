"""Judges: right on true renders, silent on noise, and blind to captions."""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import pytest
import torch

from common.errors import SettingError, WeightsError
from gvsc.bench.generator import cases
from gvsc.bench.generator.judges import LABELS, NONE, Judges, thing, truth
from gvsc.bench.generator.judges.path import Seen, centre
from gvsc.training import judge as training
from gvsc.training import judge_data
from gvsc.training.world import HELD_OUT, Scene, Shape, World, render
from transmitter.clips.world.held_out import held_out


@pytest.fixture(scope="module")
def judges() -> Judges:
    return Judges.load()


@pytest.fixture(scope="module")
def told() -> list[cases.Case]:
    return cases.told(24, 4242)


def test_they_are_right_on_true_renders_and_not_on_other_captions(judges: Judges, told: list[cases.Case]) -> None:
    said = [judges.judge(case.video) for case in told]
    for question in ("colour", "kind", "background", "light"):
        right = sum(verdict[question] == case.right[question] for verdict, case in zip(said, told, strict=True))
        assert right >= 22, question
    for question in ("colour", "kind"):
        others = [*told[1:], *told[:1]]
        by_chance = sum(verdict[question] == case.right[question] for verdict, case in zip(said, others, strict=True))
        assert by_chance <= 8, question


def test_they_know_where_things_go(judges: Judges) -> None:
    asked = cases.sideways(12, 4242)
    right = turned = backwards = 0
    for case in asked:
        question, answer = cases.direction(case.right)
        right += judges.judge(case.video)[question] == answer
        turned += judges.judge(case.video[:, :, ::-1])[question] == cases.SIDEWAYS[answer]
        backwards += judges.judge(case.video[::-1])[question] == cases.SIDEWAYS[answer]
        assert judges.judge(np.broadcast_to(case.video[:1], case.video.shape))[question] not in cases.SIDEWAYS
    assert right >= 11
    assert turned >= 11
    assert backwards >= 11


def test_a_soft_red_star_is_a_red_star(judges: Judges) -> None:
    shape = Shape("red", "star", "left", 170.0, 128.0, 44.0, 84.0, 0.1)
    video = render(Scene("stripes", ("white", "cyan"), (shape,), "still", 0.0, "day", 5))
    small = video.reshape(8, 64, 4, 64, 4, 3).mean((2, 4))
    soft = np.repeat(np.repeat(small, 4, 1), 4, 2).astype(np.uint8)
    verdict = judges.judge(soft)
    assert {q: verdict[q] for q in ("colour", "kind", "motion")} == {"colour": "red", "kind": "star", "motion": "left"}


def test_they_name_no_object_where_there_is_none(judges: Judges) -> None:
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (8, 256, 256, 3), np.uint8)
    coarse = np.repeat(np.repeat(noise[:, :16, :16], 16, 1), 16, 2)
    for video in (noise, np.full_like(noise, 128), np.full_like(noise, (214, 38, 38)), coarse):
        verdict = judges.judge(video)
        assert (verdict["kind"], verdict["colour"]) == (NONE, NONE)
        assert verdict["motion"] not in cases.DIRECTIONS
        assert verdict["camera"] not in cases.DIRECTIONS


def test_the_same_clip_gets_the_same_verdict(judges: Judges, told: list[cases.Case]) -> None:
    assert judges.judge(told[0].video) == judges.judge(told[0].video.copy())


def test_they_are_given_the_clip_alone() -> None:
    assert list(inspect.signature(Judges.judge).parameters) == ["self", "video"]


def test_other_shapes_are_refused(judges: Judges) -> None:
    with pytest.raises(SettingError, match=r"uint8 \(8, H, W, 3\)"):
        judges.judge(np.zeros((7, 256, 256, 3), np.uint8))


def test_other_weights_are_refused(tmp_path) -> None:
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="cannot read weights"):
        Judges.load(tmp_path / "broken.safetensors")


def test_truth_is_in_the_words_of_the_labels() -> None:
    shape = Shape("red", "car", "left", 128, 128, 40, 80, 0)
    right = truth(Scene("plain", ("blue",), (shape,), "still", 0, "night"))
    assert right == {
        "colour": "red",
        "kind": "car",
        "background": "plain blue",
        "light": "night",
        "motion": "left",
        "camera": "still",
    }
    assert truth(Scene("ground", ("white snow",), (), "in", 80, "day"))["background"] == "white snow"
    for case in cases.told(20, 5):
        assert all(answer in LABELS[question] for question, answer in case.right.items())
    with pytest.raises(ValueError, match="one object"):
        truth(Scene("plain", ("blue",), (shape, shape), "still", 0, "day"))


def test_batches_follow_from_seed_and_step() -> None:
    one, two = (judge_data.Batches(3, 10, 4, [])[5] for _ in range(2))
    for name in ("clips", "scenes", "cuts"):
        assert torch.equal(getattr(one, name), getattr(two, name))
        assert not torch.equal(getattr(one, name), getattr(judge_data.Batches(3, 10, 4, [])[6], name))
    assert all(torch.equal(one.answers[question], two.answers[question]) for question in LABELS)
    assert [len(one.answers[question]) for question in ("motion", "light", "kind")] == [4, 8 + 8, 12]


def test_kinds_are_asked_of_exchanged_colours_and_the_camera_moves_often() -> None:
    batch = judge_data.Batches(3, 10, 40, [])[0]
    colour, kind = batch.answers["colour"], batch.answers["kind"]
    assert 0.15 < ((colour == judge_data.UNASKED) & (kind > 0)).float().mean() < 0.45
    assert (kind != judge_data.UNASKED).all()
    moves = batch.answers["camera"] != LABELS["camera"].index("still")
    assert 0.2 < moves.float().mean() < 0.6


def test_weights_to_begin_with_that_cannot_be_read_are_told_in_a_line(tmp_path) -> None:
    with pytest.raises(WeightsError, match="cannot read weights"):
        training.train([], tmp_path / "run", 1, 1, tmp_path / "nothing.safetensors")


def test_they_learn_from_nothing_that_is_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Scene] = []

    def kept(_video: object, scene: Scene, rng: np.random.Generator) -> judge_data.Batch:
        drawn.append(scene)
        return judge_data.empty_example(judge_data.nothing(8, 64, rng), 0, rng)

    monkeypatch.setattr(judge_data, "example", kept)
    judge_data.Batches(3, 10, 40, [])[0]
    assert len(drawn) > 30
    assert not any(held_out(shape, scene) for scene in drawn for shape in scene.shapes)


def test_a_mirrored_clip_has_mirrored_answers() -> None:
    """A clip that goes left is called right exactly when its object does go right in the pixels."""
    shape = Shape("red", "circle", "left", 200.0, 128.0, 30.0, 112.0, 0.0)
    scene = Scene("plain", ("white",), (shape,), "still", 0.0, "day")
    small = torch.from_numpy(render(scene).reshape(8, 64, 4, 64, 4, 3).mean((2, 4))).permute(0, 3, 1, 2).float() / 255
    seen = set()
    for seed in range(24):
        rng = np.random.default_rng(seed)
        clip, path, told = judge_data.movement_example(small, judge_data.places(scene), truth(scene), rng)
        if told["motion"] in ("left", "right"):
            red = (clip[:, 0] - clip[:, 1]).clamp(0, 1) ** 2
            across = (red.sum(1) * torch.arange(red.shape[-1])).sum(1) / red.sum((1, 2))
            assert (across[-2] < across[1]) == (told["motion"] == "left")
            there = path[~path.isnan().any(-1), 0]
            assert (there[-1] < there[0]) == (told["motion"] == "left")
            seen.add(told["motion"])
    assert seen == {"left", "right"}


def test_what_is_cut_out_is_the_object_alone_in_the_middle() -> None:
    """A red disc of any size, anywhere, fills the same part of the cut."""
    for x, y, radius in ((60.0, 190.0, 20.0), (128.0, 128.0, 60.0), (20.0, 128.0, 40.0)):
        shape = Shape("red", "circle", "still", x, y, radius, 80.0, 0.0)
        scene = Scene("plain", ("white",), (shape,), "still", 0.0, "day")
        frames = torch.from_numpy(render(scene)).permute(0, 3, 1, 2).float() / 255
        taken = thing.cut(frames, judge_data.places(scene))[0]
        red = ((taken[0] - taken[1]) > 0.3).float()
        assert red[:, red.shape[1] // 2 :].mean() == pytest.approx(np.pi / (2 * thing.REACH) ** 2, abs=0.02)


def test_what_was_found_roughly_is_set_right() -> None:
    """`off` says how far a place is from the true one, `moved` goes there; a mirrored cut is off the other way."""
    true, found = torch.tensor([0.5, 0.4, 0.2]), torch.tensor([0.45, 0.42, 0.25])
    assert torch.allclose(thing.moved(found, thing.off(found, true)), true)
    assert thing.off(found, true).tolist() == pytest.approx([0.2, -0.08, np.log(0.8)], abs=1e-5)
    frame, sides = torch.rand(1, 3, 64, 64), set()
    for seed in range(8):
        _, off = judge_data.cut_example(frame, found, true, np.random.default_rng(seed))
        sides.add(round(float(off[0]), 4))
        assert off[1:].tolist() == pytest.approx([-0.08, np.log(0.8)], abs=1e-5)
    assert sides == {0.2, -0.2}


def test_they_look_again_where_the_object_is(judges: Judges, told: list[cases.Case]) -> None:
    """From a third of a radius beside it they come nearer to most objects."""
    nearer = 0
    for case in told[:12]:
        scene = World(4242, "held_out")[case.number].scene
        true = judge_data.places(scene)[:1]
        beside = thing.moved(true, torch.tensor([[0.3, -0.2, 0.15]]))
        frame = torch.from_numpy(case.video[:1]).permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            found = judges._networks.thing.nearer(frame, beside)
        away = [float(thing.off(place, true).square().sum()) for place in (beside, found)]
        nearer += away[1] < away[0] / 4
    assert nearer >= 10


def test_what_is_turned_round_goes_the_other_way_and_is_not_held_out() -> None:
    shape = Shape("red", "circle", "left", 200.0, 128.0, 30.0, 112.0, 0.0)
    scene = Scene("plain", ("white",), (shape,), "still", 0.0, "day")
    turned = judge_data.turned_round(scene)
    assert turned.shapes[0].motion == "right"
    assert judge_data.places(turned)[-1, 0] > 1  # out of the picture
    colour, form, motion = next(told for told in sorted(HELD_OUT) if told[2] in ("left", "right"))
    other = {"left": "right", "right": "left"}[motion]
    forbidden = replace(scene, shapes=(replace(shape, colour=colour, form=form, motion=other),))
    assert judge_data.turned_round(forbidden) == forbidden


def test_other_places_are_not_the_objects() -> None:
    rng = np.random.default_rng(0)
    there = torch.tensor([0.5, 0.5, 0.3])
    for _ in range(50):
        x, y, radius = judge_data.anywhere(there, rng).tolist()
        assert np.hypot(x - 0.5, y - 0.5) >= 0.3 + radius / 2 - 1e-6
    assert judge_data.around(torch.full((3,), float("nan")), rng) is None
    assert judge_data.around(torch.tensor([1.2, 0.5, 0.3]), rng) is None


def test_to_find_the_object_costs_least() -> None:
    """And where there is none, to say so."""
    path = torch.tensor([0.3, 0.7, 0.15]).repeat(1, 8, 1)
    x, y = ((torch.arange(16) + 0.5) / 16 - place for place in (0.3, 0.7))
    there = -(x**2 + y[:, None] ** 2).flatten() * 100
    right = Seen(
        torch.cat([there, torch.tensor([-9.0])]).repeat(1, 8, 1),
        torch.tensor([0.3, 0.7, np.log(0.15)]).float().repeat(1, 8, 1),
        torch.zeros(1, 10),
        torch.zeros(1, 8),
    )
    mirrored = replace(right, places=torch.cat([there.flip(0), torch.tensor([-9.0])]).repeat(1, 8, 1))
    nowhere = replace(right, places=torch.cat([there, torch.tensor([9.0])]).repeat(1, 8, 1))
    larger = replace(right, path=right.path + torch.tensor([0.0, 0.0, 0.5]))
    least = training.astray(right, path)
    assert all(training.astray(other, path) > least + 0.4 for other in (mirrored, nowhere, larger))
    gone = torch.full_like(path, float("nan"))
    assert training.astray(nowhere, gone) < 0.1 < training.astray(right, gone)


def test_places_are_the_middles_of_what_was_looked_at() -> None:
    logits = torch.full((1, 16, 16), -20.0)
    logits[0, 12, 3] = 20.0
    assert centre(logits.flatten(1))[0].tolist() == pytest.approx([3.5 / 16, 12.5 / 16], abs=1e-4)

"""Judges: right on true renders, silent on noise, and blind to captions."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch

from common.errors import SettingError, WeightsError
from common.weights import Registry
from gvsc.bench.generator import cases
from gvsc.bench.generator.judges import LABELS, NAME, NONE, Judges, truth
from gvsc.training import judge as training
from gvsc.training import judge_data
from gvsc.training.world import Scene, Shape, render


@pytest.fixture(scope="module")
def judges() -> Judges:
    if NAME not in Registry().entries:
        pytest.skip("no trained judges come with gvsc yet")
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


def test_batches_follow_from_seed_and_step_and_never_show_what_is_held_out() -> None:
    one, two = (judge_data.Batches(3, 10, 4, [])[5] for _ in range(2))
    assert torch.equal(one.look, two.look)
    assert torch.equal(one.movement, two.movement)
    assert all(torch.equal(one.answers[question], two.answers[question]) for question in LABELS)
    assert not torch.equal(one.look, judge_data.Batches(3, 10, 4, [])[6].look)


def test_a_mirrored_clip_has_mirrored_answers() -> None:
    """A clip that goes left is called right exactly when its object does go right in the pixels."""
    shape = Shape("red", "circle", "left", 200.0, 128.0, 30.0, 112.0, 0.0)
    video = render(Scene("plain", ("white",), (shape,), "still", 0.0, "day"))
    scene = Scene("plain", ("white",), (shape,), "still", 0.0, "day")
    seen = set()
    for seed in range(24):
        rng = np.random.default_rng(seed)
        clip, path, numbers = judge_data.movement_example(video, judge_data.places(scene), truth(scene), rng)
        answer = LABELS["motion"][numbers["motion"]]
        if answer in ("left", "right"):
            red = (clip[:, 0] - clip[:, 1]).clamp(0, 1) ** 2
            across = (red.sum(1) * torch.arange(red.shape[-1])).sum(1) / red.sum((1, 2))
            assert (across[-1] < across[0]) == (answer == "left")
            assert (path[-1, 0] < path[0, 0]) == (answer == "left")
            seen.add(answer)
    assert seen == {"left", "right"}


def test_looking_at_the_object_costs_least() -> None:
    places = torch.tensor([[[0.25, 0.75, 0.15]], [[float("nan")] * 3]])
    there, elsewhere = torch.zeros(2, 4, 4), torch.zeros(2, 4, 4)
    there[0, 2:, 0:2] = 5.0
    elsewhere[0, 0:2, 2:] = 5.0
    assert training.astray(there, places) < training.astray(torch.zeros(2, 4, 4), places)
    assert training.astray(elsewhere, places) > training.astray(torch.zeros(2, 4, 4), places)
    assert training.astray(there, places[1:].expand(2, -1, -1)) == 0.0

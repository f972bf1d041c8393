"""`sd35-sketch` on tiny instances of its real classes, chained with a tiny `wan-vace`."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from common.errors import SettingError
from receiver import generators
from receiver.generators.sd35_sketch.generator import Sd35Sketch


@pytest.fixture(scope="module")
def places(sd35_folders, wan_folder) -> tuple[str, ...]:
    return f"sd35={sd35_folders[0]}", f"sd35-canny={sd35_folders[1]}", f"wan-vace={wan_folder}"


@pytest.fixture(scope="module")
def sd35(places, options) -> Sd35Sketch:
    made = generators.load("sd35-sketch", options(*places, chain="wan-vace"))
    assert isinstance(made, Sd35Sketch)
    return made


class Chained:
    """A second stage that keeps what it is asked for."""

    name = "chained"
    tasks = frozenset({"frame-text", "text"})

    def __init__(self) -> None:
        self.asked = []

    def generate(self, conditions, seed, steps=None, guidance=None):
        self.asked.append((conditions, seed, steps, guidance))
        return np.zeros((conditions.frames, 3, conditions.height, conditions.width), np.float32)


@pytest.fixture
def recorded(sd35, recorder) -> Sd35Sketch:
    return Sd35Sketch(recorder(sd35.pipeline), sd35._plan, Chained(), "sd35-sketch", side=64)


def test_a_sketch_becomes_a_clip_by_both_stages_and_both_are_named(sd35, conditions):
    clip = sd35.generate(conditions("sketch-text", height=64, width=96), seed=1, steps=1)
    assert (clip.shape, clip.dtype) == ((4, 3, 64, 96), np.float32)
    assert 0.0 <= clip.min() < clip.max() <= 1.0
    assert sd35.name.startswith("sd35-sketch:pipeline+wan-vace:")
    assert len(sd35.name) <= 64
    assert sd35.tasks == {"text", "frame-text", "sketch-text", "sketches-text"}


def test_the_same_seed_gives_the_same_frame_and_torch_keeps_its_state(sd35, conditions):
    """The pipeline encodes the control with noise of torch's own generator, which must begin at the seed, too."""
    given = conditions("sketch-text")
    torch.manual_seed(11)
    before = torch.random.get_rng_state()
    first = sd35.first_frame(given, seed=7, steps=1)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(12)
    again, other = (sd35.first_frame(given, seed=seed, steps=1) for seed in (7, 8))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_the_sketch_the_words_and_the_form_change_the_frame(sd35, conditions):
    literal = Sd35Sketch(sd35.pipeline, sd35._plan, Chained(), "tiny", side=64, form="literal")
    one = sd35.first_frame(conditions("sketch-text"), seed=1, steps=1)
    others = [
        sd35.first_frame(conditions("sketch-text", shade=0.5), seed=1, steps=1),
        sd35.first_frame(conditions("sketch-text", text="a blue star"), seed=1, steps=1),
        literal.first_frame(conditions("sketch-text"), seed=1, steps=1),
    ]
    assert all(np.abs(one - other).max() > 1e-4 for other in others)


def test_the_pipeline_gets_thin_lines_as_the_control_network_knows_them(recorded, conditions):
    given = conditions("sketch-text", snr_db=0.0)
    broad = np.repeat(given.sketches * np.float32(0.6), 1, axis=0)
    broad[0, :, 30:35] = 0.6
    recorded.generate(conditions("sketch-text", sketches=broad, snr_db=0.0), seed=1)
    (call,) = recorded.pipeline.calls
    assert (call["prompt"], call["negative_prompt"]) == ("a red star moves left", "")
    assert (call["height"], call["width"], call["num_inference_steps"], call["guidance_scale"]) == (64, 64, 50, 3.5)
    assert call["controlnet_conditioning_scale"] == 0.75
    control = call["control_image"]
    assert control.shape == (1, 3, 64, 64)
    assert set(control.unique().tolist()) == {0.5, 128.0}
    widths = (control[0, 0] == 128.0).sum(dim=1)
    assert widths[8:-8].tolist() == [2] * 48, "two lines, each one pixel wide, the broad one too"


def test_it_works_at_its_own_size_whatever_the_clips(sd35, recorder, conditions):
    generator = Sd35Sketch(recorder(sd35.pipeline), sd35._plan, Chained(), "sd35-sketch")
    frame = generator.first_frame(conditions("sketch-text", height=64, width=128), seed=1)
    (call,) = generator.pipeline.calls
    assert (call["height"], call["width"]) == (720, 1456)
    assert frame.shape == (3, 64, 128)


def test_the_chained_generator_gets_the_frame_as_clean(recorded, conditions):
    recorded.generate(conditions("sketch-text", snr_db=-3.0), seed=5, steps=2, guidance=4.0)
    ((asked, seed, steps, guidance),) = recorded.chain.asked
    assert (asked.task, asked.sketches, asked.snr_db) == ("frame-text", None, None)
    assert asked.first_frame.shape == (3, 64, 64)
    assert asked.description == "a red star moves left"
    assert (seed, steps, guidance) == (5, 2, 4.0)


def test_other_roles_go_straight_to_the_chained_generator(recorded, conditions):
    assert recorded.tasks == {"sketch-text", "frame-text", "text"}
    given = conditions("frame-text")
    recorded.generate(given, seed=1)
    assert recorded.chain.asked[0][0] is given
    assert recorded.pipeline.calls == []


def test_another_sketch_and_other_words_reach_the_pipeline(recorded, conditions, changed):
    for given in (conditions("sketch-text"), conditions("sketch-text", shade=0.5), conditions("sketch-text", "a star")):
        recorded.generate(given, seed=1)
    calls = recorded.pipeline.calls
    assert changed(calls[0], calls[1]) == {"control_image"}
    assert changed(calls[0], calls[2]) == {"prompt"}


def test_without_words_the_sketch_decides_alone(recorded, conditions):
    recorded.generate(conditions("sketch-text", text=None, snr_db=-9.0), seed=1)
    (call,) = recorded.pipeline.calls
    assert (call["prompt"], call["guidance_scale"], call["controlnet_conditioning_scale"]) == ("", 1.0, 1.0)


@pytest.mark.parametrize(("form", "silent"), [("joint", [False, False]), ("literal", [False, True])])
def test_the_literal_form_has_no_sketch_in_the_branch_with_the_text(sd35, conditions, form, silent):
    """The pipeline stacks the branch without text and that with it."""
    got = []
    forward = sd35.pipeline.transformer.forward

    def note(*args, **kwargs):
        got.extend(kwargs["block_controlnet_hidden_states"])
        return forward(*args, **kwargs)

    sd35.pipeline.transformer.forward = note
    generator = Sd35Sketch(sd35.pipeline, sd35._plan, Chained(), "tiny", side=64, form=form)
    try:
        generator.generate(conditions("sketch-text"), seed=1, steps=1)
    finally:
        sd35.pipeline.transformer.forward = forward
    (blocks,) = got
    assert [not blocks[branch].any() for branch in (0, 1)] == silent
    assert not sd35.pipeline.controlnet._forward_hooks


def test_it_is_chained_only_to_what_makes_a_video_of_a_frame(sd35, places, options):
    words = Chained()
    words.tasks = frozenset({"text"})
    with pytest.raises(SettingError, match="makes no video of a first frame"):
        Sd35Sketch(sd35.pipeline, sd35._plan, words, "tiny")
    with pytest.raises(SettingError, match="cannot be chained to itself"):
        generators.load("sd35-sketch", options(*places, chain="sd35-sketch"))
    with pytest.raises(SettingError, match="no generator is called 'sora'"):
        generators.load("sd35-sketch", options(*places, chain="sora"))

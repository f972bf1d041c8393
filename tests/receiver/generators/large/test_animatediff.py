"""`animatediff-sparsectrl` on tiny instances of its real classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from common.errors import SettingError
from receiver import generators
from receiver.generators.animatediff_sparsectrl.generator import AnimateDiffSparseCtrl
from receiver.generators.large.memory import Plan

ROLES = ("text", "frame-text", "sketch-text", "sketches-text")
CONTROL = {"text": None, "frame-text": "rgb", "sketch-text": "scribble", "sketches-text": "scribble"}


@pytest.fixture(scope="module")
def animatediff(animatediff_folder, options) -> AnimateDiffSparseCtrl:
    places = [f"{part}={animatediff_folder / part}" for part in ("sd15", "motion", "scribble", "rgb")]
    made = generators.load("animatediff-sparsectrl", options(*places))
    assert isinstance(made, AnimateDiffSparseCtrl)
    return made


@pytest.fixture
def recorded(animatediff, recorder) -> AnimateDiffSparseCtrl:
    pipelines = {control: recorder(pipeline) for control, pipeline in animatediff.pipelines.items()}
    return AnimateDiffSparseCtrl(pipelines, animatediff._plan, "tiny", side=64)


def calls(generator, role) -> list[dict]:
    return generator.pipelines[CONTROL[role]].calls


@pytest.mark.parametrize("role", ROLES)
def test_every_role_makes_eight_frames_at_once(animatediff, conditions, role):
    clip = animatediff.generate(conditions(role, frames=8, height=64, width=128), seed=1, steps=1)
    assert (clip.shape, clip.dtype) == ((8, 3, 64, 128), np.float32)
    assert 0.0 <= clip.min() < clip.max() <= 1.0


@pytest.mark.parametrize("role", ["frame-text", "sketches-text"])
def test_the_same_seed_gives_the_same_bytes_and_torch_keeps_its_state(animatediff, conditions, role):
    """The pipeline encodes a first frame with noise of torch's own generator, which must begin at the seed, too."""
    torch.manual_seed(11)
    before = torch.random.get_rng_state()
    first = animatediff.generate(conditions(role), seed=7, steps=1)
    assert torch.equal(before, torch.random.get_rng_state())
    torch.manual_seed(12)
    again, other = (animatediff.generate(conditions(role), seed=seed, steps=1) for seed in (7, 8))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


@pytest.mark.parametrize(
    ("role", "frames"), [("frame-text", [0]), ("sketch-text", [0]), ("sketches-text", [0, 1, 2, 3])]
)
def test_pictures_go_to_the_network_that_knows_them_with_the_frames_they_are_of(recorded, conditions, role, frames):
    given = conditions(role)
    recorded.generate(given, seed=1)
    (call,) = calls(recorded, role)
    assert call["controlnet_frame_indices"] == frames
    shown = np.stack([np.asarray(image, np.float32) / 255 for image in call["conditioning_frames"]])
    wanted = given.first_frame[None] if role == "frame-text" else np.repeat(given.sketches[:, None], 3, axis=1)
    np.testing.assert_allclose(shown.transpose(0, 3, 1, 2), wanted, atol=0.5 / 255 + 1e-6)
    assert [control for control, pipeline in recorded.pipelines.items() if pipeline.calls] == [CONTROL[role]]


def test_what_is_asked_of_the_pipeline_is_what_the_paper_asks_for(recorded, conditions):
    recorded.generate(conditions("text"), seed=1)
    (call,) = calls(recorded, "text")
    assert "conditioning_frames" not in call
    assert (call["prompt"], call["negative_prompt"], call["num_frames"]) == ("a red star moves left", "", 4)
    assert (call["num_inference_steps"], call["guidance_scale"]) == (50, 7.5)


def test_the_scheduler_is_ddim_on_epsilon_with_the_schedule_of_the_motion_modules(animatediff):
    for pipeline in animatediff.pipelines.values():
        assert type(pipeline.scheduler).__name__ == "DDIMScheduler"
        config = pipeline.scheduler.config
        assert (config.prediction_type, config.beta_schedule, config.clip_sample) == ("epsilon", "linear", False)


def test_the_pipelines_share_their_models(animatediff):
    for name in ("unet", "vae", "text_encoder"):
        assert len({id(getattr(pipeline, name)) for pipeline in animatediff.pipelines.values()}) == 1
    assert animatediff.pipelines["rgb"].controlnet.use_simplified_condition_embedding
    assert not animatediff.pipelines["scribble"].controlnet.use_simplified_condition_embedding


@pytest.mark.parametrize("role", ROLES[1:])
def test_other_pictures_and_other_words_reach_the_pipeline(recorded, conditions, changed, role):
    for given in (conditions(role), conditions(role, shade=0.5), conditions(role, text="a blue star")):
        recorded.generate(given, seed=1)
    one, picture, words = calls(recorded, role)
    assert changed(one, picture) == {"conditioning_frames"}
    assert changed(one, words) == {"prompt"}


def test_noisy_pictures_are_trusted_less_unless_they_are_all_there_is(recorded, conditions):
    for snr_db, text in ((None, "a star"), (-5.0, "a star"), (-5.0, None)):
        recorded.generate(conditions("sketches-text", snr_db=snr_db, text=text), seed=1)
    told = [(c["controlnet_conditioning_scale"], c["guidance_scale"]) for c in calls(recorded, "sketches-text")]
    assert told == [(1.0, 7.5), (0.5, 7.5), (1.0, 1.0)]
    assert all(isinstance(scale, float) for scale, _ in told), "the pipeline takes nothing else"


@pytest.mark.parametrize(("form", "silent"), [("joint", [False, False]), ("literal", [False, True])])
@pytest.mark.parametrize("role", ["frame-text", "sketches-text"])
def test_the_literal_form_has_no_pictures_in_the_branch_with_the_text(animatediff, conditions, role, form, silent):
    """The pipeline stacks the branch without text and that with it."""
    got = []
    unet, forward = animatediff.pipelines[None].unet, animatediff.pipelines[None].unet.forward

    def note(*args, **kwargs):
        got.append([*kwargs["down_block_additional_residuals"], kwargs["mid_block_additional_residual"]])
        return forward(*args, **kwargs)

    unet.forward = note
    try:
        generator = AnimateDiffSparseCtrl(animatediff.pipelines, animatediff._plan, "tiny", side=64, form=form)
        generator.generate(conditions(role), seed=1, steps=1)
    finally:
        unet.forward = forward
    (residuals,) = got
    for branch in (0, 1):
        assert [not part.chunk(2)[branch].any() for part in residuals] == [silent[branch]] * len(residuals)


def test_the_literal_form_at_guidance_one_is_plain_animatediff(animatediff, conditions):
    """Eq. (2) with ω = 1 is ε(c_t): what the networks add is silenced, and the backbone's own clip is left."""
    literal = AnimateDiffSparseCtrl(animatediff.pipelines, animatediff._plan, "tiny", side=64, form="literal")
    steered = literal.generate(conditions("sketches-text"), seed=1, steps=2, guidance=1.0)
    plain = animatediff.generate(conditions("text"), seed=1, steps=2, guidance=1.0)
    np.testing.assert_allclose(steered, plain, atol=1e-5)
    joint = animatediff.generate(conditions("sketches-text"), seed=1, steps=2, guidance=1.0)
    assert np.abs(joint - plain).max() > 1e-3


def test_what_it_cannot_make_is_told(recorded, conditions):
    with pytest.raises(SettingError, match="at most 16 frames, not 32"):
        recorded.generate(conditions("text", frames=32), seed=1)
    with pytest.raises(SettingError, match="nothing to generate from"):
        recorded.generate(conditions("text", text=None), seed=1)


def test_with_offloading_a_pipeline_is_placed_anew_when_another_takes_over(recorded, conditions, monkeypatch):
    placed = []
    monkeypatch.setattr("receiver.generators.large.memory.place", lambda pipeline, plan: placed.append(pipeline))
    for role in ("text", "text", "sketch-text", "sketches-text", "text"):
        recorded.generate(conditions(role), seed=1)
    assert placed == [recorded.pipelines[control] for control in (None, "scribble", None)]


def test_offloaded_models_make_the_same_bytes_whichever_pipeline_comes_next(animatediff, conditions, cpu_for_gpu):
    """The hooks that move models belong to one pipeline, the models to all: rehearsed with the CPU for a GPU."""
    roles = ("text", "frame-text", "sketches-text", "text")
    expected = [animatediff.generate(conditions(role), seed=1, steps=1).tobytes() for role in roles]
    for offload in ("model", "sequential"):
        generator = AnimateDiffSparseCtrl(
            animatediff.pipelines, Plan("cpu", "float32", offload, tiling=False), "tiny", side=64
        )
        assert [generator.generate(conditions(role), seed=1, steps=1).tobytes() for role in roles] == expected
        assert hasattr(animatediff.pipelines[None].unet, "_hf_hook")
    for pipeline in animatediff.pipelines.values():
        pipeline.remove_all_hooks()


def test_the_name_for_figures_tells_what_it_was_made_with(animatediff):
    assert animatediff.name == "animatediff-sparsectrl:sd15"

"""`wan-vace` on a tiny instance of its real classes: what reaches the pipeline, and what comes of it."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from common.errors import DeviceError, SettingError
from receiver import generators
from receiver.generators.large import memory
from receiver.generators.large.memory import Plan
from receiver.generators.wan_vace.generator import WanVace

ROLES = ("text", "frame-text", "sketch-text", "sketches-text")


@pytest.fixture(scope="module")
def wan(wan_folder, options) -> WanVace:
    made = generators.load("wan-vace", options(wan_folder))
    assert isinstance(made, WanVace)
    return made


@pytest.fixture
def recorded(wan, recorder) -> WanVace:
    """The same, with a recorder for a pipeline."""
    return WanVace(recorder(wan.pipeline), wan._plan, "tiny", side=64)


@pytest.mark.parametrize("role", ROLES)
def test_every_role_makes_a_clip_of_the_size_asked_for(wan, conditions, role):
    clip = wan.generate(conditions(role, height=64, width=96, frames=3), seed=1, steps=1)
    assert clip.shape == (3, 3, 64, 96)
    assert clip.dtype == np.float32
    assert 0.0 <= clip.min() < clip.max() <= 1.0


def test_the_same_seed_gives_the_same_bytes_and_torch_keeps_its_state(wan, conditions):
    before = torch.random.get_rng_state()
    first, again, other = (wan.generate(conditions("frame-text", frames=2), seed=seed, steps=1) for seed in (7, 7, 8))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()
    assert torch.equal(before, torch.random.get_rng_state())


def test_29_frames_are_made_of_which_every_fourth_is_kept(recorded, conditions):
    clip = recorded.generate(conditions("text", frames=8), seed=1)
    (call,) = recorded.pipeline.calls
    assert (call["num_frames"], call["num_inference_steps"], call["guidance_scale"]) == (29, 50, 5.0)
    np.testing.assert_allclose(clip.mean(axis=(1, 2, 3)) * 100, np.arange(0, 29, 4), atol=1e-4)


def test_text_alone_comes_without_pictures(recorded, conditions):
    recorded.generate(conditions("text"), seed=1)
    (call,) = recorded.pipeline.calls
    assert (call["prompt"], call["negative_prompt"]) == ("a red star moves left", "")
    assert {"video", "mask", "conditioning_scale"} & set(call) == set()


def test_a_first_frame_is_kept_and_the_rest_is_grey_to_be_made(recorded, conditions):
    given = conditions("frame-text")
    recorded.generate(given, seed=1)
    (call,) = recorded.pipeline.calls
    assert call["video"].shape == call["mask"].shape == (1, 13, 64, 64, 3)
    np.testing.assert_array_equal(call["video"][0, 0], given.first_frame.transpose(1, 2, 0))
    assert np.all(call["mask"][0, 0] == 0.0)
    assert np.all(call["mask"][0, 1:] == 1.0)
    assert np.abs(call["video"][0, 1:] - 128 / 255).max() < 1 / 255


def test_sketches_come_black_on_white_without_a_mask_one_a_latent_frame(recorded, conditions):
    given = conditions("sketches-text")
    recorded.generate(given, seed=1)
    (call,) = recorded.pipeline.calls
    assert "mask" not in call
    assert call["video"].shape == (1, 13, 64, 64, 3)
    shown = [0, *(k for k in range(1, 4) for _ in range(4))]
    for frame, number in enumerate(shown):
        np.testing.assert_array_equal(call["video"][0, frame, :, :, 0], 1.0 - given.sketches[number])


def test_one_sketch_becomes_a_frame_first_and_that_a_video(recorded, conditions):
    given = conditions("sketch-text", snr_db=0.0)
    recorded.generate(given, seed=1)
    still, video = recorded.pipeline.calls
    assert (still["num_frames"], video["num_frames"]) == (1, 13)
    np.testing.assert_array_equal(still["video"][0, 0, :, :, 0], 1.0 - given.sketches[0])
    assert "mask" not in still
    assert np.all(video["video"][0, 0] == 0.0), "what the first call gave back"
    assert (still["conditioning_scale"], video["conditioning_scale"]) == (0.75, 1.0), "its own frame is clean"


@pytest.mark.parametrize("role", ROLES[1:])
def test_other_pictures_and_other_words_reach_the_pipeline(recorded, conditions, changed, role):
    for given in (conditions(role), conditions(role, shade=0.5), conditions(role, text="a blue star")):
        recorded.generate(given, seed=1)
    calls = recorded.pipeline.calls[:: len(recorded.pipeline.calls) // 3]
    assert changed(calls[0], calls[1]) == {"video"}
    assert changed(calls[0], calls[2]) == {"prompt"}


def test_noisy_pictures_are_trusted_less_unless_they_are_all_there_is(recorded, conditions):
    for snr_db, text in ((None, "a star"), (20.0, "a star"), (-5.0, "a star"), (-5.0, None), (-5.0, "  ")):
        recorded.generate(conditions("frame-text", snr_db=snr_db, text=text), seed=1)
    told = [(call["conditioning_scale"], call["guidance_scale"]) for call in recorded.pipeline.calls]
    assert told == [(1.0, 5.0), (1.0, 5.0), (0.5, 5.0), (1.0, 1.0), (1.0, 1.0)]


@pytest.mark.parametrize(("form", "scales"), [("joint", [1.0, 1.0]), ("literal", [0.0, 1.0])])
def test_the_literal_form_has_no_pictures_in_the_branch_with_the_text(wan, conditions, form, scales):
    told, texts = [], []

    def note(_module, _args, kwargs):
        told.append(float(kwargs["control_hidden_states_scale"][0]))
        texts.append(kwargs["encoder_hidden_states"])

    # Before what the generator itself puts there, so this one looks at what the forward pass gets.
    generator = WanVace(wan.pipeline, wan._plan, "tiny", side=64, form=form)
    forward = wan.pipeline.transformer.forward
    wan.pipeline.transformer.forward = lambda *args, **kwargs: (note(None, args, kwargs), forward(*args, **kwargs))[1]
    try:
        generator.generate(conditions("frame-text", frames=2), seed=1, steps=1)
    finally:
        wan.pipeline.transformer.forward = forward
    assert told == scales
    assert not torch.equal(texts[0], texts[1])
    assert not wan.pipeline.transformer._forward_pre_hooks


def test_the_literal_form_changes_what_is_made(wan, conditions):
    literal = WanVace(wan.pipeline, wan._plan, "tiny", side=64, form="literal")
    clips = [made.generate(conditions("frame-text", frames=2), seed=1, steps=1) for made in (wan, literal)]
    assert clips[0].tobytes() != clips[1].tobytes()
    texts = [made.generate(conditions("text", frames=2), seed=1, steps=1) for made in (wan, literal)]
    assert texts[0].tobytes() == texts[1].tobytes(), "of text alone there is one reading"


def test_at_guidance_zero_the_pictures_decide_alone(recorded, conditions):
    recorded.generate(conditions("frame-text"), seed=1, guidance=0.0)
    assert (recorded.pipeline.calls[0]["prompt"], recorded.pipeline.calls[0]["guidance_scale"]) == ("", 1.0)


@pytest.mark.parametrize(
    ("role", "others", "call", "message"),
    [
        ("text", {"frames": 32}, {}, "at most 21 frames, not 32"),
        ("text", {"text": None}, {}, "neither a description nor a picture"),
        ("text", {}, {"guidance": 0.5}, "from 1 on"),
        ("frame-text", {}, {"guidance": 0.5}, "or 0 with pictures"),
    ],
)
def test_what_it_cannot_make_is_told(recorded, conditions, role, others, call, message):
    with pytest.raises(SettingError, match=message):
        recorded.generate(conditions(role, **others), seed=1, **call)


def test_small_clips_are_made_at_480_pixels_and_large_ones_at_their_own_size(wan, recorder, conditions):
    generator = WanVace(recorder(wan.pipeline), wan._plan, "tiny")
    clip = generator.generate(conditions("text", height=256, width=256), seed=1)
    assert clip.shape == (4, 3, 256, 256)
    generator.generate(conditions("text", height=512, width=512), seed=1)
    sizes = [(call["height"], call["width"]) for call in generator.pipeline.calls]
    assert sizes == [(480, 480), (512, 512)]


def test_the_autoencoder_stays_in_float32_and_the_scheduler_is_that_for_480p(wan_folder, options, conditions):
    half = generators.load("wan-vace", options(wan_folder, precision="bfloat16"))
    assert {parameter.dtype for parameter in half.pipeline.vae.parameters()} == {torch.float32}
    assert half.pipeline.transformer.blocks[0].attn1.to_q.weight.dtype == torch.bfloat16
    assert half.pipeline.scheduler.config.flow_shift == 3.0
    assert np.isfinite(half.generate(conditions("text", frames=2), seed=1, steps=1)).all()


@pytest.mark.parametrize("offload", ["model", "sequential"])
def test_offloaded_models_make_the_same_clip_in_either_form(wan_folder, options, conditions, cpu_for_gpu, offload):
    """Rehearsed with the CPU for a GPU: the hooks that move models and those of the literal form get along."""
    made = generators.load("wan-vace", options(wan_folder))
    offloaded = Plan("cpu", "float32", offload, tiling=False)
    given = conditions("frame-text", frames=2)
    forms = ("joint", "literal")
    expected = [WanVace(made.pipeline, made._plan, "tiny", side=64, form=form).generate(given, 1, 1) for form in forms]
    memory.place(made.pipeline, offloaded)
    for form, clip in zip(forms, expected, strict=True):
        again = WanVace(made.pipeline, offloaded, "tiny", side=64, form=form).generate(given, 1, 1)
        np.testing.assert_allclose(again, clip, atol=1e-5)
    assert np.abs(expected[0] - expected[1]).max() > 1e-4


def test_the_name_for_figures_tells_what_it_was_made_with(wan, wan_folder):
    assert wan.name == f"wan-vace:{wan_folder.name}"


def test_progress_is_shown_on_terminals_alone(wan, wan_folder, options, monkeypatch):
    assert wan.pipeline._progress_bar_config == {"disable": True}
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert generators.load("wan-vace", options(wan_folder)).pipeline._progress_bar_config == {"disable": False}


@pytest.mark.parametrize(
    "trouble",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_running_out_of_memory_says_what_to_do(recorded, conditions, monkeypatch, trouble):
    def fail(_self, **_inputs):
        raise trouble

    monkeypatch.setattr(type(recorded.pipeline), "__call__", fail)
    with pytest.raises(DeviceError, match=r"out of.* memory.*--generator-side.*--offload"):
        recorded.generate(conditions("text"), seed=1)


def test_an_output_that_is_not_finite_is_refused(recorded, conditions, monkeypatch):
    from types import SimpleNamespace

    broken = SimpleNamespace(frames=np.full((1, 13, 64, 64, 3), np.nan, np.float32))
    monkeypatch.setattr(type(recorded.pipeline), "__call__", lambda _self, **_inputs: broken)
    with pytest.raises(SettingError, match="--precision float32"):
        recorded.generate(conditions("text"), seed=1)

"""`mini` on a tiny instance with random weights made here: plumbing, not looks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor
from transformers import BertConfig, BertModel, BertTokenizerFast

from common.errors import SettingError, WeightsError
from receiver import generators
from receiver.generators.base import Conditions
from receiver.generators.mini.generator import Mini, snr_db_as_trained
from receiver.generators.mini.latent import PatchLatent, fit_basis
from receiver.generators.mini.pipeline import MiniPipeline
from receiver.generators.mini.prior import SNR_KNOTS_DB
from receiver.generators.mini.unet import VideoUNet

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "red", "blue", "star", "moves", "left", "right"]


@pytest.fixture(scope="module")
def text_encoder() -> tuple[BertTokenizerFast, BertModel]:
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    return BertTokenizerFast({word: number for number, word in enumerate(WORDS)}), BertModel(config).eval()


@pytest.fixture(scope="module")
def mini(text_encoder) -> Mini:
    """A tiny instance whose every weight is random, those that start at zero too."""
    torch.manual_seed(2)
    latent = PatchLatent(channels=12, width=8, depth=1)
    natural = torch.rand(400, 3, 4, 4)
    patches = torch.nn.functional.interpolate(natural, size=(16, 16), mode="bilinear").flatten(1)
    for buffer, value in zip((latent.mean, latent.basis, latent.scale), fit_basis(patches, 12), strict=True):
        buffer.copy_(value)
    unet = VideoUNet(latent_channels=12, fine_width=16, coarse_width=32, coarse_blocks=1, heads=2, text_width=16)
    with torch.no_grad():
        for parameter in [*latent.parameters(), *unet.parameters()]:
            parameter.normal_(0, 0.2)
    levels = torch.tensor([0.8, 0.6, 0.4, 0.3, 0.2]).repeat_interleave(8).view(-1, 1, 1, 1)
    unet.prior.framed.copy_(levels.expand_as(unet.prior.framed))
    tokenizer, encoder = text_encoder
    pipeline = MiniPipeline(latent, unet, FlowMatchEulerDiscreteScheduler(shift=4.0), encoder, tokenizer)
    pipeline.set_progress_bar_config(disable=True)
    return Mini(pipeline)


def conditions(
    description: str | None = "a red star moves left",
    frame: bool = False,
    snr_db: float | None = 10.0,
    size: tuple[int, int] = (64, 96),
    frames: int = 8,
    shade: float = 0.0,
) -> Conditions:
    image = None
    if frame:
        rng = np.random.default_rng(3)
        image = np.clip(rng.random((3, *size)).astype(np.float32) + np.float32(shade), 0, 1)
    return Conditions(description, image, snr_db, frames, *size)


@pytest.mark.parametrize("frame", [False, True])
def test_clip_has_the_shape_asked_for_and_lies_in_zero_to_one(mini, frame):
    clip = mini.generate(conditions(frame=frame), seed=1, steps=2)
    assert clip.shape == (8, 3, 64, 96)
    assert clip.dtype == np.float32
    assert 0.0 <= clip.min() < clip.max() <= 1.0


def test_same_seed_gives_the_same_bytes_and_another_does_not(mini):
    first = mini.generate(conditions(frame=True), seed=5, steps=3)
    again = mini.generate(conditions(frame=True), seed=5, steps=3)
    other = mini.generate(conditions(frame=True), seed=6, steps=3)
    assert first.tobytes() == again.tobytes()
    assert not np.allclose(first, other, atol=1e-3)


def test_the_global_random_state_is_neither_used_nor_touched(mini):
    torch.manual_seed(11)
    state = torch.get_rng_state()
    first = mini.generate(conditions(), seed=5, steps=1)
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(12)
    assert first.tobytes() == mini.generate(conditions(), seed=5, steps=1).tobytes()


def test_description_first_frame_and_snr_each_change_the_clip(mini):
    clip = mini.generate(conditions(frame=True), seed=1, steps=2)
    told = mini.generate(conditions("a blue star moves right", frame=True), seed=1, steps=2)
    seen = mini.generate(conditions(frame=True, shade=0.2), seed=1, steps=2)
    trusted = mini.generate(conditions(frame=True, snr_db=-2.0), seed=1, steps=2)
    for other in (told, seen, trusted):
        assert not np.allclose(clip, other, atol=1e-3)


def test_without_a_frame_the_snr_means_nothing(mini):
    low = mini.generate(conditions(snr_db=-2.0), seed=1, steps=2)
    assert low.tobytes() == mini.generate(conditions(snr_db=15.0), seed=1, steps=2).tobytes()


def test_a_frame_without_an_snr_is_taken_as_clean(mini):
    unknown = mini.generate(conditions(frame=True, snr_db=None), seed=1, steps=2)
    clean = mini.generate(conditions(frame=True, snr_db=40.0), seed=1, steps=2)
    assert unknown.tobytes() == clean.tobytes()


def test_the_snr_is_translated_steadily_and_never_falls():
    values = [snr_db_as_trained(snr_db) for snr_db in np.arange(-20.0, 40.0, 0.5)]
    assert np.all(np.diff(values) >= 0)
    assert np.max(np.diff(values)) < 2
    assert snr_db_as_trained(0.0) == 10.0
    assert snr_db_as_trained(90.0) == SNR_KNOTS_DB[-1]


def test_a_lost_description_is_an_empty_one(mini):
    lost = mini.generate(conditions(None, frame=True), seed=1, steps=2)
    assert lost.tobytes() == mini.generate(conditions("  ", frame=True), seed=1, steps=2, guidance=7.0).tobytes()


def _velocities(mini: Mini, prompt: str) -> dict[float, Tensor]:
    """The first step's velocity, read from what the scheduler is given, for several guidances."""
    seen: dict[float, Tensor] = {}
    image = torch.from_numpy(conditions(frame=True).first_frame)
    for scale in (0.0, 1.0, 3.5):
        step = mini.pipeline.scheduler.step
        caught: list[Tensor] = []

        def catch(velocity, *rest, step=step, caught=caught, **options):
            caught.append(velocity.clone())
            return step(velocity, *rest, **options)

        mini.pipeline.scheduler.step = catch
        try:
            mini.pipeline(
                prompt, image, 10.0, 64, 96, num_inference_steps=1, guidance_scale=scale,
                generator=torch.Generator().manual_seed(1),
            )  # fmt: skip
        finally:
            del mini.pipeline.scheduler.step
        seen[scale] = caught[0]
    return seen


def test_guidance_is_equation_two_with_the_frame_in_both_branches(mini):
    velocity = _velocities(mini, "a red star moves left")
    without_text = _velocities(mini, "")
    assert not torch.allclose(velocity[0.0], velocity[1.0], atol=1e-2)
    assert torch.allclose(velocity[0.0], without_text[1.0], atol=2e-2)
    expected = velocity[0.0] + 3.5 * (velocity[1.0] - velocity[0.0])
    assert torch.allclose(velocity[3.5], expected, atol=5e-2)


def test_saved_pipeline_gives_the_same_bytes_and_holds_no_text_encoder(mini, text_encoder, tmp_path):
    mini.pipeline.save_pretrained(tmp_path)
    files = {str(f.relative_to(tmp_path)) for f in tmp_path.rglob("*") if f.is_file()}
    assert not any("text_encoder" in f or "tokenizer" in f or f.endswith((".bin", ".pt")) for f in files)
    tokenizer, encoder = text_encoder
    again = MiniPipeline.from_pretrained(tmp_path, text_encoder=encoder, tokenizer=tokenizer, local_files_only=True)
    again.set_progress_bar_config(disable=True)
    assert mini.pipeline.text_encoder is encoder
    for frame in (False, True):
        before = mini.generate(conditions(frame=frame), seed=9, steps=2)
        assert before.tobytes() == Mini(again).generate(conditions(frame=frame), seed=9, steps=2).tobytes()


def test_a_prompt_without_a_text_encoder_is_refused(mini):
    bare = MiniPipeline(mini.pipeline.vae, mini.pipeline.unet, mini.pipeline.scheduler)
    with pytest.raises(WeightsError, match="text encoder"):
        bare("a red star", height=64, width=64, num_inference_steps=1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (conditions(frames=16), "8 frames, not 16"),
        (conditions(size=(64, 80)), "multiples of 32"),
        (conditions(size=(0, 64)), "multiples of 32"),
        (conditions(None), "nothing to build from"),
        (conditions(" "), "nothing to build from"),
    ],
)
def test_what_does_not_fit_is_refused(mini, wrong, message):
    with pytest.raises(SettingError, match=message):
        mini.generate(wrong, seed=1, steps=1)


def test_a_first_frame_of_another_size_is_refused(mini):
    fits = conditions(frame=True)
    with pytest.raises(SettingError, match="first frame"):
        mini.generate(Conditions("a star", fits.first_frame, 5.0, 8, 96, 96), seed=1, steps=1)


def test_untrained_denoiser_keeps_the_first_frame_where_nothing_says_otherwise():
    """With its zero-initialised output the estimate from pure noise is the prior's mean: the frame, in every frame."""
    torch.manual_seed(4)
    latent = PatchLatent(channels=12, width=8, depth=1)
    patches = torch.nn.functional.interpolate(torch.rand(400, 3, 4, 4), size=(16, 16), mode="bilinear").flatten(1)
    for buffer, value in zip((latent.mean, latent.basis, latent.scale), fit_basis(patches, 12), strict=True):
        buffer.copy_(value)
    unet = VideoUNet(latent_channels=12, fine_width=16, coarse_width=32, coarse_blocks=1, heads=2, text_width=16)
    frame = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        estimate, flow = unet(
            torch.randn(1, 8, 12, 4, 4), torch.ones(1), torch.zeros(1, 1, 16), torch.zeros(1, 1), frame,
            torch.ones(1), torch.tensor([10.0]), *latent.analysis(),
        )  # fmt: skip
        expected = latent.encode(frame)
    assert torch.count_nonzero(flow) == 0
    for number in range(8):
        assert torch.allclose(estimate[:, number], expected, atol=1e-4)


def test_linear_code_reproduces_what_lies_in_its_span():
    torch.manual_seed(5)
    latent = PatchLatent(channels=768, width=8, depth=1)
    for buffer, value in zip(
        (latent.mean, latent.basis, latent.scale), fit_basis(torch.rand(3000, 768), 768), strict=True
    ):
        buffer.copy_(value)
    frames = torch.rand(2, 3, 64, 32)
    latents = latent.encode(frames)
    assert latents.shape == (2, 768, 4, 2)
    assert torch.allclose(latent.decode(latents), frames, atol=1e-3)


def test_fitted_basis_is_orthonormal_and_its_latents_have_mean_square_one():
    torch.manual_seed(6)
    patches = torch.randn(5000, 20) * torch.linspace(3, 0.5, 20)
    mean, basis, scale = fit_basis(patches, 8)
    assert torch.allclose(basis @ basis.T, torch.eye(8), atol=1e-5)
    latents = (patches - mean) @ basis.T / scale
    assert latents.square().mean().item() == pytest.approx(1.0, abs=0.02)


def test_an_unknown_generator_is_refused_by_name():
    with pytest.raises(SettingError, match="mini"):
        generators.load("sora")


def test_missing_weights_are_an_error_that_names_the_folder(tmp_path: Path):
    with pytest.raises(WeightsError, match="nowhere"):
        Mini.from_folders(tmp_path / "nowhere", tmp_path / "nowhere-either")

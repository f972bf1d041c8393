"""Training `mini`: what it draws, what a received frame looks like, and that a killed run goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from gvsc.training.mini import WORDS_FROM, Run, draw_noise_levels, draw_times, fit_text, loss_of
from gvsc.training.mini_captions import clip_caption
from gvsc.training.mini_data import CLEAN_SNR_DB, FRAME_SYMBOLS, LinearFrameCode, TrainingData, build_pool
from gvsc.training.mini_decoder import load_latent
from gvsc.training.mini_decoder import loss_of as decoder_loss_of
from receiver.generators.mini.unet import VideoUNet


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Path]:
    """A pool of ten rendered clips, and four of them posing as real ones."""
    pool, data = tmp_path_factory.mktemp("pool"), tmp_path_factory.mktemp("data")
    build_pool(pool, [], 10, seed=1)
    np.save(data / "clips-train.npy", np.load(pool / "world-video.npy")[:4])
    names = ["film-156-00001-0", "film-156-00013-0", "face-cap12-000-00002-0", "unknown-0-0"]
    (data / "clips-train.json").write_text(json.dumps(names))
    return pool, data


@pytest.fixture(scope="module")
def samples(folders) -> TrainingData:
    return TrainingData(*folders, seed=3)


def psnr(one: torch.Tensor, two: torch.Tensor) -> float:
    return float(-10 * torch.log10((one - two).square().mean()))


def test_a_received_frame_gets_better_with_snr_and_is_untouched_when_clean(samples):
    code = LinearFrameCode(samples.frames)
    frames = torch.from_numpy(samples.frames[:4]).permute(0, 3, 1, 2).float() / 255
    quality = []
    for snr_db in (-5.0, 5.0, 15.0, CLEAN_SNR_DB):
        received = code.receive(frames, torch.full((4,), snr_db), torch.Generator().manual_seed(1))
        assert received.shape == frames.shape
        quality.append(psnr(frames, received) if snr_db < CLEAN_SNR_DB else float(torch.equal(frames, received)))
    assert quality[0] + 1 < quality[1]
    assert quality[1] + 0.5 < quality[2]
    assert quality[3] == 1.0


def test_the_frame_code_sends_no_more_than_its_symbols_at_unit_power(samples):
    code = LinearFrameCode(samples.frames)
    assert len(code.gain) * 1024 <= 2 * FRAME_SYMBOLS
    assert float((code.gain**2 * code.variance).mean()) == pytest.approx(0.5, rel=1e-4)


def test_a_batch_holds_what_it_says(samples):
    batch = samples.draw(20, 0.55, [1, 3, 5, 7])
    assert batch.video.shape == (20, 4, 3, 256, 256)
    assert batch.flow.shape == (20, 4, 2, 32, 32)
    assert len(batch.captions) == 20
    assert batch.has_frame.sum() == 11
    assert "" in samples.draw(40, times=[0]).captions
    worlds = batch.flow_known == 1
    assert worlds.any()
    assert not worlds.all()
    assert torch.count_nonzero(batch.flow[~worlds]) == 0


def test_real_clips_have_the_caption_of_their_shot():
    assert clip_caption("film-156-00001-0") == "green trees under a blue sky, the camera stands still"
    assert clip_caption("unknown-000-1") == ""


def test_noise_levels_lie_in_range_and_lean_towards_noise():
    generator = torch.Generator().manual_seed(1)
    framed = draw_noise_levels(torch.ones(4000), generator)
    assert 0.0 < framed.min() <= framed.max() <= 1.0
    assert framed.median().item() == pytest.approx(0.8, abs=0.02)
    told = draw_noise_levels(torch.zeros(4000), generator)
    assert (told > WORDS_FROM).float().mean() > 0.55
    assert told.max() <= 1.0


def test_training_sees_single_frames_throughout_and_every_other_frame_before_all_of_them():
    generator = torch.Generator().manual_seed(1)
    early = [tuple(draw_times(0.1, generator).tolist()) for _ in range(60)]
    assert {times for times in early if len(times) > 1} == {(0, 2, 4, 6), (1, 3, 5, 7)}
    assert 10 < sum(len(times) == 1 for times in early) < 40
    late = {tuple(draw_times(0.9, generator).tolist()) for _ in range(30)}
    assert {times for times in late if len(times) > 1} == {tuple(range(8))}


def _small() -> VideoUNet:
    return VideoUNet(fine_width=16, coarse_width=32, coarse_blocks=1, heads=2)


def _step(run: Run, samples: TrainingData, seed: int) -> float:
    generator = torch.Generator().manual_seed(seed)
    batch = samples.draw(2, 0.5, range(0, 8, 2))
    loss, parts = loss_of(
        run.unet, run.latent, batch, torch.zeros(2, 1, 384), torch.zeros(2, 1), torch.arange(0, 8, 2), generator
    )
    assert all(np.isfinite(value) for value in parts.values())
    return run.advance(loss, 0.1)


def test_a_killed_run_goes_on_with_the_same_weights_average_and_moments(samples, tmp_path, monkeypatch):
    monkeypatch.setattr("gvsc.training.mini.STATISTICS_BATCHES", 1)
    torch.manual_seed(1)
    run = Run(tmp_path, samples, 1e-3, _small)
    before = {name: value.clone() for name, value in run.unet.state_dict().items()}
    for seed in range(2):
        assert _step(run, samples, seed) > 0
    assert any(not torch.equal(before[name], value) for name, value in run.unet.state_dict().items())
    run.seconds = 12.5
    run.save()
    (tmp_path / "state.new").write_bytes(b"killed while writing")
    again = Run(tmp_path, samples, 1e-3, _small)
    assert (again.step, again.seconds) == (2, 12.5)
    for mine, theirs in ((run.unet, again.unet), (run.average, again.average), (run.latent, again.latent)):
        for name, value in mine.state_dict().items():
            assert torch.equal(value, theirs.state_dict()[name]), name
    for one, two in zip(run.unet.parameters(), again.unet.parameters(), strict=True):
        for key in ("step", "exp_avg", "exp_avg_sq"):
            assert torch.equal(run.optimiser.state[one][key], again.optimiser.state[two][key])
    assert torch.equal(load_latent(tmp_path).basis, run.latent.basis)


def test_the_decoder_loss_punishes_a_patch_border_beyond_its_square_error():
    flat = torch.full((1, 3, 32, 32), 0.5)
    step = flat.clone()
    step[..., 16:] += 0.1
    shifted = flat + 0.1 / 2**0.5
    assert decoder_loss_of(flat, flat) == 0
    assert decoder_loss_of(flat, step) > decoder_loss_of(flat, shifted)


def test_descriptions_are_whitened_and_words_standardised():
    generator = torch.Generator().manual_seed(1)
    unet = _small()
    text = 3 + torch.randn(300, 5, 384, generator=generator) * torch.linspace(0.1, 2, 384)
    mask = torch.ones(300, 5)
    mask[:, 4] = 0
    fit_text(unet, text, mask)
    topics = (text[:, :4].mean(1) - unet.text_mean) @ unet.text_axes.T
    assert torch.allclose(topics.T @ topics / 300, torch.eye(64), atol=1e-3)
    words = (text[mask > 0] - unet.word_mean) * unet.word_scale
    assert torch.allclose(words.std(0), torch.ones(384), atol=1e-3)
    assert words.mean(0).abs().max() < 1e-3

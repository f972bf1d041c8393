from __future__ import annotations

import numpy as np
import pytest
import torch

from common.codecs.djscc_frame import DjsccFrameModel
from gvsc.training.djscc_frame import Run, add_noise, draw_snrs, loss_of, rate_at
from gvsc.training.photos import SIDE_WEIGHTS, Crops, augment
from gvsc.training.prepare import PHOTO_SIDES, PHOTOS, VALIDATION_PHOTOS, Video, split_of
from gvsc.training.shots import Shot


@pytest.fixture
def model():
    torch.manual_seed(0)
    colour = torch.linalg.qr(torch.randn(3, 3))[0]
    frequency = torch.arange(256.0)
    falling = -0.05 * (frequency[:, None] + frequency[None, :])
    return DjsccFrameModel(
        colour, torch.tensor(0.45), torch.stack([falling, falling - 2.0, falling - 3.0]), torch.ones(3, 16, 16)
    )


def test_training_starts_from_the_linear_code_exactly(model):
    pictures = torch.rand(2, 3, 64, 64)
    snr_db = torch.tensor([0.0, 9.0])
    with torch.inference_mode():
        reals = model.encode(pictures, snr_db)
        torch.testing.assert_close(reals, model.encode(pictures, snr_db, linear=True))
        torch.testing.assert_close(
            model.decode(reals, snr_db, 64, 64), model.decode(reals, snr_db, 64, 64, linear=True)
        )


def test_each_picture_of_a_batch_has_its_own_unit_power(model):
    pictures = torch.stack([torch.full((3, 64, 64), 0.9), torch.rand(3, 64, 64)])
    reals = model.encode(pictures, torch.tensor([0.0, 15.0]))
    torch.testing.assert_close(reals.square().mean(dim=1), torch.tensor([0.5, 0.5]))


def test_every_trained_parameter_gets_a_gradient_once_the_heads_are_not_zero(model):
    for head in (model.encoder.head, model.decoder.head):
        torch.nn.init.normal_(head.weight, std=0.01)
    loss_of(model, torch.rand(2, 3, 64, 64), np.random.default_rng(0)).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert without == []


def test_a_run_goes_on_from_its_checkpoint(model, tmp_path):
    run = Run(model, tmp_path)
    loss_of(run.model, torch.rand(1, 3, 32, 32), np.random.default_rng(0)).backward()
    run.optimiser.step()
    run.average()
    run.step, run.seconds = 7, 12.5
    run.save()
    other = Run(
        DjsccFrameModel(torch.eye(3), torch.tensor(0.0), torch.zeros(3, 256, 256), torch.ones(3, 16, 16)),
        tmp_path,
    )
    other.restore()
    assert (other.step, other.seconds) == (7, 12.5)
    for name, tensor in run.model.state_dict().items():
        assert torch.equal(tensor, other.model.state_dict()[name]), name
        assert torch.equal(run.averaged[name], other.averaged[name]), name
    first, second = run.optimiser.state_dict()["state"], other.optimiser.state_dict()["state"]
    assert first.keys() == second.keys()
    assert all(torch.equal(first[i]["exp_avg_sq"], second[i]["exp_avg_sq"]) for i in first)


def test_noise_on_reals_is_half_of_what_the_snr_says_a_symbol_has():
    noise = add_noise(torch.zeros(2, 100_000), torch.tensor([0.0, 10.0]), torch.Generator().manual_seed(0))
    assert noise[0].var().item() == pytest.approx(0.5, rel=0.02)
    assert noise[1].var().item() == pytest.approx(0.05, rel=0.02)


def test_transmitter_and_receiver_differ_from_the_truth():
    true, sent, estimated = draw_snrs(4000, np.random.default_rng(0))
    assert -5.0 <= true.min() < -4.0
    assert 18.0 < true.max() <= 20.0
    assert (sent - true).abs().median() > 0.5
    assert 0.2 < (estimated - true).std() < 0.4


def test_the_learning_rate_warms_up_and_falls():
    assert rate_at(0.0, 0) < rate_at(0.01, 300) > rate_at(0.5, 3000) > rate_at(1.0, 6000) > 0.0


def test_crops_are_augmented_within_range_and_repeatable():
    photo = np.random.default_rng(1).integers(0, 256, size=(256, 300, 3), dtype=np.uint8)
    crops = Crops({"a": {256: photo}}, None)
    batch = crops.batch(6, 64, np.random.default_rng(2))
    assert batch.shape == (6, 3, 64, 64)
    assert 0.0 <= batch.min() <= batch.max() <= 1.0
    assert torch.equal(batch, crops.batch(6, 64, np.random.default_rng(2)))
    assert not torch.equal(augment(photo, np.random.default_rng(0)), augment(photo, np.random.default_rng(1)))


def test_every_size_has_a_weight_and_every_validation_photo_a_source():
    assert set(SIDE_WEIGHTS) == set(PHOTO_SIDES)
    assert {name for names in PHOTOS.values() for name in names.split()} >= VALIDATION_PHOTOS


def test_the_demonstration_part_of_the_film_and_held_out_shots_are_never_trained_on(tmp_path):
    film = Video("film", tmp_path, hop=2, crops=1, film=True)
    faces = Video("faces", tmp_path, hop=2, crops=1)

    def split(video, shot, start, total=14000):
        return split_of(video, Shot(shot, start, start + 48), list(range(start, start + 48, 6)), rate=24.0, total=total)

    assert split(film, 6, 24 * 50) is None
    assert split(film, 6, 24 * 45) is None
    assert split(film, 6, 24 * 100) == "train"
    assert split(film, 7, 24 * 100) == "val"
    assert split(film, 6, 24 * 500) is None
    assert split(faces, 0, 0) == "train"
    assert split(faces, 0, 13900) == "val"
    assert split(faces, 0, 13800 - 24) is None

"""The prior of motion, learned from a few made-up clips."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from common.clip import Clip
from common.codecs.motion import basis
from common.codecs.motion.prior import Prior
from common.errors import ClipError, WeightsError
from gvsc.training import motion


def pan(step: int, name: str) -> Clip:
    rows, columns = np.mgrid[0:64, 0:128]
    picture = 128 + 60 * np.sin(columns / 5.0) * np.cos(rows / 7.0) + 30 * np.sin(columns / 11.0 + rows / 6.0)
    video = np.stack([picture[:, step * t : step * t + 64] for t in range(8)])[..., None].repeat(3, axis=3)
    return Clip(np.rint(video).astype(np.uint8), name=name)


def test_held_out_clips_are_held_out_by_source() -> None:
    names = [f"source{number}_0000_{clip}" for number in range(400) for clip in range(2)]
    held = [motion.is_held_out(name) for name in names]
    assert held[0::2] == held[1::2]
    assert 0.05 < np.mean(held) < 0.16


def test_smoothed_variances_are_positive_and_sum_to_one() -> None:
    variances = torch.zeros(7, 2, 16, 16)
    variances[0, 0, 0, 0] = 0.7
    variances[1, 1, 3, 2] = 0.3
    made = motion.smoothed(variances)
    assert float(made.sum()) == pytest.approx(1.0, rel=1e-5)
    assert float(made.min()) > 0.0
    assert int(made.argmax()) == 0


def test_what_is_learned_of_pans_is_a_prior_of_pans(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("cv2")
    monkeypatch.setattr(motion, "DESIGNS_DB", (10.0,))
    told: list[str] = []
    tensors = motion.learn([pan(1, "a_0_0"), pan(2, "a_0_1"), pan(3, "b_0_0")], told.append)
    prior = Prior.from_tensors(tensors)
    torch.testing.assert_close(prior.time @ prior.time.T, torch.eye(basis.STEPS), atol=1e-4, rtol=0.0)
    # a camera at constant speed: the first vector in time grows evenly
    growth = prior.time[:, 0]
    assert bool((growth.diff() > 0.0).all())
    shares = prior.log_variances.exp()[0].flatten(1).sum(1)
    assert int(shares.argmax()) == 0
    assert prior.design(-3.0) == prior.design(30.0) == 0
    assert told[0] == "3 clips"


def test_clips_of_other_lengths_teach_nothing() -> None:
    with pytest.raises(ClipError, match="8 frames"):
        motion.learn([Clip(np.zeros((3, 64, 64, 3), np.uint8))], lambda line: None)


def test_tensors_that_are_no_prior_are_refused() -> None:
    with pytest.raises(WeightsError, match="missing"):
        Prior.from_tensors({"time": torch.eye(7)})
    good = {"time": torch.eye(7), "log_variances": torch.zeros(2, 7, 2, 16, 16), "snrs_db": torch.tensor([0.0, 10.0])}
    assert Prior.from_tensors(good).design(7.0) == 1
    with pytest.raises(WeightsError, match="log_variances"):
        Prior.from_tensors({**good, "snrs_db": torch.tensor([0.0])})
    with pytest.raises(WeightsError, match="finite"):
        Prior.from_tensors({**good, "time": torch.full((7, 7), float("nan"))})

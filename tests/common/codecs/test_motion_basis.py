"""Fields to coefficients and back, warping, and the short block that tells the scale."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from common.codecs.motion import basis, powers, side
from common.codecs.motion.picture import colours
from common.codecs.motion.side import Side
from common.codecs.motion.warp import warp
from common.errors import SchemeError

TIME = torch.linalg.qr(torch.randn(7, 7, generator=torch.Generator().manual_seed(1)))[0]


def coefficients(seed: int = 3) -> torch.Tensor:
    return torch.randn(7, 2, 16, 16, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("height", "width"), [(256, 256), (128, 64), (32, 96)])
def test_smooth_fields_come_back_at_every_size(height: int, width: int) -> None:
    sent = coefficients()
    fields = basis.synthesise(sent, TIME, height, width)
    assert fields.shape == (7, 2, height, width)
    torch.testing.assert_close(basis.analyse(fields, TIME), sent, atol=1e-4, rtol=1e-4)


def test_energy_of_coefficients_is_the_mean_square_displacement() -> None:
    sent = coefficients()
    fields = basis.synthesise(sent, TIME, 64, 64)
    assert float(fields.square().mean((2, 3)).sum()) == pytest.approx(float(sent.square().sum()), rel=1e-4)


def test_a_pan_has_one_spatial_frequency() -> None:
    fields = torch.zeros(7, 2, 64, 64)
    fields[:, 0] = 5.0
    found = basis.analyse(fields, TIME)
    assert float(found[:, 0, 0, 0].square().sum()) == pytest.approx(7 * 25.0, rel=1e-4)
    assert float(found[:, 1].abs().max()) < 1e-4
    assert float(found[:, 0, 1:].abs().max()) < 1e-4


def test_pixels_follow_the_size() -> None:
    fields = torch.ones(1, 2, 32, 64)
    moved = basis.to_pixels(fields)
    assert float(moved[0, 0, 0, 0]) == 0.25
    assert float(moved[0, 1, 0, 0]) == 0.125
    torch.testing.assert_close(basis.from_pixels(moved), fields)


@pytest.mark.parametrize("frames", [2, 5, 8, 15])
def test_other_numbers_of_frames_end_where_eight_end(frames: int) -> None:
    time = basis.at_frames(TIME, frames)
    assert time.shape == (frames - 1, 7)
    torch.testing.assert_close(time[-1], TIME[-1])


def test_at_eight_frames_the_transform_is_the_learned_one() -> None:
    assert basis.at_frames(TIME, 8) is TIME
    assert len(basis.at_frames(TIME, 1)) == 0


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_whole_pixels_are_moved_exactly(mode: str) -> None:
    frame = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(0))
    fields = torch.zeros(2, 2, 20, 30)
    fields[0, 0], fields[1, 1] = 3.0, -2.0
    moved = warp(frame, fields, mode)
    torch.testing.assert_close(moved[0, :, :, :26], frame[:, :, 3:29], atol=1e-4, rtol=0.0)
    torch.testing.assert_close(moved[1, :, 4:], frame[:, 2:-2], atol=1e-4, rtol=0.0)


def test_no_displacement_gives_the_frame_and_the_border_is_held() -> None:
    frame = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(warp(frame, torch.zeros(1, 2, 16, 16))[0], frame, atol=1e-5, rtol=0.0)
    far = torch.zeros(1, 2, 16, 16)
    far[0, 0] = 100.0
    torch.testing.assert_close(warp(frame, far)[0], frame[:, :, -1:].expand(-1, -1, 16), atol=1e-5, rtol=0.0)


def test_side_information_comes_back() -> None:
    for scale in (0.1, 1.0, 37.0, 300.0):
        for design in range(4):
            found = side.decode(side.encode(Side(scale, design), 512), 0.01, 512)
            assert found is not None
            assert found.design == design
            assert found.scale == pytest.approx(scale, rel=0.005)
    assert side.decode(side.encode(Side(0.0, 2), 512), 0.01, 512) == Side(0.0, 2)


def test_scales_that_cannot_be_said_are_the_nearest() -> None:
    for scale in (1e-9, 1e9):
        found = side.decode(side.encode(Side(scale, 0), 128), 0.01, 128)
        assert found is not None
        assert found.scale == pytest.approx(side.quantised(scale))
        assert found.scale > 0.0


def test_side_information_is_protected_and_counted() -> None:
    assert side.symbol_count(512) == 90
    assert side.symbol_count(128) == 48
    with pytest.raises(SchemeError):
        side.symbol_count(40)
    rng = np.random.default_rng(4)
    lost = 0
    for _ in range(50):
        sent = side.encode(Side(8.0, 1), 512)
        noise = (rng.standard_normal(90) + 1j * rng.standard_normal(90)) * np.sqrt(0.5)
        lost += side.decode((sent + noise).astype(np.complex64), 1.0, 512) is None
    assert lost <= 1  # at 0 dB
    assert side.decode(rng.standard_normal(90).astype(np.complex64), 1.0, 512) is None


def test_powers_sum_to_what_is_due_and_noise_free_estimates_are_exact() -> None:
    variances = torch.exp(-0.02 * torch.arange(7 * 512.0)).view(7, 2, 16, 16)
    for noise in (0.5, 0.05, 0.0005):
        made = powers.allocate(variances, 844, noise)
        assert len(made.indices) <= 844
        assert float(made.powers.sum()) == pytest.approx(422.0, rel=1e-4)
        sent = coefficients().flatten()[made.indices] * made.variances.sqrt()
        scale = made.scale(sent)
        reals = made.send(sent, scale)
        assert float(reals.square().sum()) == pytest.approx(422.0, rel=1e-4)
        torch.testing.assert_close(made.estimate(reals, scale, 1e-9), sent, atol=1e-4, rtol=1e-3)


def test_the_estimate_shrinks_with_the_noise() -> None:
    variances = torch.exp(-0.02 * torch.arange(7 * 512.0)).view(7, 2, 16, 16)
    made = powers.allocate(variances, 200, 0.05)
    reals = made.send(made.variances.sqrt(), torch.tensor(1.0))
    sizes = [float(made.estimate(reals, torch.tensor(1.0), noise).norm()) for noise in (0.001, 0.1, 1.0, 10.0)]
    assert sizes == sorted(sizes, reverse=True)


def test_colours_show_direction_and_length() -> None:
    fields = np.zeros((2, 2, 4, 4), np.float32)
    assert (colours(fields) == 255).all()
    fields[1, 0] = 8.0
    shown = colours(fields)
    assert (shown[0] == 255).all()
    assert tuple(shown[1, 0, 0]) == (255, 0, 0)

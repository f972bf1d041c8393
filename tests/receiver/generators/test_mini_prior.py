"""The stationary prior of `mini`: an orthonormal transform, tables that fold, resize and interpolate."""

from __future__ import annotations

import pytest
import torch

from receiver.generators.mini.prior import SNR_KNOTS_DB, ClipPrior, cosines, restore, transform


@pytest.fixture(scope="module")
def prior() -> ClipPrior:
    """Variances that fall with frequency, differ by SNR, and grow from frame to frame."""
    made = ClipPrior(channels=3, frames=8)
    fall = torch.arange(1.0, 9).view(8, 1, 1, 1) * torch.arange(1.0, 17).view(16, 1)
    made.free.copy_((100 / fall).expand_as(made.free))
    for knot in range(len(SNR_KNOTS_DB)):
        made.framed.unflatten(0, (-1, 8))[knot].copy_((10.0**-knot / fall).expand_as(made.free))
        made.growth[knot].copy_(torch.arange(1.0, 9)[:, None].expand(8, 3) / 4.5)
    return made


def test_cosines_are_orthonormal():
    for count in (1, 4, 8, 16):
        matrix = cosines(count)
        assert torch.allclose(matrix @ matrix.T, torch.eye(count), atol=1e-5)


def test_transform_keeps_energy_and_restore_undoes_it():
    clips = torch.randn(2, 8, 3, 4, 6, generator=torch.Generator().manual_seed(1))
    coefficients = transform(clips)
    assert torch.allclose(coefficients.square().sum(), clips.square().sum(), rtol=1e-4)
    assert torch.allclose(restore(coefficients), clips, atol=1e-4)


def test_a_still_even_clip_is_one_coefficient():
    coefficients = transform(torch.ones(1, 8, 1, 4, 4))
    assert coefficients[0, 0, 0, 0, 0].item() == pytest.approx((8 * 16) ** 0.5, rel=1e-5)
    assert coefficients.abs().sum().item() == pytest.approx((8 * 16) ** 0.5, rel=1e-4)


def test_spread_follows_snr_and_presence_of_a_frame(prior):
    snr = torch.tensor([SNR_KNOTS_DB[0], SNR_KNOTS_DB[2], -40.0, 90.0, 10.0])
    spread = prior.spread(torch.tensor([1.0, 1, 1, 1, 0]), snr, torch.arange(8), 16, 16)
    level = spread.variance[:, 0, 0, 0, 0]
    assert torch.allclose(level, torch.tensor([1.0, 1e-2, 1.0, 1e-4, 100.0]), rtol=1e-4)
    between = prior.spread(torch.ones(1), torch.tensor([1.0]), torch.arange(8), 16, 16).variance[0, 0, 0, 0, 0]
    assert between.item() == pytest.approx(10**-0.5, rel=1e-4)


def test_growth_has_mean_one_over_the_frames_meant_and_is_none_without_a_frame(prior):
    for times in (torch.arange(8), torch.arange(1, 8, 2)):
        growth = prior.spread(torch.tensor([1.0, 0.0]), torch.tensor([5.0, 5.0]), times, 16, 16).growth
        assert torch.allclose(growth.mean(1), torch.ones(2, 3, 1, 1), atol=1e-5)
        assert growth[0, -1, 0].item() > 1.2 * growth[0, 0, 0].item()
        assert torch.equal(growth[1], torch.ones_like(growth[1]))


def test_every_other_frame_of_a_stationary_clip_has_the_folded_spectrum():
    """Clips drawn from the prior and thinned out have the variances that the prior says for half the frames."""
    prior = ClipPrior(channels=1, frames=8)
    prior.free.copy_((4.0 / torch.arange(1.0, 9) ** 2).view(8, 1, 1, 1).expand_as(prior.free))
    told = prior.spread(torch.zeros(1), torch.zeros(1), torch.arange(0, 8, 2), 16, 16).variance[0, :, 0].mean((1, 2))
    drawn = prior.free.sqrt() * torch.randn(40, 8, 1, 16, 16, generator=torch.Generator().manual_seed(2))
    thinned = transform(restore(drawn)[:, ::2]).square().mean((0, 2, 3, 4))
    assert thinned[0].item() == pytest.approx(told[0].item(), rel=0.25)
    assert thinned.sum().item() == pytest.approx(told.sum().item(), rel=0.1)


def test_a_single_frame_has_the_mean_variance_of_the_clip(prior):
    single = prior.spread(torch.zeros(1), torch.zeros(1), torch.tensor([3]), 16, 16).variance
    assert torch.allclose(single[0, 0], prior.free.mean(0), rtol=1e-4)


def test_other_sizes_are_interpolated_and_other_frame_counts_refused(prior):
    spread = prior.spread(torch.zeros(1), torch.zeros(1), torch.arange(8), 4, 6)
    assert spread.variance.shape == (1, 8, 3, 4, 6)
    assert spread.variance.min() >= prior.free.min()
    assert spread.variance.max() <= prior.free.max()
    with pytest.raises(ValueError, match="8, 4 or 1 frames, not 3"):
        prior.spread(torch.zeros(1), torch.zeros(1), torch.arange(3), 16, 16)

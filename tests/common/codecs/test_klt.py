from __future__ import annotations

import pytest
import torch

from common.codecs.klt import BLOCK, Klt, power_allocation

VARIANCES = torch.tensor([9.0, 4.0, 1.0, 0.01])


def mean_square_error(powers: torch.Tensor, noise: float) -> float:
    return float((VARIANCES * noise / (powers + noise)).sum())


@pytest.mark.parametrize("noise", [0.01, 0.3, 2.0])
def test_no_small_move_of_power_between_coefficients_lowers_the_error(noise):
    powers = power_allocation(VARIANCES, noise, 2.0)
    assert float(powers.sum()) == pytest.approx(2.0, rel=1e-5)
    best = mean_square_error(powers, noise)
    for giver in range(4):
        for taker in range(4):
            moved = powers.clone()
            amount = min(0.05, float(moved[giver]))
            moved[giver] -= amount
            moved[taker] += amount
            assert mean_square_error(moved, noise) >= best - 1e-6


def test_weak_coefficients_get_nothing_in_much_noise():
    powers = power_allocation(VARIANCES, 2.0, 2.0)
    assert powers[-1] == 0.0
    assert powers[0] > 0.0


@pytest.fixture(scope="module")
def complete_klt():
    length = 3 * BLOCK * BLOCK
    basis = torch.linalg.qr(torch.randn(length, length, generator=torch.Generator().manual_seed(1)))[0]
    return Klt(basis, torch.linspace(2.0, 1.0, length), torch.tensor(0.5), power=float(length))


def test_all_coefficients_together_give_the_picture_back(complete_klt):
    pictures = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(2))
    coefficients = complete_klt.analyse(pictures)
    assert coefficients.shape == (2, 3 * BLOCK * BLOCK, 2, 3)
    torch.testing.assert_close(complete_klt.synthesise(coefficients), pictures, atol=1e-4, rtol=0.0)


def test_powers_are_linear_between_tabled_snrs_and_constant_beyond(complete_klt):
    at = complete_klt.powers_at(torch.tensor([-10.0, -9.75, -9.5, -99.0, 30.0, 99.0]))[:, :, 0, 0]
    torch.testing.assert_close(at[1], 0.5 * (at[0] + at[2]))
    torch.testing.assert_close(at[3], at[0])
    torch.testing.assert_close(at[5], at[4])
    assert not torch.equal(at[0], at[4])

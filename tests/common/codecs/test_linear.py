from __future__ import annotations

import pytest
import torch

from common.codecs.linear import GRID, LinearCode, cosines, power_allocation

VARIANCES = torch.tensor([9.0, 4.0, 1.0, 0.01])


def mean_square_error(powers: torch.Tensor, noise: float) -> float:
    return float((VARIANCES * noise / (powers + noise)).sum())


@pytest.mark.parametrize("noise", [0.01, 0.3, 2.0])
def test_no_small_move_of_power_between_coefficients_lowers_the_error(noise):
    powers = power_allocation(VARIANCES, torch.tensor([noise]), 2.0)[0]
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
    powers = power_allocation(VARIANCES, torch.tensor([2.0, 0.001]), 2.0)
    assert powers[0, -1] == 0.0
    assert powers[0, 0] > 0.0
    assert (powers[1] > 0.0).all()


def test_the_cosines_are_orthonormal():
    matrix = cosines(48)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(48), atol=1e-5, rtol=0.0)


@pytest.fixture(scope="module")
def code():
    generator = torch.Generator().manual_seed(1)
    colour = torch.linalg.qr(torch.randn(3, 3, generator=generator))[0]
    return LinearCode(colour, torch.tensor(0.5), torch.randn(3, GRID, GRID, generator=generator))


@pytest.mark.parametrize(("height", "width"), [(256, 256), (32, 96), (288, 512)])
def test_all_coefficients_together_give_the_picture_back(code, height, width):
    pictures = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(2))
    coefficients = code.analyse(pictures, 3 * height * width)
    torch.testing.assert_close(coefficients.square().sum(), (pictures - 0.5).square().sum())
    torch.testing.assert_close(code.synthesise(coefficients, height, width), pictures, atol=1e-4, rtol=0.0)


def test_frequencies_come_in_descending_order_of_variance_and_each_once(code):
    order, variances = code.layout(64, 96)
    assert (variances.diff() <= 0).all()
    assert torch.equal(order.sort().values, torch.arange(3 * 64 * 96))
    full_order, full_variances = code.layout(GRID, GRID)
    torch.testing.assert_close(full_variances, code.log_variances.flatten()[full_order].exp())


def test_half_the_frequencies_stand_for_the_same_cycles_in_half_a_picture(code):
    order, variances = code.layout(GRID // 2, GRID // 2)
    table = torch.empty(3 * (GRID // 2) ** 2)
    table[order] = variances.log()
    torch.testing.assert_close(table.view(3, GRID // 2, GRID // 2), code.log_variances[:, ::2, ::2])


def test_what_was_kept_in_inference_serves_training(code):
    with torch.inference_mode():
        code.analyse(torch.rand(1, 3, 32, 160), 100)
    pictures = torch.rand(1, 3, 32, 160, requires_grad=True)
    code.synthesise(code.analyse(pictures, 100), 32, 160).sum().backward()
    assert pictures.grad is not None

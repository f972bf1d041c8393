from __future__ import annotations

import pytest
import torch

from common.codecs.djscc import allocation, levels
from common.codecs.linear import power_allocation


def test_levels_and_variances_are_inverse() -> None:
    every = torch.arange(levels.LEAST, levels.MOST + 1)
    assert torch.equal(levels.of(levels.variance(every)), every)
    assert levels.of(torch.tensor([0.0, 1e30])).tolist() == [levels.LEAST, levels.MOST]


@pytest.mark.parametrize("noise", [1.6, 0.05, 0.005])
@pytest.mark.parametrize("reals", [1, 100, 700])
def test_powers_are_those_of_lee_and_petersen(noise: float, reals: int) -> None:
    level = torch.randint(-30, 10, (1, 900), generator=torch.Generator().manual_seed(2))
    found = allocation.powers(allocation.counted(level), torch.tensor([reals]), torch.tensor([noise]))
    chosen = allocation.sent(level, found)
    assert int(chosen.sum()) == reals
    strongest = level[0].sort(descending=True, stable=True).values[:reals]
    assert torch.equal(level[chosen].sort(descending=True).values, strongest)
    expected = power_allocation(levels.variance(strongest).float(), torch.tensor([noise]), 0.5 * reals)[0]
    made = found.power[0][strongest - levels.LEAST]
    torch.testing.assert_close(made.float(), expected, rtol=2e-3, atol=1e-4)
    assert float(made.sum()) == pytest.approx(0.5 * reals, rel=1e-9)


def test_of_the_last_level_the_first_in_order_are_sent() -> None:
    level = torch.tensor([[3, 1, 3, 1, 1, -5]])
    found = allocation.powers(allocation.counted(level), torch.tensor([4]), torch.tensor([0.1]))
    assert allocation.sent(level, found).tolist() == [[True, True, True, True, False, False]]


def test_more_reals_than_coefficients_send_all() -> None:
    level = torch.tensor([[0, -3, 2]])
    found = allocation.powers(allocation.counted(level), torch.tensor([10]), torch.tensor([0.1]))
    assert bool(allocation.sent(level, found).all())


def test_rounding_leaves_less_than_a_step_and_prefers_zero() -> None:
    values = torch.linspace(-5.0, 5.0, 1001)
    multiples = allocation.quantised(values, torch.tensor(0.5))
    assert torch.equal(multiples, multiples.round())
    assert (values - 0.5 * multiples).abs().max() <= 0.5 * allocation.ROUND_FROM + 1e-6
    assert allocation.quantised(torch.tensor(0.27), torch.tensor(0.5)) == 0.0


def search() -> allocation.Search:
    bits = torch.linspace(1.0, 6.0, 20)
    return allocation.Search(bits, torch.full((20,), -7))


def best(snr_db: float, symbols_per_bit: float) -> tuple[int, float]:
    level = torch.linspace(-25.0, 12.0, 4000).round().long()[None]
    coefficients = levels.variance(level).sqrt()
    whole = allocation.spectrum(level, coefficients)
    none = allocation.Spectrum(torch.zeros_like(whole.counts), torch.zeros_like(whole.counts))
    rate = torch.tensor([symbols_per_bit], dtype=torch.float64)
    step, error = search().best(
        none,
        whole,
        torch.tensor([100.0]),
        allocation.Rates(rate, rate),
        torch.tensor([600]),
        torch.tensor([0.5 * 10 ** (-0.1 * snr_db)]),
    )
    return int(step), float(error)


def test_bits_that_cost_much_are_not_used() -> None:
    assert best(10.0, 1e3)[0] == allocation.NO_STEP
    assert best(10.0, 0.5)[0] < allocation.NO_STEP


def test_the_predicted_error_falls_with_the_snr() -> None:
    errors = [best(snr_db, cost)[1] for snr_db, cost in ((-3.0, 4.0), (3.0, 1.5), (10.0, 0.5), (18.0, 0.3))]
    assert errors == sorted(errors, reverse=True)

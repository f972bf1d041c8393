"""What the layout draws is found in sketches: things, patterns, and where they go."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from receiver.generators.mini import fit
from receiver.generators.mini.layout import REACH, repeated, upright

SIDE = 128


def places() -> Tensor:
    steps = (2 * torch.arange(SIDE) + 1) / SIDE - 1
    return torch.stack([steps.expand(SIDE, SIDE), steps[:, None].expand(SIDE, SIDE)], 2).view(1, 1, -1, 2)


def arrow(seen: Tensor) -> Tensor:
    """Tones (...) of a thing with a left and a right, an up and a down: a triangle with a box before it."""
    x, y = seen.unbind(-1)
    triangle = (x > -0.8) & (x < 0.9) & (y.abs() < 0.5 * (0.9 - x))
    return torch.where((x > -0.6) & (x < -0.1) & (y > 0) & (y < 0.4), 2, triangle.long())


def checks(cells: Tensor) -> Tensor:
    x, y = cells.unbind(-1)
    return 1 + ((x.abs() < 0.5) ^ (y.abs() < 0.5)).long()


def outlines(tones: Tensor) -> Tensor:
    """Lines (1, 1, SIDE, SIDE) where tones (SIDE, SIDE) change."""
    made = torch.zeros(SIDE, SIDE)
    made[:, :-1] += (tones[:, :-1] != tones[:, 1:]).float()
    made[:-1] += (tones[:-1] != tones[1:]).float()
    return made.clamp(0, 1)[None, None]


def scene(thing: Tensor | None = None, pattern: Tensor | None = None) -> Tensor:
    tones = torch.zeros(SIDE * SIDE, dtype=torch.long)
    if pattern is not None:
        tones = 10 + checks(repeated(pattern[None, None], places()))[0, 0]
    if thing is not None:
        drawn = arrow(upright(thing[None, None], places()))[0, 0]
        tones = torch.where(drawn > 0, drawn, tones)
    return outlines(tones.view(SIDE, SIDE))


THING = torch.tensor([1.0, 0.35, -0.2, 0.5, 0.6, -1.0])
PATTERN = torch.tensor([1.0, 0.11, -0.07, 0.1, 0.0, 0.0])


def samples(like: Tensor, size: float = 0.3) -> Tensor:
    """Numbers about as large and turned as ``like``, somewhere else, of either mirror image."""
    generator = torch.Generator().manual_seed(4)
    made = like.repeat(24, 1)
    made[:, 1:3] = torch.rand(24, 2, generator=generator) - 0.5
    made[:, 3:5] += size * torch.randn(24, 2, generator=generator)
    made[::2, 5] *= -1
    return made


def edges() -> fit.Edges:
    return fit.edges(arrow(fit.grid() * REACH))


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("noise", [0.0, 0.25])
def test_a_thing_is_found_where_its_outline_is(noise: float) -> None:
    lines = (scene(THING) + noise * torch.rand(1, 1, SIDE, SIDE, generator=seeded())).clamp(0, 1)
    made = fit.found(fit.softened(lines), samples(THING), edges(), seeded())
    assert made.score > 2 * fit.LEAST
    assert made.numbers[5] == THING[5]
    assert torch.allclose(made.numbers[1:3], THING[1:3], atol=0.03)
    assert torch.allclose(made.numbers[3:5], THING[3:5], atol=0.25)


def test_where_there_is_nothing_nothing_is_found() -> None:
    pattern = fit.cell(checks(fit.grid()))
    for lines in (torch.zeros(1, 1, SIDE, SIDE), torch.rand(1, 1, SIDE, SIDE, generator=seeded())):
        soft = fit.softened(lines)
        assert fit.found(soft, samples(THING), edges(), seeded()).score < fit.LEAST
        assert fit.found(soft, samples(PATTERN), pattern, seeded()).score < fit.LEAST
    assert fit.found(fit.softened(scene(THING)), samples(PATTERN), pattern, seeded()).score < fit.LEAST


def test_a_pattern_is_found_behind_a_thing_and_the_thing_before_it() -> None:
    soft, pattern = fit.softened(scene(THING, PATTERN)), fit.cell(checks(fit.grid()))
    made = fit.found(soft, samples(PATTERN), pattern, seeded())
    assert made.score > 2 * fit.LEAST
    same = checks(repeated(made.numbers[None, None], places())) == checks(repeated(PATTERN[None, None], places()))
    # lines do not say which colour is on which side of them
    assert abs(float(same.float().mean()) - 0.5) > 0.45
    left = fit.without(soft, made.numbers, pattern)
    assert float(left.sum()) < 0.5 * float(soft.sum())
    assert torch.allclose(fit.found(left, samples(THING), edges(), seeded()).numbers[1:3], THING[1:3], atol=0.04)


def test_what_goes_on_is_followed_and_what_rests_does_not_tremble() -> None:
    gone = THING + torch.tensor([0.0, 0.15, 0.05, 0.05, -0.2, 0.0])
    soft = fit.softened(scene(gone))
    made = fit.followed(soft, THING, THING[None], edges(), seeded())
    assert torch.allclose(made[1:3], gone[1:3], atol=0.03)
    assert torch.equal(fit.followed(soft, made, made[None], edges(), seeded()), made)


def test_the_same_seed_finds_the_same() -> None:
    soft = fit.softened(scene(THING))
    one, two = (fit.found(soft, samples(THING), edges(), seeded()) for _ in range(2))
    assert torch.equal(one.numbers, two.numbers)

"""The two colours of a picture of a pattern."""

from __future__ import annotations

import torch

from receiver.generators.mini.colours import two_colours


def test_of_a_grainy_pattern_the_two_colours_are_found() -> None:
    told = torch.tensor([[0.8, 0.1, 0.1], [0.2, 0.7, 0.8]])
    few = (torch.arange(128) % 24 < 8).float()  # a third
    picture = torch.stack([told[1], told[0]])[few.long().expand(128, 128)].permute(2, 0, 1)[None]
    picture = picture + 0.05 * torch.randn(picture.shape, generator=torch.Generator().manual_seed(0))
    found = two_colours(picture)
    found = found if found[0, 0] > found[1, 0] else found.flip(0)
    assert torch.allclose(found, told, atol=0.06)


def test_a_picture_of_one_colour_has_it_twice() -> None:
    assert torch.allclose(two_colours(torch.full((1, 3, 64, 96), 0.4)), torch.full((2, 3), 0.4), atol=1e-5)

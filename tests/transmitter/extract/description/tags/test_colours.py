"""Colours: the names of known ones, and which part of the picture they are told of."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.color import rgb2lab

from transmitter.extract.description.tags import colours

KNOWN = {
    "black": [(0, 0, 0), (20, 20, 24), (40, 40, 40)],
    "grey": [(128, 128, 128), (95, 95, 100), (190, 190, 195)],
    "white": [(255, 255, 255), (244, 244, 244), (235, 240, 245)],
    "red": [(255, 0, 0), (214, 38, 38), (120, 10, 20)],
    "orange": [(244, 136, 28), (255, 140, 0)],
    "brown": [(120, 70, 30), (139, 69, 19), (160, 120, 80)],
    "beige": [(210, 180, 140), (220, 195, 140), (224, 172, 140)],
    "yellow": [(255, 255, 0), (240, 214, 40), (255, 200, 0)],
    "green": [(0, 255, 0), (44, 160, 60), (0, 70, 20), (80, 150, 60), (110, 110, 30)],
    "cyan": [(50, 200, 214), (0, 255, 255), (0, 128, 128)],
    "blue": [(0, 0, 255), (40, 80, 210), (135, 206, 235), (10, 15, 90), (30, 90, 150)],
    "purple": [(130, 48, 170), (180, 100, 220)],
    "pink": [(244, 130, 180), (255, 80, 160), (250, 128, 114)],
}


@pytest.mark.parametrize("name", colours.NAMES)
def test_known_colours_have_their_names(name: str) -> None:
    found = colours.names_of(np.array(KNOWN[name], np.uint8))
    assert [colours.NAMES[i] for i in found] == [name] * len(found)


def test_cielab_is_that_of_scikit_image() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (50, 40, 3)).astype(np.uint8)
    np.testing.assert_allclose(colours.lab(pixels), rgb2lab(pixels), atol=0.02)


def test_the_middle_and_what_is_around_it_are_told_apart() -> None:
    video = np.full((4, 256, 256, 3), (40, 80, 210), np.uint8)
    video[:, 48:208, 48:208] = (214, 38, 38)
    found = colours.find(video)
    assert found.middle == ("red",)
    assert found.around == ("blue",)
    assert not found.dark
    assert colours.find(video // 5).dark


def test_a_second_colour_is_told_if_there_is_enough_of_it() -> None:
    video = np.full((2, 256, 256, 3), 255, np.uint8)
    video[:, :, :100] = (44, 160, 60)
    assert colours.find(video).middle == ("white", "green")
    video[:, :, 30:] = 255
    assert colours.find(video).middle == ("white",)


@pytest.mark.parametrize("side", [32, 96, 512])
def test_every_size_of_clip_has_colours(side: int) -> None:
    found = colours.find(np.full((1, side, side, 3), (240, 214, 40), np.uint8))
    assert found.middle == found.around == ("yellow",)

"""The sentence: short, plain, varied, the same for the same tags."""

from __future__ import annotations

import itertools

import numpy as np

from common.clip import Clip
from common.codecs import text
from transmitter.extract.description.tags import colours, sentence, subject
from transmitter.extract.description.tags.colours import Colours
from transmitter.extract.description.tags.describer import Tags
from transmitter.extract.description.tags.motion import Motion

STILL = Motion("still", "nothing")


def tags(
    what: str = "a tabby cat", middle: str = "brown", around: str = "blue", moves: Motion = STILL
) -> sentence.Tags:
    return sentence.Tags(what, False, Colours(tuple(middle.split()), tuple(around.split()), False), moves)


def test_every_sentence_is_short_and_whole() -> None:
    """All names with the longest of the rest, and every motion and pair of colours with the longest name."""
    names = ["", *(name for level in subject._tree() for name in level.names)]
    longest = max(names, key=len)
    dark = Colours(("orange", "purple"), ("yellow", "orange"), True)
    worst = Motion("down", "something")
    made = [sentence.of(sentence.Tags(name, scenery, dark, worst)) for name in names for scenery in (False, True)]
    for camera, moving in itertools.product(
        ("still", "left", "right", "up", "down", "in", "out", "moves"),
        ("nothing", "something", "left", "right", "up", "down", "everything"),
    ):
        for one, two in itertools.product(colours.NAMES, repeat=2):
            made.append(sentence.of(tags(longest, one, two, Motion(camera, moving))))  # type: ignore[arg-type]
    for said in made:
        assert 20 < len(said) <= sentence.MAX_CHARACTERS, said
        assert said[0].isupper(), said
        assert said.endswith("."), said
        assert said.isascii(), said
        assert "  " not in said, said
        assert not any(f" a {vowel}" in said for vowel in "aeio"), said
        assert text.fit(said) == (said.encode(), False)


def test_the_parts_are_told() -> None:
    said = sentence.of(tags(moves=Motion("left", "something")))
    assert said.startswith("A tabby cat")
    assert "brown" in said
    assert "blue" in said
    assert "left" in said
    assert "something moves" in said
    assert "the camera" not in sentence.of(tags(moves=Motion("still", "right")))


def test_the_wording_varies_and_does_not_change_by_itself() -> None:
    made = {
        sentence.of(tags(moves=Motion("left", "nothing"), around=name)).replace(name, "X") for name in colours.NAMES
    }
    assert len(made) >= 4
    assert sentence.of(tags()) == sentence.of(tags())


def test_a_drawn_clip_is_described_as_it_is() -> None:
    video = np.full((8, 256, 256, 3), (40, 80, 210), np.uint8)
    for number, frame in enumerate(video):
        frame[88:168, 10 + 22 * number : 90 + 22 * number] = (214, 38, 38)
    said = Tags.from_weights().extract(Clip(video)).text
    assert "red" in said.lower()
    assert "blue" in said
    assert "right" in said

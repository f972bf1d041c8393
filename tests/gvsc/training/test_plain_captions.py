"""Captions that name nothing of the rendered world."""

from __future__ import annotations

import re

from gvsc.training.plain_captions import plain_captions
from transmitter.clips.world.kinds import KINDS


def test_captions_are_as_many_as_are_asked_for_and_all_different() -> None:
    made = plain_captions(600, 3)
    assert len(set(made)) == 600
    assert made == plain_captions(600, 3)
    assert set(made) != set(plain_captions(600, 4))


def test_no_caption_names_a_thing_of_the_rendered_world() -> None:
    words = set(re.findall(r"[a-z]+", " ".join(plain_captions(3000, 5)).lower()))
    assert not words & {word for name, kind in KINDS.items() for word in (name, *kind.noun.split()) if word != "face"}

"""One plain English sentence of what was found out about a clip."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from transmitter.extract.description.tags.colours import Colours
from transmitter.extract.description.tags.motion import Motion

MAX_CHARACTERS: Final = 96
"""Longest sentence: 1 182 symbols at code rate 1/3, as in the README's table of schemes."""


@dataclass(frozen=True)
class Tags:
    """``subject`` with its article, "" where none is known; ``is_scenery``: it fills the picture."""

    subject: str
    is_scenery: bool
    colours: Colours
    motion: Motion


def of(tags: Tags) -> str:
    """The sentence, at most MAX_CHARACTERS long. The same tags give the same one; others differ in their wording."""
    choice = zlib.crc32(repr(tags).encode())
    middle, around = tags.colours.middle, tags.colours.around
    moves = _motion(tags.motion, choice)
    dark = " in the dark" if tags.colours.dark else ""
    # From the fullest on, until one is short enough.
    for middle_count, around_count, light in ((2, 2, dark), (2, 1, dark), (1, 1, dark), (1, 0, "")):
        what = _what(tags, middle[:middle_count], around[:around_count], choice // 4)
        sentence = f"{what[0].upper()}{what[1:]}{light}{_pick((';', ','), choice // 64)} {moves}."
        if len(sentence) <= MAX_CHARACTERS:
            return sentence
    return f"{what[0].upper()}{what[1:]}."[:MAX_CHARACTERS]


def _what(tags: Tags, middle: Sequence[str], around: Sequence[str], choice: int) -> str:
    subject, inside, outside = tags.subject, " and ".join(middle), " and ".join(around)
    article = "an" if inside.startswith("orange") else "a"
    is_one = tags.is_scenery or not set(around) - set(middle)
    if subject and is_one:
        return _pick((f"{subject} in {inside}", f"{subject}, mostly {inside}"), choice)
    if subject:
        ground = "an" if outside.startswith("orange") else "a"
        return _pick(
            (f"{subject} in {inside} on {ground} {outside} background", f"{subject}, {inside}, in front of {outside}"),
            choice,
        )
    if is_one:
        return _pick((f"{article} {inside} scene", f"a view in {inside}"), choice)
    return _pick((f"{inside} in front of {outside}", f"{inside} in the middle and {outside} around it"), choice)


def _motion(motion: Motion, choice: int) -> str:
    camera, moving = motion.camera, motion.moving
    verb = "tilts" if camera in ("up", "down") else "pans"
    told = {
        "in": "the camera zooms in",
        "out": "the camera zooms out",
        "moves": "the camera moves",
        "still": "",
    }.get(camera, f"the camera {_pick((verb, 'moves'), choice)} {camera}")
    what = {
        "nothing": "",
        "something": "something moves",
        "everything": "everything moves",
        "up": "something moves upwards",
        "down": "something moves downwards",
    }.get(moving, f"something moves {_pick((moving, f'to the {moving}'), choice)}")
    both = " and ".join(part for part in (told, what) if part)
    return both or _pick(("hardly anything moves", "the camera stands still"), choice)


def _pick(forms: Sequence[str], choice: int) -> str:
    return forms[choice % len(forms)]

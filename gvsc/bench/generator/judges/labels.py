"""What judges may answer, in the world's own words. ``NONE`` is for a clip that shows nothing of the kind."""

from __future__ import annotations

from typing import Final

from transmitter.clips.world.background import GROUNDS, MATERIALS, TWO_COLOURS
from transmitter.clips.world.kinds import KINDS
from transmitter.clips.world.palette import COLOURS, LIGHTS
from transmitter.clips.world.scene import CAMERAS, MOTIONS, Scene

NONE: Final = "none"

BACKGROUNDS: Final = (*(f"plain {colour}" for colour in COLOURS), *TWO_COLOURS, *MATERIALS, *GROUNDS, "photo")

LABELS: Final[dict[str, tuple[str, ...]]] = {
    "colour": (NONE, *COLOURS),
    "kind": (NONE, *KINDS),
    "background": (NONE, *BACKGROUNDS),
    "light": (NONE, *LIGHTS),
    "motion": (NONE, *MOTIONS),
    "camera": (NONE, *CAMERAS),
}
"""The answers to each question."""


def truth(scene: Scene) -> dict[str, str]:
    """The right answers for a scene of at most one object. Raises ValueError for one of more."""
    if len(scene.shapes) > 1:
        raise ValueError(f"one object can be asked about, not {len(scene.shapes)}")
    told = {"background": background(scene), "light": scene.light, "camera": scene.camera}
    for shape in scene.shapes:
        return told | {"colour": shape.colour, "kind": shape.form, "motion": shape.motion}
    return told | dict.fromkeys(("colour", "kind", "motion"), NONE)


def background(scene: Scene) -> str:
    """One of ``BACKGROUNDS``: what is plain with its colour, a landscape by its name, a pattern without its colours."""
    match scene.background:
        case "plain":
            return f"plain {scene.detail[0]}"
        case "ground":
            return scene.detail[0]
        case name:
            return name

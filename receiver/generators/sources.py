"""Where the large generators' weights come from, part by part, unless options say otherwise."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from common.errors import SettingError


@dataclass(frozen=True)
class Source:
    """One part of a generator: its name in options, an id on the Hugging Face hub, the licence told there.

    ``gated``: the hub gives it only to accounts that have accepted the licence. ``variable``: what in the environment
    names another place.
    """

    part: str
    hub_id: str
    licence: str
    gated: bool = False
    variable: str | None = None


SOURCES: Final[Mapping[str, tuple[Source, ...]]] = {
    "wan-vace": (Source("wan-vace", "Wan-AI/Wan2.1-VACE-1.3B-diffusers", "Apache-2.0", variable="GVSC_WAN_VACE"),),
    "sd35-sketch": (
        Source("sd35", "stabilityai/stable-diffusion-3.5-large", "Stability AI Community", gated=True),
        Source("sd35-canny", "stabilityai/stable-diffusion-3.5-large-controlnet-canny", "Stability AI Community", True),
    ),
    "animatediff-sparsectrl": (
        Source("sd15", "stable-diffusion-v1-5/stable-diffusion-v1-5", "CreativeML Open RAIL-M"),
        Source("motion", "guoyww/animatediff-motion-adapter-v1-5-3", "see its page on the hub"),
        Source("scribble", "guoyww/animatediff-sparsectrl-scribble", "see its page on the hub"),
        Source("rgb", "guoyww/animatediff-sparsectrl-rgb", "see its page on the hub"),
    ),
}
"""By generator. The first part of each is its pipeline; a place without a part's name stands for that one."""

BACKBONES: Final[Mapping[str, str]] = {
    "Wan-AI/Wan2.1-VACE-1.3B-diffusers": "wan-vace-1.3b",
    "Wan-AI/Wan2.1-VACE-14B-diffusers": "wan-vace-14b",
    "stabilityai/stable-diffusion-3.5-large": "sd35-sketch",
    "stable-diffusion-v1-5/stable-diffusion-v1-5": "animatediff-sparsectrl",
}
"""Names for figures, by the hub id of the first part."""


def places(generator: str, model: Sequence[str]) -> dict[str, str]:
    """The place of each part of ``generator``: what ``model`` says, PLACE or PART=PLACE, the last of them; else what
    the environment says; else its hub id. Parts of other generators are left to those. Raises SettingError."""
    parts = [source.part for source in SOURCES[generator]]
    found = {
        source.part: (source.variable and os.environ.get(source.variable)) or source.hub_id
        for source in SOURCES[generator]
    }
    for entry in model:
        part, place = _split(entry)
        if not place:
            raise SettingError(f"the model {entry!r} names no place: write PLACE or PART=PLACE")
        if part is None or part in parts:
            found[part or parts[0]] = place
    return found


def for_chained(model: Sequence[str]) -> tuple[str, ...]:
    """The entries of ``model`` that name a part: those that a generator behind another one may use."""
    return tuple(entry for entry in model if _split(entry)[0] is not None)


def _split(entry: str) -> tuple[str | None, str]:
    part, equals, place = entry.partition("=")
    known = {source.part for sources in SOURCES.values() for source in sources}
    return (part, place) if equals and part in known else (None, entry)


def backbone(generator: str, place: str) -> str:
    """The name for figures of a generator whose first part comes from ``place``. At most 64 characters."""
    return BACKBONES.get(place) or f"{generator}:{place.rstrip('/').rsplit('/', 1)[-1]}"[:64]

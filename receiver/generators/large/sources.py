"""Where the weights of generators come from, part by part, unless options say otherwise."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from common.errors import SettingError
from common.needs import Hub
from receiver.generators.registry import GENERATORS


def parts(generator: str) -> Mapping[str, Hub]:
    """The hub models that a generator is made of, by the part's name; the first is its pipeline. Empty for one that
    has none. Raises SettingError for an unknown name."""
    found: Mapping[str, Hub] = GENERATORS.entry(generator).traits.get("parts", {})
    return found


def all_parts() -> tuple[str, ...]:
    """The names of the parts of all generators."""
    return tuple(dict.fromkeys(part for name in GENERATORS.names() for part in parts(name)))


def places(generator: str, model: Sequence[str]) -> dict[str, str]:
    """The place of each part of ``generator``: what ``model`` says, PLACE or PART=PLACE, the last of them; else what
    the environment says; else its hub id. Parts of other generators are left to those. Raises SettingError."""
    own = parts(generator)
    found = {part: (hub.variable and os.environ.get(hub.variable)) or hub.id for part, hub in own.items()}
    for entry in model:
        part, place = _split(entry)
        if not place:
            raise SettingError(f"the model {entry!r} names no place: write PLACE or PART=PLACE")
        if part is None or part in own:
            found[part or next(iter(own))] = place
    return found


def for_chained(model: Sequence[str]) -> tuple[str, ...]:
    """The entries of ``model`` that name a part: those that a generator behind another one may use."""
    return tuple(entry for entry in model if _split(entry)[0] is not None)


def _split(entry: str) -> tuple[str | None, str]:
    part, equals, place = entry.partition("=")
    return (part, place) if equals and part in all_parts() else (None, entry)


def backbone(generator: str, place: str) -> str:
    """The name for figures of a generator whose first part comes from ``place``. At most 64 characters."""
    names: Mapping[str, str] = GENERATORS.entry(generator).traits.get("backbones", {})
    return names.get(place) or f"{generator}:{place.rstrip('/').rsplit('/', 1)[-1]}"[:64]

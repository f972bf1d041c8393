"""The receiver's policy: which generator rebuilds a clip, and from what of what arrived. Told in docs/receiver.md."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, get_args

from common.errors import SettingError
from receiver.generators.base import Conditions, Generator, Role
from receiver.generators.registry import GENERATORS

ALL_ROLES: Final[tuple[Role, ...]] = get_args(Role)

LEAST_SNR_DB: Final[Mapping[Role, float]] = {"frame-text": -8.0, "sketch-text": -3.5, "sketches-text": -3.5}
"""Es/N0 below which pictures are left out where there is a text: it leads, they would mislead.

Down to -5 dB `gvsc bench ablation` finds no crossing in PSNR: with a frame clips are 6.0 dB or more above those made of
the text alone, with a sketch 1.3 dB, with eight 0.7 dB (docs/results/generators/ablation.json); deeper, hardly a header
arrives. So these are assumptions. Sketches: where half of their lines are right, edge F1 0.5
(docs/results/codecs/djscc-sketch.json). A frame: so low that over white noise little else would arrive, so in deep
fades alone; at -5 dB it still has 20.8 dB (docs/results/codecs/djscc-frame.json)."""


def named(options: Iterable[str]) -> tuple[str | None, dict[Role, str]]:
    """What the words of ``--generator`` say: ``NAME`` who serves all roles (or None), ``ROLE=NAME`` who serves one.

    Raises SettingError for words that are neither, and where something is said twice.
    """
    everything: str | None = None
    single: dict[Role, str] = {}
    for option in options:
        told, _, name = option.rpartition("=")
        role = next((role for role in ALL_ROLES if role == told), None)
        if not name or (role is None and "=" in option):
            raise SettingError(f"{option!r} is neither NAME nor ROLE=NAME with ROLE one of {', '.join(ALL_ROLES)}")
        if (everything if role is None else single.get(role)) is not None:
            raise SettingError(f"{option!r}: {role or 'all roles'} had a generator already")
        if role is None:
            everything = name
        else:
            single[role] = name
    return everything, single


def serving(options: Iterable[str], load: Callable[[str], Generator]) -> dict[Role, Generator]:
    """Who serves each role that somebody serves, by the words of ``--generator``. ``load`` loads one by its name, once.

    The registry's default generator has the roles that nobody is named for. Raises SettingError where the one named for
    a role does not serve it, and what ``load`` and ``named`` raise.
    """
    everything, single = named(options)
    names = {role: single.get(role, everything or GENERATORS.default) for role in ALL_ROLES}
    loaded = {name: load(name) for name in dict.fromkeys(names.values())}
    for role, name in single.items():
        if role not in loaded[name].roles:
            raise SettingError(f"{name} does not serve {role}; it serves {_listed(loaded[name].roles)}")
    return {role: loaded[name] for role, name in names.items() if role in loaded[name].roles}


def plan(
    arrived: Conditions, served: Container[Role], least_snr_db: Mapping[Role, float] = LEAST_SNR_DB
) -> Conditions | None:
    """What of ``arrived`` to build from: the first of these whose role is served, None where none is.

    All of it; its first frame; the first of its sketches; the text, which comes first where the pictures' SNR is below
    ``least_snr_db`` of their role.
    """
    return next((part for part in _parts(arrived, least_snr_db) if part.role in served), None)


def _parts(arrived: Conditions, least_snr_db: Mapping[Role, float]) -> Iterator[Conditions]:
    text = () if arrived.description is None else (replace(arrived, first_frame=None, sketches=None),)
    if arrived.role == "text":
        yield from text
        return
    least = least_snr_db.get(arrived.role, -math.inf)
    if arrived.snr_db is not None and arrived.snr_db < least and (arrived.description or "").strip():
        yield from text
    yield arrived
    if arrived.first_frame is not None:
        yield replace(arrived, sketches=None)
    if arrived.sketches is not None:
        yield replace(arrived, first_frame=None, sketches=arrived.sketches[:1])
    yield from text


def unserved(arrived: Conditions, served: Container[Role]) -> SettingError:
    """What to tell where ``plan`` found nobody, and what to do about it."""
    lacking = "" if arrived.description is not None or arrived.role == "text" else ", and the text is lost"
    return SettingError(
        f"no generator here serves {arrived.role}{lacking}: those there are serve {_listed(served)}; "
        f"name one with --generator {arrived.role}=NAME"
    )


def _listed(roles: Container[Role]) -> str:
    return ", ".join(role for role in ALL_ROLES if role in roles)

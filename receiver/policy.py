"""The receiver's policy: which generator rebuilds a clip, and from what of what arrived. Told in docs/receiver.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import replace

from common.errors import SettingError
from common.sections.base import Arrived
from receiver.generators.base import TEXT, Conditions, Generator
from receiver.generators.registry import GENERATORS

_TASK = re.compile(rf"([a-z0-9_]+-)*{TEXT}")


def known_tasks() -> tuple[str, ...]:
    """Every task that a registered generator serves, text alone first."""
    return tuple(_in_order({task for entry in GENERATORS.entries() for task in entry.traits["tasks"]}))


def named(options: Iterable[str]) -> tuple[str | None, dict[str, str]]:
    """What the words of ``--generator`` say: ``NAME`` who serves all tasks (or None), ``TASK=NAME`` who serves one.

    Raises SettingError for words that are neither, and where something is said twice.
    """
    everything: str | None = None
    single: dict[str, str] = {}
    for option in options:
        task, _, name = option.rpartition("=")
        if not name or ("=" in option and not _TASK.fullmatch(task)):
            listed = ", ".join(known_tasks())
            raise SettingError(f"{option!r} is neither NAME nor TASK=NAME with TASK one of {listed}")
        if (single.get(task) if task else everything) is not None:
            raise SettingError(f"{option!r}: {task or 'all tasks'} had a generator already")
        if task:
            single[task] = name
        else:
            everything = name
    return everything, single


def serving(options: Iterable[str], load: Callable[[str], Generator]) -> dict[str, Generator]:
    """Who serves each task that somebody serves, by the words of ``--generator``. ``load`` loads one by its name, once.

    The default generator has the tasks that nobody is named for. Raises SettingError where the one named for a task
    does not serve it, and what ``load`` and ``named`` raise.
    """
    everything, single = named(options)
    general = everything or GENERATORS.default
    # one whose every task has somebody else is not loaded
    left = general not in GENERATORS or set(GENERATORS.entry(general).traits["tasks"]) - set(single)
    loaded = {name: load(name) for name in dict.fromkeys((*single.values(), *([general] if left else [])))}
    for task, name in single.items():
        if task not in loaded[name].tasks:
            raise SettingError(f"{name} does not serve {task}; it serves {listed(loaded[name].tasks)}")
    others = dict.fromkeys(loaded[general].tasks, loaded[general]) if left else {}
    found = others | {task: loaded[name] for task, name in single.items()}
    return {task: found[task] for task in _in_order(found)}


def plan(
    arrived: Conditions, served: Container[str], least_snr_db: Mapping[str, float] | None = None
) -> Conditions | None:
    """What of ``arrived`` to build from: the first of these whose task is served, None where none is.

    All of it; one of its visual contents; a lesser form of one (the first of several sketches); the text alone, which
    comes first where a visual content's SNR is below the least at which it helps. ``least_snr_db`` overrides these,
    by what the content is called among conditions.
    """
    return next((part for part in _parts(arrived, least_snr_db) if part.task in served), None)


def _parts(arrived: Conditions, least_snr_db: Mapping[str, float] | None) -> Iterator[Conditions]:
    texts = {name: a for name, a in arrived.sections.items() if a.modality == TEXT}
    text = () if arrived.description is None else (replace(arrived, sections=texts),)
    visuals = arrived.visuals
    if not visuals:
        yield from text
        return
    misleading = any(_misleads(visual, least_snr_db) for visual in visuals)
    if misleading and (arrived.description or "").strip():
        yield from text
    yield arrived
    if len(visuals) > 1:
        for visual in visuals:
            yield replace(arrived, sections={**texts, visual.section: visual})
    for visual in visuals:
        for condition, value in visual.fallbacks:
            lesser = replace(visual, condition=condition, value=value, fallbacks=())
            yield replace(arrived, sections={**texts, visual.section: lesser})
    yield from text


def _misleads(visual: Arrived, least_snr_db: Mapping[str, float] | None) -> bool:
    least = visual.least_snr_db if least_snr_db is None else least_snr_db.get(visual.condition)
    return least is not None and visual.snr_db is not None and visual.snr_db < least


def unserved(arrived: Conditions, served: Iterable[str]) -> SettingError:
    """What to say where ``plan`` found nobody, and what to do about it."""
    lacking = "" if arrived.description is not None or arrived.task == TEXT else ", and the text is lost"
    return SettingError(
        f"no generator here serves {arrived.task}{lacking}: those there are serve {listed(served)}; "
        f"name one with --generator {arrived.task}=NAME"
    )


def listed(tasks: Iterable[str]) -> str:
    """Names of tasks for a message, text alone first."""
    return ", ".join(_in_order(tasks))


def _in_order(tasks: Iterable[str]) -> list[str]:
    return sorted(tasks, key=lambda task: (task != TEXT, task))

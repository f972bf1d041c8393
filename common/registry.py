"""Registries: sections, schemes, channel models, generators, extractors, metrics and figures by name.

A registry finds its entries in two places. **In the tree**: every module of one package is imported, and each entry
registers itself there with the decorator :meth:`Registry.register`. **Outside**: an installed distribution declares an
entry point in the registry's group, whose module does the same. Nothing is imported before a name is asked for, and
the modules that register must be cheap to import: what is heavy (torch, a pipeline, a table of weights) is imported by
the object that they register, when it is used.

A plug-in that does not load, or whose name is taken, never stops the program: it is listed in ``broken``, and asking
for it says why.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Generic, TypeVar

from common.errors import GvscError, SettingError
from common.needs import Hub, Need

T = TypeVar("T")
Registered = TypeVar("Registered")

OWN: Final = "gvsc"
"""Origin of what is in this tree."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.+-]{0,63}")


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One registered object, and what a person needs to know about it.

    ``item`` is what was decorated: a class, a function, or an object. ``needs`` are what must be there before it works;
    ``memory_gb`` is about what it takes of main memory while it runs, in 10⁹ bytes, None where that is little, unknown,
    or given by its hub models. ``larger`` are hub models that can be chosen instead of the first. ``options`` names the
    settings that it reads. ``origin`` is ``gvsc`` or the distribution that brought it. ``traits`` is whatever else the
    kind of registry states of its entries.
    """

    name: str
    summary: str
    item: T
    needs: tuple[Need, ...] = ()
    memory_gb: float | None = None
    larger: tuple[Hub, ...] = ()
    options: tuple[str, ...] = ()
    default: bool = False
    origin: str = OWN
    traits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Broken:
    """An entry point that gave nothing: its name, the distribution that declares it, and why."""

    name: str
    origin: str
    reason: str


class Registry(Generic[T]):
    """Entries of one kind by name: those of the tree first, the default one in front, then plug-ins by name.

    Thread-safe. Entries are found once, when the first one is asked for.
    """

    def __init__(
        self, kind: str, package: str, group: str, *, error: type[GvscError] = SettingError, depth: int = 1
    ) -> None:
        """``kind`` names one entry in messages, such as "channel model". ``package`` is searched for modules, ``depth``
        levels of packages deep; ``group`` is the group of entry points. Unknown names raise ``error``."""
        self.kind = kind
        self.group = group
        self._package = package
        self._error = error
        self._depth = depth
        self._entries: dict[str, Entry[T]] = {}
        self._broken: dict[str, Broken] = {}
        self._found = False
        self._origin = OWN
        self._lock = threading.RLock()

    def register(
        self,
        name: str,
        summary: str,
        *,
        needs: tuple[Need, ...] = (),
        memory_gb: float | None = None,
        larger: tuple[Hub, ...] = (),
        options: tuple[str, ...] = (),
        default: bool = False,
        **traits: Any,
    ) -> Callable[[Registered], Registered]:
        """A decorator that enters what it decorates, unchanged, under ``name``; see :class:`Entry` for the rest.

        Raises SettingError for a name that is no name, or is taken.
        """

        def enter(item: Registered) -> Registered:
            self.add(
                Entry(
                    name=name,
                    summary=summary,
                    item=item,  # type: ignore[arg-type]  # a decorator does not see what it decorates
                    needs=needs,
                    memory_gb=memory_gb,
                    larger=larger,
                    options=options,
                    default=default,
                    traits=traits,
                )
            )
            return item

        return enter

    def add(self, entry: Entry[T]) -> None:
        """Enters ``entry``; its origin is the distribution that is being loaded. Raises SettingError as above."""
        if not _NAME.fullmatch(entry.name):
            raise SettingError(
                f"a {self.kind} cannot be called {entry.name!r}: 1 to 64 of a-z, 0-9, '_', '.', '+' and '-'"
            )
        with self._lock:
            taken = self._entries.get(entry.name)
            if taken is not None:
                raise SettingError(f"there is a {self.kind} {entry.name!r} already, from {taken.origin}")
            default = entry.default and self._origin == OWN
            self._entries[entry.name] = Entry(**{**vars(entry), "origin": self._origin, "default": default})

    def entries(self) -> tuple[Entry[T], ...]:
        """All that there are: the default, the rest of the tree, plug-ins by name."""
        self._find()
        # By module, not by time: a module that somebody imported before the registry did has registered earlier.
        own = sorted(
            (entry for entry in self._entries.values() if entry.origin == OWN),
            key=lambda entry: (not entry.default, getattr(entry.item, "__module__", "")),
        )
        others = sorted((e for e in self._entries.values() if e.origin != OWN), key=lambda entry: entry.name)
        return (*own, *others)

    def names(self) -> tuple[str, ...]:
        """Their names, in that order."""
        return tuple(entry.name for entry in self.entries())

    @property
    def default(self) -> str:
        """The name that is taken where nobody chooses. Raises SettingError where none is marked."""
        for entry in self.entries():
            if entry.default:
                return entry.name
        raise self._error(f"no {self.kind} is the default; there are: {self._listed()}")

    @property
    def broken(self) -> tuple[Broken, ...]:
        """Entry points that gave nothing."""
        self._find()
        return tuple(self._broken.values())

    def entry(self, name: str) -> Entry[T]:
        """The entry of that name. Raises the registry's error, listing those there are or saying why it is broken."""
        self._find()
        found = self._entries.get(name)
        if found is not None:
            return found
        broken = self._broken.get(name)
        if broken is not None:
            raise self._error(f"the {self.kind} {name!r} of {broken.origin} does not load: {broken.reason}")
        raise self._error(f"no {self.kind} is called {name!r}; there are: {self._listed()}")

    def __getitem__(self, name: str) -> T:
        """What was registered under that name. Raises as :meth:`entry`."""
        return self.entry(name).item

    def __contains__(self, name: object) -> bool:
        self._find()
        return name in self._entries

    def _listed(self) -> str:
        return ", ".join(self.names()) or "none"

    def _find(self) -> None:
        with self._lock:  # another thread waits here until all are found
            if self._found:
                return
            self._found = True
            _import_all(self._package, self._depth)
            for point in sorted(entry_points(group=self.group), key=lambda point: point.name):
                self._load(point)

    def _load(self, point: EntryPoint) -> None:
        self._origin = point.dist.name if point.dist else point.value
        try:
            point.load()
        except Exception as error:  # noqa: BLE001  (anybody's code: whatever it raises, the rest goes on)
            words = str(error) if isinstance(error, GvscError) else f"{type(error).__name__}: {error}"
            self._broken[point.name] = Broken(point.name, self._origin, words[:500])
        finally:
            self._origin = OWN


def _import_all(package: str, depth: int) -> None:
    """Imports the modules of ``package``, and of its packages down to ``depth`` levels, in the order of their names."""
    found = importlib.import_module(package)
    for module in sorted(pkgutil.iter_modules(getattr(found, "__path__", ())), key=lambda module: module.name):
        name = f"{package}.{module.name}"
        if module.ispkg and depth > 1:
            _import_all(name, depth - 1)
        else:
            importlib.import_module(name)

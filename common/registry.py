"""Registries: sections, schemes, channel models, generators, extractors, metrics and figures by name.

A registry finds its entries in two places. **In the tree**: it imports every module of one package, and each module
registers its entry with the decorator :meth:`Registry.register`. **Outside**: an installed distribution declares an
entry point in the registry's group, and the module that the entry point names does the same. Nothing is imported before
somebody asks for an entry. Modules that register must be cheap to import: what is heavy (torch, a pipeline, a table of
weights) is imported by the object that they register, when it is used.

Names of the tree always win: the tree is searched before anything from outside is entered. A plug-in that does not
load, registers nothing or wants a name that is taken never stops the program: it is listed in ``broken``, and asking
for it says why.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Generic, TypeVar

from common.errors import GvscError, SettingError
from common.needs import Hub, Need

T = TypeVar("T")
Registered = TypeVar("Registered")

OWN: Final = "gvsc"
"""Origin of what is in this tree."""

TREE: Final = frozenset(("common", "transmitter", "channel", "receiver", "gvsc"))
"""Top packages of this tree."""

_loading: ContextVar[str] = ContextVar("_loading", default="")
"""The distribution whose entry point is being loaded, of whichever registry; "" where none is."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.+-]{0,63}")


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One registered object, and what a person needs to know about it.

    ``item`` is what was decorated: a class, a function, or an object. ``needs`` are what must be there before it works;
    ``memory_gb`` is about what it takes of main memory while it runs, in 10⁹ bytes, None where that is little, unknown,
    or given by its hub models. ``larger`` are hub models that can be chosen instead of the first. ``options`` names the
    settings that it reads. ``traits`` is whatever else the kind of registry states of its entries.

    The registry fills in two more: ``module``, whose import registered it, and ``origin``, which is ``gvsc`` for what
    is in this tree, else the distribution that brought it, or its top package where no distribution is known.
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
    module: str = ""
    traits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Broken:
    """A plug-in that cannot be used: the name of its entry point, the distribution that declares it, and why."""

    name: str
    origin: str
    reason: str


class Registry(Generic[T]):
    """Entries of one kind by name: those of the tree first, the default one in front, then plug-ins by name.

    Safe to use from several threads. The registry searches the tree and the entry points once, when the first entry is
    asked for; where a module of the tree does not import, every call raises that error.
    """

    def __init__(
        self, kind: str, package: str, group: str, *, error: type[GvscError] = SettingError, depth: int = 1
    ) -> None:
        """``kind`` is what messages call one entry, such as "channel model". ``package`` is the package whose modules
        are imported, ``depth`` levels of packages deep; ``group`` is the group of entry points. Asking for a name there
        is not raises ``error``."""
        self.kind = kind
        self.group = group
        self._package = package
        self._error = error
        self._depth = depth
        self._entries: dict[str, Entry[T]] = {}
        self._broken: list[Broken] = []
        self._found = self._tree_found = False
        self._finding = self._finding_tree = False
        self._lock = threading.RLock()
        """Held for a change of the entries, never for an import."""
        self._search = threading.RLock()
        """Held while the tree or the entry points are searched."""

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
        """A decorator that enters what it decorates under ``name`` and returns it unchanged. :class:`Entry` describes
        the other arguments.

        Raises SettingError for a name that has other characters than names may have, or that is taken.
        """

        def enter(item: Registered) -> Registered:
            self._tree_first(item)
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
        """Enters ``entry``, with the origin of the module that is being imported.

        What comes from outside is entered behind the whole tree, and is not the default. Raises SettingError for a name
        as in :meth:`register`; before an entry from outside also what the import of the tree raises.
        """
        if not _NAME.fullmatch(entry.name):
            raise SettingError(
                f"a {self.kind} cannot be called {entry.name!r}: 1 to 64 of a-z, 0-9, '_', '.', '+' and '-'"
            )
        self._tree_first(entry.item)
        module, origin = self._whence(entry.item)
        with self._lock:
            taken = self._entries.get(entry.name)
            if taken is not None and origin == OWN and taken.origin != OWN:
                # From outside, entered while the tree was half imported: an import of the tree led to it.
                self._remove(taken.name)
                self._broken.append(Broken(taken.name, taken.origin, self._is_taken(entry.name, OWN)))
            elif taken is not None:
                raise SettingError(self._is_taken(entry.name, taken.origin))
            default = entry.default and self._may_be_default(entry, origin)
            self._entries[entry.name] = replace(entry, origin=origin, module=module, default=default)

    def _tree_first(self, item: object) -> None:
        """Searches the tree where ``item`` comes from outside. Subclasses that compare an entry with others call it
        first."""
        if not self._tree_found and self._whence(item)[1] != OWN:
            self._find_tree()

    def _is_taken(self, name: str, origin: str) -> str:
        return f"there is a {self.kind} {name!r} already, from {origin}"

    def _may_be_default(self, entry: Entry[T], origin: str) -> bool:
        """Whether an entry that is marked as the default may be it: a plug-in is not chosen by being installed."""
        return origin == OWN

    def _remove(self, name: str) -> None:
        del self._entries[name]

    def _whence(self, item: object) -> tuple[str, str]:
        """The module that registers ``item``, and the origin of that module.

        It is the module whose code runs at import, the innermost one where imports are nested: a plug-in may import
        modules of the tree that have not been imported yet, and modules of the tree never register for others. Where no
        import is under way, it is the module where the item or its class is defined.
        """
        module = _importing() or str(getattr(item, "__module__", None) or type(item).__module__)
        top = module.partition(".")[0]
        if top in TREE or top == self._package.partition(".")[0]:
            return module, OWN
        if loading := _loading.get():
            return module, loading
        points = [point for point in entry_points(group=self.group) if _module(point).partition(".")[0] == top]
        named = sorted(points, key=lambda point: not _within(module, _module(point)))
        return module, next((_distribution(point) for point in named), top)

    def entries(self) -> tuple[Entry[T], ...]:
        """All that there are: the default, the rest of the tree, plug-ins by name."""
        self._find()
        # By module, not by time: a module that somebody imported before the registry did has registered earlier.
        own = sorted(
            (entry for entry in self._entries.values() if entry.origin == OWN),
            key=lambda entry: (not entry.default, entry.module),
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
        """Plug-ins that cannot be used."""
        self._find()
        return tuple(self._broken)

    def entry(self, name: str) -> Entry[T]:
        """The entry of that name. Raises the registry's error, which lists the names there are, or says why the plug-in
        of that name does not load."""
        self._find()
        found = self._entries.get(name)
        if found is not None:
            return found
        broken = [
            f"the {self.kind} {name!r} of {each.origin} does not load: {each.reason}"
            for each in self._broken
            if each.name == name
        ]
        if broken:
            raise self._error("; ".join(broken))
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
        """Searches the tree and the entry points, unless that is done or under way in this thread."""
        if self._found:
            return
        with self._search:  # another thread waits here until all are found
            if self._found or self._finding:
                return
            self._finding = True
            try:
                self._find_tree()
                if self._finding_tree:  # a module of the tree asks while the tree is searched: the rest comes behind it
                    return
                for point in sorted(entry_points(group=self.group), key=lambda point: point.name):
                    self._load(point)
                self._found = True
            finally:
                self._finding = False

    def _find_tree(self) -> None:
        """Imports the tree's modules, unless that is done or under way in this thread. Raises what they raise; then
        nothing is left of those that did not import, and the next call tries again."""
        if self._tree_found:
            return
        with self._search:
            if self._tree_found or self._finding_tree:
                return
            self._finding_tree = True
            before = set(self._entries)
            try:
                _import_all(self._package, self._depth)
                self._tree_found = True
            except BaseException:
                self._forget_failed(before)
                raise
            finally:
                self._finding_tree = False

    def _forget_failed(self, before: set[str]) -> None:
        """Removes all but the entries of before that were registered by a module whose import failed afterwards."""
        with self._lock:
            for entry in tuple(self._entries.values()):
                if entry.name not in before and entry.module not in sys.modules:
                    self._remove(entry.name)

    def _load(self, point: EntryPoint) -> None:
        origin = _distribution(point)
        before = set(self._entries)
        token = _loading.set(origin)
        try:
            point.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  (anybody's code: whatever it raises, SystemExit too)
            words = str(error) if isinstance(error, GvscError) else f"{type(error).__name__}: {error}"
            self._forget_failed(before)
            self._broken.append(Broken(point.name, origin, words[:500]))
        else:
            if not any(
                entry.name not in before
                or _within(entry.module, _module(point))
                or (entry.name, entry.origin) == (point.name, origin)
                for entry in self._entries.values()
            ):
                self._broken.append(Broken(point.name, origin, f"{_module(point)} registers no {self.kind}"))
        finally:
            _loading.reset(token)


def _distribution(point: EntryPoint) -> str:
    """The name of the distribution that declares an entry point; what it points at where that is not known."""
    return point.dist.name if point.dist else point.value


def _module(point: EntryPoint) -> str:
    return point.value.partition(":")[0].strip()


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _importing() -> str:
    """The name of the module whose code calls this while it is imported, "" where there is none."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back  # type: ignore[assignment]
    return "" if frame is None else str(frame.f_globals.get("__name__", ""))


def _import_all(package: str, depth: int) -> None:
    """Imports the modules of ``package``, and of its packages down to ``depth`` levels, in the order of their names."""
    found = importlib.import_module(package)
    for module in sorted(pkgutil.iter_modules(getattr(found, "__path__", ())), key=lambda module: module.name):
        name = f"{package}.{module.name}"
        if module.ispkg and depth > 1:
            _import_all(name, depth - 1)
        else:
            importlib.import_module(name)

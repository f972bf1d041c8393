"""The registry of semantic extractors: captioners, edge extractors, and kinds that others add.

An extractor is one file that registers a function which loads it, in ``transmitter/extract/extractors`` or in another
package that declares an entry point in the group ``gvsc.extractors``. The file must be cheap to import: torch and the
like are imported inside the function, which is called when the extractor is chosen.

    @EXTRACTORS.register("sobel", "Sobel's gradient", kind=EDGE_EXTRACTOR)
    def load():
        from my_package.sobel import Sobel

        return Sobel()

The trait ``kind`` says what the function returns: a :class:`transmitter.extract.description.base.Captioner`, a
:class:`transmitter.extract.sketch.base.EdgeExtractor`, or what another kind is defined to be. ``start_options``
declares what it is told at the start, such as a checkpoint: the function gets the value as the argument
``StartOption.key``, and no such argument where nobody gave one. ``default`` marks the default of its kind; a package
from outside can mark that of a kind that only it has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from common.errors import SettingError
from common.registry import OWN, Entry, Registry
from common.sections.base import RESERVED_OPTIONS
from common.start_options import StartOption, check_owner, read_given

CAPTIONER: Final = "captioner"
"""Kind of what describes a clip in a line of text."""

EDGE_EXTRACTOR: Final = "edge extractor"
"""Kind of what draws the contours of frames."""

MOTION_ESTIMATOR: Final = "motion estimator"
"""Kind of what tells where in a clip's first frame each later frame comes from."""

Load = Callable[..., Any]


class Extractors(Registry[Load]):
    """The extractors by name, of all kinds. Names are unique over the kinds."""

    def add(self, entry: Entry[Load]) -> None:
        """As :meth:`Registry.add`. Raises SettingError too for an entry without a kind, for one that cannot be called,
        and for a start option that is not named after its extractor."""
        kind = entry.traits.get("kind")
        if not isinstance(kind, str) or not kind:
            raise SettingError(f"{entry.name}: an extractor states its kind, such as kind={EDGE_EXTRACTOR!r}")
        if not callable(entry.item):
            raise SettingError(f"{entry.name}: an extractor registers a function that loads it")
        check_owner(entry.name, _options_of(entry))
        for option in _options_of(entry):
            if option.key in RESERVED_OPTIONS:
                raise SettingError(f"{entry.name}: a start option cannot be called {option.name!r}")
        super().add(entry)

    def _may_be_default(self, entry: Entry[Load], origin: str) -> bool:
        """An extractor of this tree may be the default of its kind; one from outside where the tree has none of the
        kind, and nobody else is the default."""
        alike = [other for other in self._entries.values() if other.traits["kind"] == entry.traits["kind"]]
        return origin == OWN or not any(other.origin == OWN or other.default for other in alike)

    def of_kind(self, kind: str) -> tuple[Entry[Load], ...]:
        """Those of one kind: its default, then the others in the order of ``entries``."""
        found = (entry for entry in self.entries() if entry.traits["kind"] == kind)
        return tuple(sorted(found, key=lambda entry: not entry.default))

    def names_of(self, kind: str) -> tuple[str, ...]:
        """Their names."""
        return tuple(entry.name for entry in self.of_kind(kind))

    def default_of(self, kind: str) -> str:
        """The name that is taken where nobody chooses. Raises SettingError for a kind without a default."""
        for entry in self.of_kind(kind):
            if entry.default:
                return entry.name
        raise SettingError(f"no {kind} is the default; there are: {', '.join(self.names_of(kind)) or 'none'}")

    def summaries(self, kind: str) -> str:
        """What each of a kind is, on one line for a help text."""
        return "; ".join(f"{entry.name}: {entry.summary}" for entry in self.of_kind(kind))

    def start_options(self) -> tuple[StartOption, ...]:
        """Those of all extractors."""
        return tuple(option for entry in self.entries() for option in _options_of(entry))

    def check(self, kind: str, name: str) -> str:
        """The name, if it is one of that kind, or broken. Raises SettingError, listing those there are."""
        broken = {each.name for each in self.broken}
        if name not in self.names_of(kind) and (name in self or name not in broken):
            raise SettingError(f"no {kind} is called {name!r}; there are: {', '.join(self.names_of(kind)) or 'none'}")
        return name

    def load(self, kind: str, name: str | None = None, options: Mapping[str, Any] | None = None) -> Any:
        """The extractor ``name`` of that kind, by default the kind's default, with its weights.

        ``options`` are start options by name, of any extractor; those of this one that are not given are looked for in
        their environment variables. Raises SettingError (no such name, or one of another kind; an option that is
        required or unknown), and what loading raises: WeightsError, PackageError.
        """
        entry = self.entry(self.check(kind, self.default_of(kind) if name is None else name))
        name = entry.name
        own = _options_of(entry)
        given = read_given(self.start_options(), options or {})
        found = {option.name: option.from_environment() for option in own if option.name not in given}
        given |= read_given(own, found)
        for option in own:
            if option.required and option.name not in given:
                raise SettingError(f"the {kind} {name} needs {option.usage}")
        return entry.item(**{option.key: given[option.name] for option in own if option.name in given})


def _options_of(entry: Entry[Load]) -> tuple[StartOption, ...]:
    return tuple(entry.traits.get("start_options", ()))


EXTRACTORS: Final = Extractors("extractor", "transmitter.extract.extractors", "gvsc.extractors")
"""All extractors by name."""

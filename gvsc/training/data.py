"""What codecs are trained on: the prepared file, or the larger folder that it was made from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from common.weights.manifest import digest_of
from gvsc.training import media_folder, prepared
from gvsc.training.photos import Crops, PictureSource, load_crops, validation_pictures
from gvsc.training.prepared import PreparedError
from gvsc.training.sources import table

FIRST_SHARE: Final = 0.6
"""Part of the crops that come from the first of several data."""


class Data(Protocol):
    """Training and held-out pictures; each is read when it is asked for."""

    @property
    def about(self) -> str:
        """What it is and under which licences, in Markdown."""

    def crops(self) -> Crops:
        """Photos and clips to train on."""

    def pictures(self) -> PictureSource:
        """The same, from any kind of data."""

    def held_out_pictures(self) -> Tensor:
        """Float32 (N, 3, 256, 256) in [0, 1]."""

    def sketches(self) -> NDArray[np.uint8]:
        """Sketches (N, 256, 256) to train on, white on black."""

    def held_out_sketches(self) -> NDArray[np.uint8]:
        """(N, 256, 256)."""


@dataclass(frozen=True)
class Folder:
    """What `gvsc train fetch` left, with the sketches that `gvsc train prepare` added."""

    path: Path

    @property
    def about(self) -> str:
        """See ``Data``."""
        return f"All of the photos and clips out of these packages; nothing of it is in this repository.\n\n{table()}\n"

    def crops(self) -> Crops:
        """See ``Data``. Raises PreparedError."""
        try:
            return load_crops(self.path)
        except OSError as error:
            raise PreparedError(f"cannot read the data in {self.path}: {error}") from None

    def pictures(self) -> PictureSource:
        """See ``Data``. Raises PreparedError."""
        return self.crops()

    def held_out_pictures(self) -> Tensor:
        """See ``Data``. Raises PreparedError."""
        try:
            return validation_pictures(self.path)
        except OSError as error:
            raise PreparedError(f"cannot read the data in {self.path}: {error}") from None

    def sketches(self) -> NDArray[np.uint8]:
        """See ``Data``. Raises PreparedError."""
        return self._drawn("train")

    def held_out_sketches(self) -> NDArray[np.uint8]:
        """See ``Data``. Raises PreparedError."""
        return self._drawn("val")

    def _drawn(self, split: str) -> NDArray[np.uint8]:
        try:
            drawn: NDArray[np.uint8] = np.load(self.path / "sketches" / f"{split}.npy", "r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise PreparedError(f"no sketches in {self.path} ({error}); run gvsc train prepare") from None
        return drawn


@dataclass(frozen=True)
class Media:
    """A folder of photos and clips (``gvsc.training.media_folder``)."""

    path: Path

    @property
    def about(self) -> str:
        """See ``Data``."""
        return f"Photos and clips of a folder, {self.path.name}, each source about alike; a tenth held out by name.\n"

    def crops(self) -> Crops:
        """See ``Data``. Raises PreparedError."""
        raise PreparedError(f"{self.path} is a folder of photos and clips, which djscc-frame-2 alone trains on")

    def pictures(self) -> PictureSource:
        """See ``Data``. Raises PreparedError."""
        return media_folder.pool(self.path)

    def held_out_pictures(self) -> Tensor:
        """See ``Data``. Raises PreparedError."""
        return media_folder.held_out_pictures(self.path)

    def sketches(self) -> NDArray[np.uint8]:
        """See ``Data``. Raises PreparedError."""
        raise PreparedError(f"{self.path} holds no sketches")

    def held_out_sketches(self) -> NDArray[np.uint8]:
        """See ``Data``. Raises PreparedError."""
        raise PreparedError(f"{self.path} holds no sketches")


@dataclass(frozen=True)
class Joined:
    """Several data at once. The first has FIRST_SHARE of the crops, and what is held out is of it."""

    parts: Sequence[Data]

    @property
    def about(self) -> str:
        """See ``Data``."""
        return "\n".join(part.about for part in self.parts)

    def crops(self) -> Crops:
        """See ``Data``. Raises PreparedError."""
        raise PreparedError("only djscc-frame-2 trains on several data at once")

    def pictures(self) -> PictureSource:
        """See ``Data``. Raises PreparedError."""
        rest = (1.0 - FIRST_SHARE) / (len(self.parts) - 1)
        shares = [FIRST_SHARE, *[rest] * (len(self.parts) - 1)]
        return media_folder.Mixed(tuple(part.pictures() for part in self.parts), shares)

    def held_out_pictures(self) -> Tensor:
        """See ``Data``. Raises PreparedError."""
        return self.parts[0].held_out_pictures()

    def sketches(self) -> NDArray[np.uint8]:
        """See ``Data``. Raises PreparedError."""
        raise PreparedError("sketches are trained on from one file or folder")

    def held_out_sketches(self) -> NDArray[np.uint8]:
        """See ``Data``. Raises PreparedError."""
        raise PreparedError("sketches are trained on from one file or folder")


def load(path: Path) -> tuple[Data, str]:
    """The data, and the SHA-256 of the prepared file (none of a folder). Raises PreparedError.

    Several paths, joined as in PATH (by colons), are one data. A folder with ``photos/train`` or clips-train.npy is
    what `gvsc train fetch` left; another one with ``photos`` or ``clips`` holds any photos and clips.
    """
    several = [Path(part) for part in str(path).split(os.pathsep) if part]
    if len(several) > 1:
        loaded = [load(part) for part in several]
        return Joined([data for data, _ in loaded]), " ".join(digest for _, digest in loaded if digest)
    if path.is_dir():
        fetched = (path / "photos" / "train").is_dir() or (path / "clips-train.npy").is_file()
        if not fetched and any((path / kind).is_dir() for kind in ("photos", "clips")):
            return Media(path), ""
        return Folder(path), ""
    return prepared.load(path), digest_of(path).sha256

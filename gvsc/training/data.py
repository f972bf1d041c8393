"""What codecs are trained on: the prepared file, or the larger folder that it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from common.weights.manifest import digest_of
from gvsc.training import prepared
from gvsc.training.photos import Crops, load_crops, validation_pictures
from gvsc.training.prepared import PreparedError
from gvsc.training.sources import table


class Data(Protocol):
    """Training and held-out pictures; each is read when it is asked for."""

    @property
    def about(self) -> str:
        """What it is and under which licences, in Markdown."""

    def crops(self) -> Crops:
        """Photos and clips to train on."""

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


def load(path: Path) -> tuple[Data, str]:
    """The data, and the SHA-256 of the prepared file (none of a folder). Raises PreparedError."""
    if path.is_dir():
        return Folder(path), ""
    return prepared.load(path), digest_of(path).sha256

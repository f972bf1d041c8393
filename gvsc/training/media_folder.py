"""Any folder of photos and clips as training data: every source counts alike, a tenth is held out by name.

    FOLDER/photos/SOURCE_….jpg (or .jpeg, .png, .webp)     FOLDER/clips/SOURCE_….mp4 (or .mkv, .mov, .webm)

The source is what stands before the first ``_`` or ``-`` of the file's name. A file is held out where the SHA-256 of
its name ends in a number that divides by ten, so adding files moves none.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from common.conventions import FRAMES, SIZE
from gvsc.training.photos import PictureSource, busier
from gvsc.training.prepared import PreparedError, decode

PHOTOS: Final = (".jpg", ".jpeg", ".png", ".webp")
CLIPS: Final = (".mp4", ".mkv", ".mov", ".webm")

SOURCE_POWER: Final = 0.5
"""A source of n pictures is drawn in proportion to n to this power: 0 all alike, 1 by pictures."""

MOST_PICTURES: Final = 64
"""What more pictures of a clip's source count for no more than: frames of a clip are much alike."""


def held_out(name: str) -> bool:
    """Whether a file of that name is held out."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 10 == 0


@dataclass(frozen=True)
class Pool:
    """Pictures by source, each uint8 (H, W, 3), with sides of at least 256; weights of the sources."""

    pictures: dict[str, list[NDArray[np.uint8]]]
    weights: NDArray[np.float64]

    @property
    def count(self) -> int:
        """Pictures."""
        return sum(map(len, self.pictures.values()))

    def draw(self, size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """A crop (size, size, 3). Half of the time the busier of two, since flat ones teach little."""
        return busier(self._draw, size, rng)

    def _draw(self, size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        names = list(self.pictures)
        source = self.pictures[names[int(rng.choice(len(names), p=self.weights))]]
        picture = source[int(rng.integers(len(source)))]
        top = rng.integers(picture.shape[0] - size + 1)
        left = rng.integers(picture.shape[1] - size + 1)
        return np.asarray(picture[top : top + size, left : left + size])


def pool(folder: Path) -> Pool:
    """The training pictures of a folder: photos, and all frames of clips. Raises PreparedError."""
    pictures: dict[str, list[NDArray[np.uint8]]] = {}
    shares: dict[str, float] = {}
    for file in _files(folder / "photos", PHOTOS):
        if not held_out(file.name):
            source = f"photos {_source(file)}"
            pictures.setdefault(source, []).append(_photo(file))
            shares[source] = len(pictures[source]) ** SOURCE_POWER
    for file in _files(folder / "clips", CLIPS):
        if not held_out(file.name):
            source = f"clips {_source(file)}"
            pictures.setdefault(source, []).extend(_frames(file))
            shares[source] = min(MOST_PICTURES, len(pictures[source]) / FRAMES) ** SOURCE_POWER
    if not pictures:
        raise PreparedError(f"{folder} has no photos and no clips; see docs/training.md")
    weights = np.array([shares[source] for source in pictures])
    return Pool(pictures, weights / weights.sum())


def held_out_pictures(folder: Path) -> Tensor:
    """The held-out photos' centres, float32 (N, 3, 256, 256) in [0, 1], in the order of their names."""
    centres = []
    for file in _files(folder / "photos", PHOTOS):
        if held_out(file.name):
            photo = _photo(file)
            top, left = (photo.shape[0] - SIZE) // 2, (photo.shape[1] - SIZE) // 2
            centres.append(photo[top : top + SIZE, left : left + SIZE])
    if not centres:
        raise PreparedError(f"{folder}/photos has no picture to hold out; it takes some ten")
    return torch.from_numpy(np.stack(centres)).permute(0, 3, 1, 2).float().div(255.0).contiguous()


@dataclass(frozen=True)
class Mixed:
    """Several sources of crops, each with its share."""

    parts: Sequence[PictureSource]
    shares: Sequence[float]

    @property
    def count(self) -> int:
        """Pictures of all parts."""
        return sum(part.count for part in self.parts)

    def draw(self, size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """See ``PictureSource``."""
        part = self.parts[int(rng.choice(len(self.parts), p=np.array(self.shares) / sum(self.shares)))]
        return part.draw(size, rng)


def _files(folder: Path, kinds: Sequence[str]) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(file for file in folder.iterdir() if file.suffix.lower() in kinds)


def _source(file: Path) -> str:
    return re.split("[-_]", file.stem)[0]


def _photo(file: Path) -> NDArray[np.uint8]:
    picture = decode(file.read_bytes())
    if min(picture.shape[:2]) < SIZE:
        raise PreparedError(f"{file} is smaller than {SIZE}×{SIZE}")
    return picture


def _frames(file: Path) -> list[NDArray[np.uint8]]:
    import av

    try:
        with av.open(str(file)) as opened:
            frames = [frame.to_ndarray(format="rgb24").astype(np.uint8) for frame in opened.decode(video=0)]
    except av.FFmpegError as error:
        raise PreparedError(f"cannot read {file}: {error}") from None
    return [frame for frame in frames if min(frame.shape[:2]) >= SIZE]

"""Random training crops of the prepared photos and clips, and the fixed pictures that codecs are validated on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SIDE_WEIGHTS = {256: 0.25, 320: 0.20, 400: 0.18, 512: 0.15, 640: 0.10, 800: 0.07, 1024: 0.05}
"""How often a photo is taken at which shorter side: mostly as small as a whole picture is when it is sent."""

PHOTO_SIDES = tuple(SIDE_WEIGHTS)
"""Shorter sides that each photo is kept at, as far as it has them."""

CLIP_SHARE = 0.25
"""Part of the crops that come from clips, for what films and faces look like."""


class PictureSource(Protocol):
    """Something that crops are drawn from."""

    @property
    def count(self) -> int:
        """Pictures: an epoch."""

    def draw(self, size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """A crop, uint8 (size, size, 3)."""


@dataclass(frozen=True)
class Crops:
    """Random crops. ``photos`` maps a name to the photo at several shorter sides; ``clips`` (N, F, H, W, 3)."""

    photos: dict[str, dict[int, NDArray[np.uint8]]]
    clips: NDArray[np.uint8] | None

    @property
    def count(self) -> int:
        """Photos and frames of clips."""
        return len(self.photos) + (0 if self.clips is None else self.clips.shape[0] * self.clips.shape[1])

    def draw(self, size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """A crop (size, size, 3). Half of the time the busier of two, since flat ones teach little."""
        return busier(self._draw, size, rng)

    def _draw(self, size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        if self.clips is not None and rng.random() < CLIP_SHARE:
            source = self.clips[rng.integers(self.clips.shape[0]), rng.integers(self.clips.shape[1])]
        else:
            names = sorted(self.photos)
            sides = self.photos[names[rng.integers(len(names))]]
            weights = np.array([SIDE_WEIGHTS[side] for side in sides])
            source = sides[int(rng.choice(list(sides), p=weights / weights.sum()))]
        top = rng.integers(source.shape[0] - size + 1)
        left = rng.integers(source.shape[1] - size + 1)
        return np.asarray(source[top : top + size, left : left + size])

    def batch(self, count: int, size: int, rng: np.random.Generator) -> Tensor:
        """Augmented crops, float32 (count, 3, size, size) in [0, 1]."""
        return batch(self, count, size, rng)


def batch(source: PictureSource, count: int, size: int, rng: np.random.Generator) -> Tensor:
    """Augmented crops, float32 (count, 3, size, size) in [0, 1]."""
    return torch.stack([augment(source.draw(size, rng), rng) for _ in range(count)])


def busier(
    draw: Callable[[int, np.random.Generator], NDArray[np.uint8]], size: int, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """A crop by ``draw``; half of the time the busier of two."""
    first = draw(size, rng)
    if rng.random() < 0.5:
        return first
    second = draw(size, rng)
    return first if _busyness(first) >= _busyness(second) else second


def _busyness(crop: NDArray[np.uint8]) -> float:
    grey = crop[::2, ::2].astype(np.float32).mean(axis=2)
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean())


def augment(crop: NDArray[np.uint8], rng: np.random.Generator) -> Tensor:
    """Flips, quarter turns; half of the time other light (gain, offset, gamma, saturation, rarely swapped colours)."""
    turned = np.rot90(crop, k=int(rng.integers(4)))
    if rng.random() < 0.5:
        turned = turned[:, ::-1]
    picture = torch.from_numpy(np.ascontiguousarray(turned.transpose(2, 0, 1))).float().div_(255.0)
    if rng.random() < 0.5:
        picture = picture ** float(np.exp(rng.normal(0.0, 0.2)))
        grey = picture.mean(dim=0, keepdim=True)
        picture = grey + (picture - grey) * float(rng.uniform(0.5, 1.4))
        tint = torch.from_numpy(rng.normal(1.0, 0.06, size=(3, 1, 1))).float()
        picture = picture * tint * float(rng.uniform(0.75, 1.2)) + float(rng.normal(0.0, 0.04))
        if rng.random() < 0.2:
            picture = picture[torch.from_numpy(rng.permutation(3))]
        picture = picture.clamp_(0.0, 1.0)
    return picture


def load_photos(folder: Path) -> dict[str, dict[int, NDArray[np.uint8]]]:
    """Every NAME.SIDE.npy of a folder. Raises FileNotFoundError if there is none."""
    photos: dict[str, dict[int, NDArray[np.uint8]]] = {}
    for path in sorted(folder.glob("*.npy")):
        name, side = path.stem.rsplit(".", 1)
        photos.setdefault(name, {})[int(side)] = np.load(path, allow_pickle=False)
    if not photos:
        raise FileNotFoundError(f"no photos in {folder}; run gvsc train fetch first")
    return photos


def load_crops(data: Path) -> Crops:
    """The training photos, and the training clips where they are there."""
    clips = data / "clips-train.npy"
    return Crops(
        load_photos(data / "photos" / "train"),
        np.load(clips, mmap_mode="r", allow_pickle=False) if clips.exists() else None,
    )


def validation_pictures(data: Path, size: int = 256) -> Tensor:
    """Centre crops of the validation photos, whole (shorter side = size) and at about twice that scale.

    float32 (N, 3, size, size) in [0, 1], in the order of the names.
    """
    pictures = centre_crops(load_photos(data / "photos" / "val"), size)
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div(255.0).contiguous()


def centre_crops(photos: dict[str, dict[int, NDArray[np.uint8]]], size: int) -> NDArray[np.uint8]:
    """Of each photo, whole and at about twice that scale, uint8 (N, size, size, 3)."""
    pictures = []
    for sides in photos.values():
        closer = max((side for side in sides if side <= 2 * size), default=size)
        for side in sorted({size, closer}):
            source = sides[side]
            top, left = (source.shape[0] - size) // 2, (source.shape[1] - size) // 2
            pictures.append(source[top : top + size, left : left + size])
    return np.stack(pictures)

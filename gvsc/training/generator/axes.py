"""The axes of the patch latents, fitted to some frames of each kind, once, where the prepared file is made.

They travel in that file. Fitted anew where the training is they would differ: signs, and the order of axes of about
equal deviation, depend on a machine's linear algebra, and parts trained on two bases do not fit each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from common.conventions import FRAMES, SIZE
from gvsc.training.generator.crops import numbered
from gvsc.training.prepared import decode
from receiver.generators.mini.latent import PatchLatent, fit_basis
from transmitter.clips.world import World

CHANNELS, PATCH = 24, 16
CELLS = SIZE // PATCH

_FITTED: Final = {"world": 700, "clips": 436, "crops": 114}
"""Frames, at most."""
_PATCHES_A_FRAME: Final = 64
_FRAME: Final = 3
"""Of a real clip."""
_STREAM: Final = 1
"""Of the seed."""


class Axes(NamedTuple):
    """``mean`` (D,), orthonormal ``basis`` (24, D) and ``scale`` (24,) of `PatchLatent`, float32, D = 3·16²."""

    mean: NDArray[np.float32]
    basis: NDArray[np.float32]
    scale: NDArray[np.float32]

    def latent(self) -> PatchLatent:
        """With these axes, and an untrained network."""
        latent = PatchLatent(CHANNELS, PATCH)
        for name, value in self._asdict().items():
            getattr(latent, name).copy_(torch.from_numpy(np.array(value)))
        return latent

    def check(self) -> None:
        """Raises ValueError unless they are such axes."""
        shapes = {"mean": (3 * PATCH**2,), "basis": (CHANNELS, 3 * PATCH**2), "scale": (CHANNELS,)}
        for name, value in self._asdict().items():
            if value.shape != shapes[name] or value.dtype != np.float32 or not np.isfinite(value).all():
                raise ValueError(f"its axes' {name} is not {shapes[name]} finite numbers")
        if not (self.scale > 0).all():
            raise ValueError("its axes' scale is not positive")


def fit(
    world: World,
    count: int,
    clips: Sequence[bytes],
    photos: Sequence[NDArray[np.uint8]],
    crops: int,
    seed: int,
) -> Axes:
    """Axes of the first ``count`` clips of a world, of real ``clips`` (encoded frames, 8 to a clip), and of so many
    ``crops`` of each photo. Raises PreparedError."""
    rng = np.random.default_rng([seed, _STREAM])
    some = [world[row].video[0] for row in _some(count, _FITTED["world"])]
    some += [decode(clips[FRAMES * row + _FRAME]) for row in _some(len(clips) // FRAMES, _FITTED["clips"])]
    some += [numbered(photos, row, crops, seed) for row in _some(crops * len(photos), _FITTED["crops"])]
    patches = np.empty((len(some), _PATCHES_A_FRAME, 3 * PATCH**2), np.float32)
    for of_frame, frame in zip(patches, some, strict=True):
        cut = frame.reshape(CELLS, PATCH, CELLS, PATCH, 3).transpose(0, 2, 4, 1, 3).reshape(CELLS**2, -1)
        of_frame[:] = cut[rng.choice(CELLS**2, _PATCHES_A_FRAME, replace=False)] / np.float32(255.0)
    fitted = fit_basis(torch.from_numpy(patches.reshape(-1, 3 * PATCH**2)), CHANNELS, PATCH)
    return Axes(*(value.numpy() for value in fitted))


def _some(count: int, most: int) -> list[int]:
    """At most so many numbers below ``count``, evenly."""
    return [round(row) for row in np.linspace(0, count - 1, min(count, most))] if count else []

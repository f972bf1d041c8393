"""Clips by number, without end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from common.errors import SettingError
from transmitter.clips.world import ground_truth
from transmitter.clips.world.caption import describe
from transmitter.clips.world.draw import draw_scene
from transmitter.clips.world.facts import facts
from transmitter.clips.world.render import render
from transmitter.clips.world.scene import Photo, Scene


@dataclass(frozen=True, eq=False)
class WorldClip:
    """video uint8 (8, 256, 256, 3), its caption and its scene. The ground truth is worked out when it is asked for."""

    video: NDArray[np.uint8]
    caption: str
    scene: Scene

    @cached_property
    def masks(self) -> NDArray[np.uint8]:
        """What each pixel shows, `ground_truth.labels`: uint8 (8, 256, 256)."""
        return ground_truth.labels(self.scene)

    @cached_property
    def parts(self) -> NDArray[np.uint8]:
        """Which part of which object, `ground_truth.parts`: uint8 (8, 256, 256)."""
        return ground_truth.parts(self.scene)

    @cached_property
    def contours(self) -> NDArray[np.bool_]:
        """The outlines of the objects, one pixel wide: bool (8, 256, 256). ``contours(clip.parts)`` has inner lines."""
        return ground_truth.contours(self.masks)

    @cached_property
    def flow(self) -> NDArray[np.float32]:
        """Backward flow on a coarse grid, float32 (8, 32, 32, 2), pixels (x, y) to the place in the first frame."""
        return ground_truth.flow(self.scene, self.masks, ground_truth.FLOW_GRID)

    @cached_property
    def dense_flow(self) -> NDArray[np.float32]:
        """Backward flow of each pixel, float32 (8, 256, 256, 2)."""
        return ground_truth.flow(self.scene, self.masks)

    @property
    def facts(self) -> dict[str, Any]:
        """What the caption says, by name: for judges."""
        return facts(self.scene)


class World:
    """Clip i depends on (seed, i, split) and the photos alone. Without ``photos``, no scene has one behind it.

    Iterating never ends. Raises SettingError for a negative seed or an unknown split.
    """

    def __init__(self, seed: int, split: Literal["train", "held_out"] = "train", photos: Sequence[Photo] = ()) -> None:
        if seed < 0:
            raise SettingError(f"the world's seed is a number from 0 on, not {seed}")
        if split not in ("train", "held_out"):
            raise SettingError(f"the world's split is train or held_out, not {split!r}")
        self.seed = seed
        self.split = split
        self.photos = tuple(photos)

    def __iter__(self) -> Iterator[WorldClip]:
        return (self[number] for number in count())

    def __getitem__(self, number: int) -> WorldClip:
        """Clip ``number``, from 0 on. Raises IndexError below."""
        if number < 0:
            raise IndexError(f"the world's clips are numbered from 0 on, not {number}")
        rng, photo = self._begin(number)
        scene = draw_scene(rng, self.split, photo)
        return WorldClip(render(scene, photo), describe(scene, rng), scene)

    def photo(self, number: int) -> Photo | None:
        """The photo that clip ``number`` may have behind it."""
        return self._begin(number)[1]

    def _begin(self, number: int) -> tuple[np.random.Generator, Photo | None]:
        rng = np.random.default_rng([self.seed, number, self.split == "held_out"])
        return rng, self.photos[int(rng.integers(len(self.photos)))] if self.photos else None

"""A generator as it is measured: clips in bytes, from fixed seeds, with the steps and guidance that were asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common import seeds, weights
from common.errors import SettingError
from receiver import generators
from receiver.generators import GeneratorOptions
from receiver.generators.base import Conditions, Generator


def load(name: str, folder: Path | None = None, settings: GeneratorOptions | None = None) -> Generator:
    """The generator of that name; ``folder`` holds weights to try instead of the committed ones, of `mini` alone.

    Raises SettingError, WeightsError, DeviceError.
    """
    if folder is None:
        return generators.load(name, settings)
    if name != "mini":
        raise SettingError(f"other weights can be tried for mini alone, not for {name}")
    from receiver.generators.mini.generator import Mini

    form = (settings or GeneratorOptions()).guidance_form
    return Mini.from_folders(folder, weights.path("minilm"), form)


@dataclass(frozen=True)
class Maker:
    """``steps`` and ``guidance`` None are the generator's own."""

    generator: Generator
    seed: int
    steps: int | None = None
    guidance: float | None = None

    def serves(self, *roles: str) -> bool:
        """Whether the generator builds from all of these."""
        return self.generator.tasks.issuperset(roles)

    def make(self, conditions: Conditions, number: int) -> NDArray[np.uint8]:
        """Clip ``number``, uint8 (F, H, W, 3). Raises a GvscError where the conditions do not fit."""
        seed = seeds.derive(self.seed, number, "generate")
        clip = self.generator.generate(conditions, seed, self.steps, self.guidance)
        pixels = np.rint(np.clip(clip, 0.0, 1.0) * 255.0).astype(np.uint8)
        return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))

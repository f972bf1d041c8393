"""The generator ``ken-burns``: moves slowly into the received first frame, or shows a grey card where there is none.

It looks at what arrived by what it is called among conditions, and needs no weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from receiver.generators.base import Conditions
from receiver.generators.options import GeneratorOptions
from receiver.generators.registry import GENERATORS

MOST_ZOOM = 0.1
"""Share of the frame's sides that is out of the picture at the end."""

TASKS = ("text", "frame-text")


class KenBurns:
    """A zoom."""

    name = "ken-burns"
    tasks = frozenset(TASKS)

    def generate(
        self, conditions: Conditions, seed: int, steps: int | None = None, guidance: float | None = None
    ) -> NDArray[np.float32]:
        """A clip, float32 (F, 3, H, W) in [0, 1]; the first frame is the received one."""
        frame = conditions.first_frame
        if frame is None:
            grey = np.full((3, conditions.height, conditions.width), 0.5, np.float32)
            return np.repeat(grey[None], conditions.frames, axis=0)
        return np.stack([_zoomed(frame, MOST_ZOOM * k / conditions.frames) for k in range(conditions.frames)])


def _zoomed(frame: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """The middle of a frame (3, H, W), ``share`` of its sides left out, at its size: nearest pixels."""
    _, height, width = frame.shape
    rows, columns = (
        np.rint(np.linspace(0.5 * share, 1 - 0.5 * share, length) * (length - 1)).astype(int)
        for length in (height, width)
    )
    return np.ascontiguousarray(frame[:, rows][:, :, columns])


@GENERATORS.register("ken-burns", "moves slowly into the first frame (example)", tasks=TASKS)
def load(options: GeneratorOptions) -> KenBurns:
    """It has no weights, and no use for options."""
    return KenBurns()

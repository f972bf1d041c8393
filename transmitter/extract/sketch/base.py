"""What a sketcher is: frames in, line drawings out. Every one, own or from elsewhere, has this face."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from common.errors import ClipError

LEAST_SIDE: Final = 16
"""The networks halve their pictures up to four times."""


class Sketcher(Protocol):
    """Draws the contours of frames, white on black. The sketch of a frame does not depend on the other frames."""

    name: str

    def extract(self, video: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Sketches (F, H, W) in [0, 1] of frames (F, H, W, 3) RGB. Raises ClipError where the video is not that."""
        ...


def check_video(video: NDArray[np.uint8]) -> None:
    """Raises ClipError unless ``video`` is uint8 (F, H, W, 3) with sides of at least `LEAST_SIDE`."""
    if video.dtype != np.uint8 or video.ndim != 4 or video.shape[3] != 3:
        raise ClipError(f"frames must be uint8 (frames, height, width, 3), not {video.dtype} {video.shape}")
    if min(video.shape[1:3]) < LEAST_SIDE:
        raise ClipError(f"frames of {video.shape[2]}×{video.shape[1]} are too small to sketch: {LEAST_SIDE} at least")


class NetworkSketcher:
    """A network from pictures (1, 3, H, W) to maps (1, 1, H, W), both in [0, 1], as a `Sketcher`."""

    def __init__(self, name: str, network: nn.Module) -> None:
        self.name = name
        self._network = network.eval().requires_grad_(False)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def extract(self, video: NDArray[np.uint8]) -> NDArray[np.float32]:
        check_video(video)
        sketches = np.empty(video.shape[:3], np.float32)
        with torch.inference_mode():
            for frame, sketch in zip(video, sketches, strict=True):
                # one after another: a batch is no faster on a CPU, and rounds differently
                picture = torch.from_numpy(frame.copy()).permute(2, 0, 1)[None].float() / 255
                sketch[:] = self._network(picture.contiguous(memory_format=torch.channels_last))[0, 0].numpy()
        return sketches

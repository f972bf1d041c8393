"""Networks that draw contours, as edge extractors."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from transmitter.extract.sketch.base import check_video


class NetworkEdgeExtractor:
    """A network from pictures (1, 3, H, W) to maps (1, 1, H, W), both in [0, 1], as an edge extractor."""

    def __init__(self, name: str, network: nn.Module) -> None:
        self.name = name
        self._network = network.eval().requires_grad_(False)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def extract(self, video: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Sketches (F, H, W) in [0, 1] of frames (F, H, W, 3) RGB. Raises ClipError where the video is not that."""
        check_video(video)
        sketches = np.empty(video.shape[:3], np.float32)
        with torch.inference_mode():
            for frame, sketch in zip(video, sketches, strict=True):
                # one after another: a batch is no faster on a CPU, and rounds differently
                picture = torch.from_numpy(frame.copy()).permute(2, 0, 1)[None].float() / 255
                sketch[:] = self._network(picture.contiguous(memory_format=torch.channels_last))[0, 0].numpy()
        return sketches

"""Judges say what is to be seen in a clip. They are given the clip, never its caption.

Two small networks, trained on the rendered world by `gvsc.training.judge`. No weights come with gvsc yet: those trained
so far are not right often enough (gvsc/training/LOG.md). Each answer is one of :data:`LABELS`, ``NONE`` among them, so
that noise need not be called anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from common import weights
from common.errors import SettingError, WeightsError
from gvsc.bench.generator.judges import look, movement
from gvsc.bench.generator.judges.labels import LABELS, NONE, truth
from gvsc.bench.generator.judges.network import FRAMES, JudgeNetworks, from_tensors

__all__ = ["LABELS", "NAME", "NONE", "Judges", "Verdict", "truth"]

NAME: Final = "judges"

Verdict = dict[str, str]
"""The answer to each question of ``LABELS``."""


class Judges:
    """All judges, with their weights. Deterministic; holds no state between clips."""

    def __init__(self, networks: JudgeNetworks) -> None:
        """``networks`` must have trained weights: :meth:`load` sees to it."""
        self._networks = networks

    @classmethod
    def load(cls, file: Path | None = None) -> Judges:
        """From a safetensors file; by default the committed weights, verified. Raises WeightsError."""
        path = weights.path(NAME) if file is None else file
        try:
            return cls(from_tensors(load_file(path)))
        except Exception as error:
            raise WeightsError(f"cannot read weights {path}: {error}") from error

    def judge(self, video: NDArray[np.uint8]) -> Verdict:
        """What a clip uint8 (8, H, W, 3) shows. Raises SettingError for another shape."""
        if video.dtype != np.uint8 or video.ndim != 4 or video.shape[0] != FRAMES or video.shape[3] != 3:
            raise SettingError(f"a clip to judge must be uint8 ({FRAMES}, H, W, 3), not {video.dtype} {video.shape}")
        clip = torch.from_numpy(np.ascontiguousarray(video.transpose(0, 3, 1, 2))).float().div_(255.0)
        with torch.inference_mode():
            return look.judge(self._networks.look, clip) | movement.judge(self._networks.movement, clip)

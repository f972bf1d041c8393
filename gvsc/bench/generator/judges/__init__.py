"""Judges say what is to be seen in a clip. They are given the clip, never its caption.

Three small networks, trained on the rendered world by `gvsc.training.judge`: one finds the object and its path, one
looks at whole frames, one at what is cut out where the object is. Each answer is one of :data:`LABELS`, ``NONE`` among
them, so that noise need not be called anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from common import weights
from common.conventions import FRAMES
from common.errors import SettingError, WeightsError
from gvsc.bench.generator.judges import path, scene, thing
from gvsc.bench.generator.judges.labels import LABELS, NONE, truth
from gvsc.bench.generator.judges.network import JudgeNetworks, from_tensors, smaller

__all__ = ["LABELS", "NAME", "NONE", "Judges", "Verdict", "truth"]

NAME: Final = "judges"

_LOOKED_AT: Final = (0, 2, 5, 7)
"""Frames that the object is cut out of."""

_GLANCES: Final = 3
"""How often a place is looked at and set right: it is found only roughly."""

_NUDGES: Final = torch.tensor([(x, y, size) for size in (-0.1, 0.1) for x, y in ((0.1, 0.0), (-0.1, 0.0), (0.0, 0.0))])
"""Near it, too, what it is is asked: by how many radii to the right and down, and how much larger in logarithms."""

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
            votes = votes_on(self._networks, clip)
        return {question: LABELS[question][int(votes[question].argmax())] for question in LABELS}


def votes_on(networks: JudgeNetworks, clip: Tensor) -> dict[str, Tensor]:
    """For each question how likely each answer is, (answers,), for a clip (FRAMES, 3, H, W) in [0, 1].

    The object is looked for first; what it is, is asked of what is cut out there. Where there is none, nothing is.
    """
    seen = networks.path(smaller(clip, path.SIDE)[None])
    known, background, light = networks.scene(smaller(clip, scene.SIDE))
    looked_at = clip[list(_LOOKED_AT)]
    places = torch.cat([seen.path[0, :, :2], seen.path[0, :, 2:].exp()], -1)[list(_LOOKED_AT)]
    for _ in range(_GLANCES):
        places = networks.thing.nearer(looked_at, places)
    cuts = [thing.cut(looked_at, thing.moved(places, nudge.expand_as(places))) for nudge in _NUDGES]
    colours, kinds, _ = networks.thing(torch.cat(cuts), known.mean(0).expand(len(_NUDGES) * len(_LOOKED_AT), -1))
    gone = seen.places[0].softmax(-1)[list(_LOOKED_AT), -1:]
    colour, kind = (_named(each.unflatten(0, (len(_NUDGES), -1)).softmax(-1), gone) for each in (colours, kinds))
    return {
        "motion": seen.motion[0],
        "camera": seen.camera[0],
        "background": _together(background.softmax(-1)),
        "light": _together(light.softmax(-1)),
        "colour": _together(colour),
        "kind": _together(kind),
    }


def _named(shares: Tensor, gone: Tensor) -> Tensor:
    """Of shares (nudges, frames, answers) the largest of each answer; NONE, the first, where the object is gone."""
    return torch.cat([gone, shares.amax(0)[:, 1:] * (1 - gone)], -1)


def _together(shares: Tensor) -> Tensor:
    """Votes (answers,) of frames (FRAMES, answers); none of them can rule an answer out."""
    return (shares + 0.01).log().sum(0)

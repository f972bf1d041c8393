"""The generator `mini`: conditions to pipeline call, and where its weights come from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from common import weights
from common.errors import SettingError
from receiver.generators.base import Conditions, GuidanceForm
from receiver.generators.mini.pipeline import MiniPipeline
from receiver.generators.mini.text import TextEncoder
from receiver.generators.mini.warp import warped

STEPS: Final = 16
"""Euler steps."""

GUIDANCE: Final[dict[str, float]] = {"text": 3.0, "sketch-text": 1.0, "sketches-text": 1.0, "frame-text": 1.0}
"""ω of eq. (2) by what there is to build from: the more the pictures say, the less the text has to be pressed."""


class Mini:
    """Text, a first frame, a sketch or a sketch of each frame to a clip of eight frames, sides in multiples of 32."""

    name = "mini"
    tasks: frozenset[str] = frozenset({"text", "frame-text", "frame-motion-text", "sketch-text", "sketches-text"})

    def __init__(self, pipeline: MiniPipeline, guidance_form: GuidanceForm = "joint") -> None:
        self.pipeline = pipeline
        self.guidance_form = guidance_form

    @classmethod
    def from_weights(cls, guidance_form: GuidanceForm = "joint") -> Mini:
        """With this project's weights and the pretrained text encoder. Raises WeightsError if either is missing."""
        return cls.from_folders(weights.path("mini"), weights.path("minilm"), guidance_form)

    @classmethod
    def from_folders(cls, folder: Path, text_encoder: Path, guidance_form: GuidanceForm = "joint") -> Mini:
        """With the pipeline saved in ``folder`` and a MiniLM folder. Raises WeightsError if either cannot be loaded."""
        return cls(MiniPipeline.load(folder, TextEncoder.load(text_encoder)), guidance_form)

    def generate(
        self, conditions: Conditions, seed: int, steps: int | None = None, guidance: float | None = None
    ) -> NDArray[np.float32]:
        """A clip, float32 (8, 3, H, W) in [0, 1]; see `receiver.generators.base.Generator`.

        Raises SettingError for another number of frames, sides that are no multiples of 32, or no condition at all.
        """
        frames = self.pipeline.mover.frames
        if conditions.frames != frames:
            raise SettingError(f"mini makes clips of {frames} frames, not {conditions.frames}")
        if (moved := warped(conditions)) is not None:
            return moved
        described = bool((conditions.description or "").strip())
        if not described and conditions.first_frame is None and conditions.sketches is None:
            raise SettingError("mini has nothing to build from: no description, no first frame and no sketch")
        clip = self.pipeline(
            prompt=conditions.description or "",
            image=_tensor(conditions.first_frame),
            sketches=_tensor(conditions.sketches),
            snr_db=conditions.snr_db,
            height=conditions.height,
            width=conditions.width,
            num_inference_steps=STEPS if steps is None else steps,
            guidance_scale=GUIDANCE[conditions.task] if guidance is None else guidance,
            guidance_form=self.guidance_form,
            generator=torch.Generator().manual_seed(seed),
        )
        return clip.numpy()


def _tensor(pictures: NDArray[np.float32] | None) -> torch.Tensor | None:
    """A copy, because torch wants to be able to write where numpy may not."""
    return None if pictures is None else torch.from_numpy(pictures.copy())

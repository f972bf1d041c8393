"""The generator `mini`: conditions to pipeline call, and where its weights come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers.utils import logging as diffusers_logging
from numpy.typing import NDArray
from transformers.utils import logging as transformers_logging

from common import weights
from common.errors import SettingError, WeightsError
from receiver.generators.base import Conditions, Role
from receiver.generators.mini.pipeline import MiniPipeline
from receiver.generators.mini.text import load_text_encoder

STEPS = 10
"""Euler steps."""

GUIDANCE: dict[Role, float] = {"text": 3.0, "frame-text": 1.25}
"""ω of eq. (2) by what there is to build from: a received frame already says most of it."""

TEMPERATURE: dict[Role, float] = {"text": 0.7, "frame-text": 0.4}
"""Scale of the initial noise. What a channel destroyed of a received frame cannot be known; inventing all of it anew
costs more fidelity than it gains detail. Without a frame, full noise leaves this small model with more texture than
meaning."""

_CODEC_SNR_DB = (-3.0, 0.0, 3.0, 6.0, 10.0, 15.0)
_TRAINED_SNR_DB = (7.0, 10.0, 13.0, 17.0, 27.0, 30.0)


class Mini:
    """Text to clip, and first frame and text to clip, eight frames, sides in multiples of 32."""

    name = "mini"
    roles: frozenset[Role] = frozenset({"text", "frame-text"})

    def __init__(self, pipeline: MiniPipeline) -> None:
        self.pipeline = pipeline

    @classmethod
    def from_weights(cls) -> Mini:
        """With this project's weights and the pretrained text encoder. Raises WeightsError if either is missing."""
        return cls.from_folders(weights.path("mini"), weights.path("minilm"))

    @classmethod
    def from_folders(cls, folder: Path, text_encoder: Path) -> Mini:
        """With the pipeline saved in ``folder`` and a MiniLM folder. Raises WeightsError if either cannot be loaded."""
        diffusers_logging.disable_progress_bar()
        transformers_logging.disable_progress_bar()
        tokenizer, encoder = load_text_encoder(text_encoder)
        try:
            pipeline = MiniPipeline.from_pretrained(
                folder,
                text_encoder=encoder,
                tokenizer=tokenizer,
                local_files_only=True,
                use_safetensors=True,
                dtype=torch.float32,
            )
        except (OSError, ValueError, KeyError) as error:
            raise WeightsError(f"the weights of mini in {folder} cannot be loaded: {error}") from error
        pipeline.unet.to(memory_format=torch.channels_last).eval()
        pipeline.vae.to(memory_format=torch.channels_last).eval()
        return cls(pipeline)

    def generate(
        self, conditions: Conditions, seed: int, steps: int | None = None, guidance: float | None = None
    ) -> NDArray[np.float32]:
        """A clip, float32 (8, 3, H, W) in [0, 1]; see `receiver.generators.base.Generator`.

        Raises SettingError for another number of frames, sides that are no multiples of 32, or no condition at all.
        """
        frames = self.pipeline.unet.frames
        if conditions.frames != frames:
            raise SettingError(f"mini makes clips of {frames} frames, not {conditions.frames}")
        if conditions.first_frame is None and not (conditions.description or "").strip():
            raise SettingError("mini has nothing to build from: neither a description nor a first frame")
        role: Role = "text" if conditions.first_frame is None else "frame-text"
        image = None if conditions.first_frame is None else torch.from_numpy(conditions.first_frame.copy())
        clip = self.pipeline(
            prompt=conditions.description or "",
            image=image,
            snr_db=None if conditions.snr_db is None else snr_db_as_trained(conditions.snr_db),
            height=conditions.height,
            width=conditions.width,
            num_inference_steps=STEPS if steps is None else steps,
            guidance_scale=GUIDANCE[role] if guidance is None else guidance,
            temperature=TEMPERATURE[role],
            generator=torch.Generator().manual_seed(seed),
        )
        return clip.numpy()


def snr_db_as_trained(snr_db: float) -> float:
    """The SNR at which frames in training were as damaged as the first-frame codec's are at ``snr_db``.

    `mini` was trained with frames of a linear analogue code, which needs about 10 dB more than the DJSCC codec for the
    same error: medians over 23 held-out frames, interpolated.
    """
    if snr_db < _CODEC_SNR_DB[0]:
        return snr_db - _CODEC_SNR_DB[0] + _TRAINED_SNR_DB[0]
    return float(np.interp(snr_db, _CODEC_SNR_DB, _TRAINED_SNR_DB))

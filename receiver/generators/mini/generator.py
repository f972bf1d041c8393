"""The generator `mini`: conditions to pipeline call, and where its weights come from."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from diffusers.utils import logging as diffusers_logging
from numpy.typing import NDArray
from safetensors import safe_open
from torch import nn
from transformers.utils import logging as transformers_logging

from common import weights
from common.errors import SettingError, WeightsError
from receiver.generators.base import Conditions, GuidanceForm
from receiver.generators.mini.latent import PatchLatent
from receiver.generators.mini.layout import Layout
from receiver.generators.mini.mover import Mover
from receiver.generators.mini.painter import Painter
from receiver.generators.mini.pipeline import MiniPipeline
from receiver.generators.mini.text import load_text_encoder
from receiver.generators.mini.warp import warped

STEPS: Final = 16
"""Euler steps."""

GUIDANCE: Final[dict[str, float]] = {"text": 3.0, "sketch-text": 1.0, "sketches-text": 1.0, "frame-text": 1.0}
"""ω of eq. (2) by what there is to build from: the more the pictures say, the less the text has to be pressed."""


PARTS: Final[dict[str, type[nn.Module]]] = {"painter": Painter, "mover": Mover, "layout": Layout, "vae": PatchLatent}
"""Networks of the pipeline by name."""


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
        if not (folder / "model_index.json").is_file():
            raise WeightsError(f"there is no pipeline in {folder}: it has no model_index.json")
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
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise WeightsError(f"the weights of mini in {folder} cannot be loaded: {error}") from error
        for name, kind in PARTS.items():
            network = getattr(pipeline, name)
            if not isinstance(network, kind):
                raise WeightsError(f"the {name} in {folder} is a {type(network).__name__}, not a {kind.__name__}")
            _check_complete(network, folder / name)
            network.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        return cls(pipeline, guidance_form)

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


def _check_complete(network: nn.Module, folder: Path) -> None:
    """The library fills what a file lacks with random numbers, and says so in a log. Raises WeightsError."""
    stored: set[str] = set()
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "pt") as opened:
            stored.update(opened.keys())
    missing, odd = network.state_dict().keys() - stored, stored - network.state_dict().keys()
    if missing or odd:
        what = f"lack {min(missing)}" if missing else f"have an unknown {min(odd)}"
        raise WeightsError(f"the weights in {folder} {what}: they are of another version of mini")


def _tensor(pictures: NDArray[np.float32] | None) -> torch.Tensor | None:
    """A copy, because torch wants to be able to write where numpy may not."""
    return None if pictures is None else torch.from_numpy(pictures.copy())

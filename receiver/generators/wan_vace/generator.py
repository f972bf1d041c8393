"""`wan-vace`: Wan 2.1 VACE, 1.3B or 14B (Jiang et al., arXiv 2503.07598) through diffusers, for all four tasks."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from common.errors import SettingError
from common.service import say
from receiver.generators.base import Conditions, GuidanceForm
from receiver.generators.large import hub, memory, sources, visuals
from receiver.generators.large.guidance import Guided, branches_in_turn, guided
from receiver.generators.large.memory import Plan
from receiver.generators.large.sampling import sample
from receiver.generators.large.trust import conditioning_scale
from receiver.generators.options import GeneratorOptions

STEPS: Final = 50
GUIDANCE: Final = 5.0
"""The pipeline's own ω."""

SIDE: Final = 480
"""It was trained at 480p and above; smaller pictures are made at 480² and resized."""

STRIDE: Final = 4
"""It makes 16 frames a second, of which every fourth is kept. It is its autoencoder's temporal factor, too, which is
why it makes 4k + 1 frames."""

MOST_FRAMES: Final = 81
"""What it was trained for."""

FLOW_SHIFT: Final = 3.0
"""Of the scheduler, as its authors advise for 480p."""

WORKING: Final = 8e9
"""Bytes beside the weights, for 29 frames of 480². An estimate with room to spare, not measured."""

GREY: Final = 0.5
"""What the model sees as zero: a frame to be generated."""


class WanVace:
    """Text; first frame and text; sketch and text; sketches and text. Sides in multiples of 16 after resizing.

    From one sketch it makes the first frame, and then the video from that. Without text it goes by the pictures alone.
    The literal form of eq. (2) sets the conditioning scale to zero in the branch with the text, which leaves plain Wan
    text-to-video.
    """

    tasks: frozenset[str] = frozenset({"text", "frame-text", "sketch-text", "sketches-text"})

    def __init__(
        self, pipeline: Any, plan: Plan, name: str, *, side: int | None = None, form: GuidanceForm = "joint"
    ) -> None:
        """``pipeline`` is diffusers' WanVACEPipeline, placed as ``plan`` says; ``side``: see GeneratorOptions."""
        self.name = name
        self.pipeline = pipeline
        self._plan = plan
        self._side = side
        self._form = form

    @classmethod
    def load(cls, options: GeneratorOptions) -> WanVace:
        """From the hub or a folder, 1.3B unless another place is named. Raises WeightsError, DeviceError."""
        with hub.quiet():
            from diffusers import UniPCMultistepScheduler, WanVACEPipeline

        (place,) = sources.places("wan-vace", options.model).values()
        folder = hub.pipeline_folder(WanVACEPipeline, place)
        plan = memory.choose(
            hub.pipeline_parameters(WanVACEPipeline, folder),
            WanVACEPipeline.model_cpu_offload_seq.split("->"),
            WORKING,
            memory.measured(options.device),
            options,
            exact=("vae",),
        )
        say("receiver", f"wan-vace from {place}: {plan}")
        pipeline = hub.load_pipeline(WanVACEPipeline, folder, plan.dtypes(exact=("vae",)))
        pipeline.scheduler = UniPCMultistepScheduler.from_config(
            pipeline.scheduler.config, prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=FLOW_SHIFT
        )
        memory.place(pipeline, plan)
        name = sources.backbone("wan-vace", place)
        return cls(pipeline, plan, name, side=options.side, form=options.guidance_form)

    def generate(
        self, conditions: Conditions, seed: int, steps: int | None = None, guidance: float | None = None
    ) -> NDArray[np.float32]:
        """A clip, float32 (F, 3, H, W) in [0, 1]; see `receiver.generators.base.Generator`.

        Raises SettingError for more than 21 frames, nothing to build from, or ω between 0 and 1; DeviceError.
        """
        total = visuals.spread(conditions.frames, STRIDE)
        if total > MOST_FRAMES:
            most = (MOST_FRAMES - 1) // STRIDE + 1
            raise SettingError(f"{self.name} makes clips of at most {most} frames, not {conditions.frames}")
        text = conditions.description
        how = guided(
            text,
            visual=conditions.task != "text",
            omega=GUIDANCE if guidance is None else guidance,
            form=self._form,
        )
        height, width = conditions.height, conditions.width
        side = self._side or max(SIDE, round((height * width) ** 0.5))
        size = visuals.working_size(height, width, side, 16)
        scale = conditioning_scale(conditions.snr_db, bool(how.prompt))
        frame = None if conditions.first_frame is None else visuals.resized(conditions.first_frame[None], size)
        shown: dict[str, Any] = {}
        if conditions.task == "sketches-text":
            assert conditions.sketches is not None
            shown = {"video": _drawn(conditions.sketches, size, STRIDE), "conditioning_scale": scale}
        elif conditions.task == "sketch-text":
            assert conditions.sketches is not None
            drawn = {"video": _drawn(conditions.sketches, size, 1), "conditioning_scale": scale}
            frame = self._sample(how, seed, steps, size, 1, drawn)
            scale = 1.0  # what it made itself is clean
        if frame is not None and not shown:
            shown = {**_first(frame, total), "conditioning_scale": scale}
        made = self._sample(how, seed, steps, size, total, shown)
        return visuals.resized(made[::STRIDE], (height, width))

    def _sample(
        self, how: Guided, seed: int, steps: int | None, size: tuple[int, int], frames: int, shown: dict[str, Any]
    ) -> NDArray[np.float32]:
        with branches_in_turn(self.pipeline.transformer, "control_hidden_states_scale", how):
            return sample(
                self.pipeline,
                self._plan,
                seed,
                prompt=how.prompt,
                negative_prompt="",
                height=size[0],
                width=size[1],
                num_frames=frames,
                num_inference_steps=STEPS if steps is None else steps,
                guidance_scale=how.scale,
                **shown,
            )


def _drawn(sketches: NDArray[np.float32], size: tuple[int, int], stride: int) -> NDArray[np.float32]:
    """Sketches as the model knows them, black on white, one a latent frame: (1, frames, h, w, 3) in [0, 1]."""
    black_on_white = 1.0 - visuals.resized(visuals.coloured(sketches), size)
    return visuals.held(black_on_white, stride).transpose(0, 2, 3, 1)[None]


def _first(frame: NDArray[np.float32], frames: int) -> dict[str, Any]:
    """A first frame (1, 3, h, w) and grey behind it, the mask black where the model keeps and white where it makes."""
    height, width = frame.shape[-2:]
    video = np.full((1, frames, height, width, 3), GREY, np.float32)
    video[0, 0] = frame[0].transpose(1, 2, 0)
    mask = np.ones_like(video)
    mask[0, 0] = 0.0
    return {"video": video, "mask": mask}

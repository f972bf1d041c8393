"""`animatediff-sparsectrl`: AnimateDiff (Guo et al., arXiv 2307.04725) with SparseCtrl (arXiv 2311.16933), diffusers'.

Stable Diffusion 1.5 with motion modules: ε-prediction, DDIM, eight frames at once. Of what runs in diffusers it is
nearest to the VideoComposer of the paper.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from common.errors import SettingError
from common.service import say
from receiver.generators.base import Conditions, GuidanceForm
from receiver.generators.large import hub, memory, sources, visuals
from receiver.generators.large.guidance import branches_in_batch, guided
from receiver.generators.large.memory import Plan
from receiver.generators.large.sampling import sample
from receiver.generators.large.trust import conditioning_scale
from receiver.generators.options import GeneratorOptions

STEPS: Final = 50
"""As in the paper (IV-A2)."""

GUIDANCE: Final = 7.5
"""The pipeline's own ω."""

SIDE: Final = 512
"""What Stable Diffusion 1.5 was trained at."""

WORKING: Final = 6e9
"""Bytes beside the weights, for 16 frames of 512². An estimate with room to spare, not measured."""

Control = Literal["scribble", "rgb"]


class AnimateDiffSparseCtrl:
    """Text; first frame and text; sketch and text; sketches and text. Frames as many as the motion modules know: 32.

    A first frame goes through the RGB network, sketches through the scribble network, which knows white lines on
    black: one sketch for the first frame alone, or one a frame. The literal form of eq. (2) silences these networks
    in the branch with the text, which leaves plain AnimateDiff.
    """

    tasks: frozenset[str] = frozenset({"text", "frame-text", "sketch-text", "sketches-text"})

    def __init__(
        self,
        pipelines: dict[Control | None, Any],
        plan: Plan,
        name: str,
        *,
        side: int | None = None,
        form: GuidanceForm = "joint",
    ) -> None:
        """``pipelines`` by what steers them: None is diffusers' AnimateDiffPipeline, the others its
        AnimateDiffSparseControlNetPipeline. They share their models, and are placed by ``plan`` when used."""
        self.name = name
        self.pipelines = pipelines
        self._plan = plan
        self._side = side
        self._form = form
        self._placed: Any = None

    @classmethod
    def load(cls, options: GeneratorOptions) -> AnimateDiffSparseCtrl:
        """From the hub or folders. Raises WeightsError, DeviceError, SettingError."""
        with hub.quiet():
            from diffusers import (
                AnimateDiffPipeline,
                AnimateDiffSparseControlNetPipeline,
                DDIMScheduler,
                MotionAdapter,
                SparseControlNetModel,
            )

        places = sources.places("animatediff-sparsectrl", options.model)
        folder = hub.pipeline_folder(AnimateDiffPipeline, places["sd15"])
        kinds = {"motion": MotionAdapter, "scribble": SparseControlNetModel, "rgb": SparseControlNetModel}
        folders = {part: hub.model_folder(places[part]) for part in kinds}
        counted = {part: hub.parameters(folders[part]) for part in kinds}
        plan = memory.choose(
            {**hub.pipeline_parameters(AnimateDiffPipeline, folder), **counted},
            AnimateDiffPipeline.model_cpu_offload_seq.split("->"),
            WORKING,
            memory.measured(options.device),
            options,
        )
        say("receiver", f"animatediff-sparsectrl from {', '.join(places.values())}: {plan}")
        dtypes = plan.dtypes(exact=())
        parts = {part: hub.load_model(kind, folders[part], dtypes["default"]) for part, kind in kinds.items()}
        unused = {"image_encoder": None, "feature_extractor": None}
        plain = hub.load_pipeline(AnimateDiffPipeline, folder, dtypes, motion_adapter=parts["motion"], **unused)
        # DDIM with a linear schedule is what the motion modules were trained with, whatever the base model says.
        plain.scheduler = DDIMScheduler.from_config(
            plain.scheduler.config,
            beta_schedule="linear",
            prediction_type="epsilon",
            clip_sample=False,
            timestep_spacing="linspace",
            steps_offset=1,
        )
        pipelines: dict[Control | None, Any] = {None: plain}
        controls: tuple[Control, ...] = ("scribble", "rgb")
        for control in controls:
            pipelines[control] = AnimateDiffSparseControlNetPipeline(**plain.components, controlnet=parts[control])
            pipelines[control].set_progress_bar_config(**plain._progress_bar_config)
        name = sources.backbone("animatediff-sparsectrl", places["sd15"])
        return cls(pipelines, plan, name, side=options.side, form=options.guidance_form)

    def generate(
        self, conditions: Conditions, seed: int, steps: int | None = None, guidance: float | None = None
    ) -> NDArray[np.float32]:
        """A clip, float32 (F, 3, H, W) in [0, 1]; see `receiver.generators.base.Generator`.

        Raises SettingError for more frames than the motion modules know, nothing to build from, or ω between 0 and 1;
        DeviceError.
        """
        most = self.pipelines[None].motion_adapter.config.motion_max_seq_length
        if conditions.frames > most:
            raise SettingError(f"{self.name} makes clips of at most {most} frames, not {conditions.frames}")
        omega = GUIDANCE if guidance is None else guidance
        how = guided(conditions.description, visual=conditions.task != "text", omega=omega, form=self._form)
        height, width = conditions.height, conditions.width
        size = visuals.working_size(height, width, self._side or max(SIDE, round((height * width) ** 0.5)), 64)
        control, pictures = _control(conditions)
        inputs: dict[str, Any] = {
            "prompt": how.prompt,
            "negative_prompt": "",
            "height": size[0],
            "width": size[1],
            "num_frames": conditions.frames,
            "num_inference_steps": STEPS if steps is None else steps,
            "guidance_scale": how.scale,
        }
        pipeline = self._ready(control)
        if pictures is None:
            return visuals.resized(sample(pipeline, self._plan, seed, **inputs), (height, width))
        inputs |= {
            "conditioning_frames": visuals.images(visuals.resized(pictures, size)),
            "controlnet_frame_indices": list(range(len(pictures))),
            "controlnet_conditioning_scale": conditioning_scale(conditions.snr_db, bool(how.prompt)),
        }
        with branches_in_batch(pipeline.controlnet, how):
            return visuals.resized(sample(pipeline, self._plan, seed, **inputs), (height, width))

    def _ready(self, control: Control | None) -> Any:
        """The pipeline for that control, in its place: with offloading the hooks belong to one pipeline at a time."""
        pipeline = self.pipelines[control]
        if pipeline is not self._placed:
            memory.place(pipeline, self._plan)
            self._placed = pipeline
        return pipeline


def _control(conditions: Conditions) -> tuple[Control | None, NDArray[np.float32] | None]:
    """Which network, and its pictures (N, 3, H, W), those of the first frames; nothing for text alone."""
    match conditions.task:
        case "text":
            return None, None
        case "frame-text":
            assert conditions.first_frame is not None
            return "rgb", conditions.first_frame[None]
        case _:
            assert conditions.sketches is not None
            return "scribble", visuals.coloured(conditions.sketches)

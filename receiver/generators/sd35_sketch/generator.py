"""`sd35-sketch`: Stable Diffusion 3.5 and its Canny ControlNet draw the first frame, another generator makes the video.

As the paper chains SD3.5 and Open-Sora (II-C).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from common.errors import SettingError
from common.service import say
from receiver.generators.base import Conditions, Generator, GuidanceForm
from receiver.generators.large import hub, memory, sources, visuals
from receiver.generators.large.guidance import branches_in_batch, guided
from receiver.generators.large.memory import Plan
from receiver.generators.large.sampling import sample
from receiver.generators.large.trust import conditioning_scale
from receiver.generators.options import GeneratorOptions

STEPS: Final = 50
GUIDANCE: Final = 3.5
"""ω that the model's card advises."""

SIDE: Final = 1024
"""What it was trained at."""

WORKING: Final = 6e9
"""Bytes beside the weights, at 1024². An estimate with room to spare, not measured."""

BLACK, WHITE = 0.5, 128.0
"""The values of a Canny picture that the published ControlNet was made for: its card scales 0 … 255 by half."""


class Sd35Sketch:
    """Sketch and text to first frame; video, and all other tasks, by the generator ``chain``, which has frame + text.

    The literal form of eq. (2) silences the ControlNet in the branch with the text. ``steps`` and ``guidance`` hold
    for both stages.
    """

    def __init__(
        self,
        pipeline: Any,
        plan: Plan,
        chain: Generator,
        name: str,
        *,
        side: int | None = None,
        form: GuidanceForm = "joint",
    ) -> None:
        """``pipeline`` is diffusers' StableDiffusion3ControlNetPipeline, placed as ``plan`` says. Raises
        SettingError for a ``chain`` without frame + text."""
        if "frame-text" not in chain.tasks:
            raise SettingError(f"{chain.name} makes no video of a first frame: chain another generator")
        self.name = f"{name}+{chain.name}"[:64]
        own: frozenset[str] = frozenset({"sketch-text"})
        self.tasks: frozenset[str] = own | chain.tasks
        self.pipeline = pipeline
        self.chain = chain
        self._plan = plan
        self._side = side
        self._form = form

    @classmethod
    def load(cls, options: GeneratorOptions, chain: Generator) -> Sd35Sketch:
        """From the hub or folders. Raises WeightsError, DeviceError, SettingError."""
        with hub.quiet():
            from diffusers import SD3ControlNetModel, StableDiffusion3ControlNetPipeline

        places = sources.places("sd35-sketch", options.model)
        folder = hub.pipeline_folder(StableDiffusion3ControlNetPipeline, places["sd35"])
        control = hub.model_folder(places["sd35-canny"])
        counted = hub.pipeline_parameters(StableDiffusion3ControlNetPipeline, folder)
        plan = memory.choose(
            {**counted, "controlnet": hub.parameters(control)},
            StableDiffusion3ControlNetPipeline.model_cpu_offload_seq.split("->"),
            WORKING,
            memory.measured(options.device),
            options,
        )
        say("receiver", f"sd35-sketch from {places['sd35']} and {places['sd35-canny']}: {plan}")
        dtypes = plan.dtypes(exact=())
        network = hub.load_model(SD3ControlNetModel, control, dtypes["default"])
        unused = {"image_encoder": None, "feature_extractor": None}
        pipeline = hub.load_pipeline(StableDiffusion3ControlNetPipeline, folder, dtypes, controlnet=network, **unused)
        memory.place(pipeline, plan)
        name = sources.backbone("sd35-sketch", places["sd35"])
        return cls(pipeline, plan, chain, name, side=options.side, form=options.guidance_form)

    def generate(
        self, conditions: Conditions, seed: int, steps: int | None = None, guidance: float | None = None
    ) -> NDArray[np.float32]:
        """A clip, float32 (F, 3, H, W) in [0, 1]; see `receiver.generators.base.Generator`.

        Raises SettingError for nothing to build from, ω between 0 and 1, or what the chained generator refuses;
        DeviceError.
        """
        if conditions.task == "sketch-text":
            frame = self.first_frame(conditions, seed, steps, guidance)
            conditions = Conditions.of(
                conditions.description, frame, None, None, conditions.frames, conditions.height, conditions.width
            )
        return self.chain.generate(conditions, seed, steps, guidance)

    def first_frame(
        self, conditions: Conditions, seed: int, steps: int | None = None, guidance: float | None = None
    ) -> NDArray[np.float32]:
        """The frame by the first of the sketches and the text, float32 (3, H, W) in [0, 1]. Raises as ``generate``."""
        assert conditions.sketches is not None
        omega = GUIDANCE if guidance is None else guidance
        how = guided(conditions.description, visual=True, omega=omega, form=self._form)
        height, width = conditions.height, conditions.width
        size = visuals.working_size(height, width, self._side or SIDE, 16)
        lines = visuals.thinned(visuals.resized(visuals.coloured(conditions.sketches[:1]), size)[:, 0])
        control = torch.from_numpy(visuals.coloured(lines) * np.float32(WHITE - BLACK) + np.float32(BLACK))
        with branches_in_batch(self.pipeline.controlnet, how):
            made = sample(
                self.pipeline,
                self._plan,
                seed,
                prompt=how.prompt,
                negative_prompt="",
                height=size[0],
                width=size[1],
                num_inference_steps=STEPS if steps is None else steps,
                guidance_scale=how.scale,
                control_image=control,
                controlnet_conditioning_scale=conditioning_scale(conditions.snr_db, bool(how.prompt)),
            )
        return visuals.resized(made, (height, width))[0]

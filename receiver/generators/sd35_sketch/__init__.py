"""`sd35-sketch`: Stable Diffusion 3.5 and its Canny ControlNet draw the first frame, another generator makes the video.

As the paper chains SD3.5 and Open-Sora (II-C).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from common.errors import SettingError
from common.needs import Hub
from receiver.generators.base import Generator
from receiver.generators.large import sources
from receiver.generators.large.needs import DIFFUSERS, OPTIONS
from receiver.generators.options import GeneratorOptions
from receiver.generators.registry import GENERATORS

NAME: Final = "sd35-sketch"

_SD35: Final = Hub(
    "stabilityai/stable-diffusion-3.5-large",
    "Stability AI Community",
    memory_gb=27.6,
    about_gb=27.6,
    pipeline="StableDiffusion3ControlNetPipeline",
    parts=(
        *("scheduler", "text_encoder", "text_encoder_2", "text_encoder_3"),
        *("tokenizer", "tokenizer_2", "tokenizer_3", "transformer", "vae"),
    ),
    gated=True,
)
_CANNY: Final = Hub(
    "stabilityai/stable-diffusion-3.5-large-controlnet-canny",
    "Stability AI Community",
    memory_gb=8.6,
    about_gb=8.6,
    gated=True,
)


@GENERATORS.register(
    NAME,
    "SD3.5 with a Canny ControlNet draws the first frame from a sketch, another generator goes on",
    needs=(_SD35, _CANNY, *DIFFUSERS),
    options=(*OPTIONS, "chain"),
    tasks=("sketch-text",),
    chains=True,
    parts={"sd35": _SD35, "sd35-canny": _CANNY},
    backbones={_SD35.id: NAME},
)
def load(options: GeneratorOptions) -> Generator:
    """From the hub or folders, and the generator that goes on. Raises WeightsError, DeviceError, SettingError."""
    chain = options.chain or GENERATORS.default
    if chain == NAME:
        raise SettingError(f"{NAME} cannot be chained to itself: name another generator with --chain")
    # First: a wrong name for the second stage is told before 35 GB are loaded for the first.
    goes_on = GENERATORS[chain](replace(options, model=sources.for_chained(options.model)))
    from receiver.generators.sd35_sketch.generator import Sd35Sketch

    return Sd35Sketch.load(options, goes_on)

"""`animatediff-sparsectrl`: AnimateDiff (Guo et al., arXiv 2307.04725) with SparseCtrl (arXiv 2311.16933)."""

from __future__ import annotations

from typing import Final

from common.needs import Hub
from receiver.generators.base import Generator
from receiver.generators.large.needs import DIFFUSERS, OPTIONS
from receiver.generators.options import GeneratorOptions
from receiver.generators.registry import GENERATORS

_SD15: Final = Hub(
    "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "CreativeML Open RAIL-M",
    memory_gb=2.1,
    about_gb=4.3,
    pipeline="AnimateDiffPipeline",
    parts=("scheduler", "text_encoder", "tokenizer", "unet", "vae"),
)
_MOTION: Final = Hub("guoyww/animatediff-motion-adapter-v1-5-3", None, memory_gb=0.8, about_gb=1.7)
_SCRIBBLE: Final = Hub("guoyww/animatediff-sparsectrl-scribble", None, memory_gb=1.0, about_gb=2.0)
_RGB: Final = Hub("guoyww/animatediff-sparsectrl-rgb", None, memory_gb=1.0, about_gb=2.0)


@GENERATORS.register(
    "animatediff-sparsectrl",
    "AnimateDiff with SparseCtrl on SD1.5 by DDIM: nearest to VideoComposer",
    needs=(_SD15, _MOTION, _SCRIBBLE, _RGB, *DIFFUSERS),
    options=OPTIONS,
    tasks=("text", "frame-text", "sketch-text", "sketches-text"),
    parts={"sd15": _SD15, "motion": _MOTION, "scribble": _SCRIBBLE, "rgb": _RGB},
    backbones={_SD15.id: "animatediff-sparsectrl"},
)
def load(options: GeneratorOptions) -> Generator:
    """From the hub or folders. Raises WeightsError, DeviceError, SettingError."""
    from receiver.generators.animatediff_sparsectrl.generator import AnimateDiffSparseCtrl

    return AnimateDiffSparseCtrl.load(options)

"""`wan-vace`: Wan 2.1 VACE, 1.3B or 14B (Jiang et al., arXiv 2503.07598) through diffusers, for all four tasks."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from common.needs import Hub, Package
from receiver.generators.base import Generator
from receiver.generators.large.needs import DIFFUSERS, OPTIONS
from receiver.generators.options import GeneratorOptions
from receiver.generators.registry import GENERATORS

_WAN: Final = Hub(
    "Wan-AI/Wan2.1-VACE-1.3B-diffusers",
    "Apache-2.0",
    memory_gb=16,
    pipeline="WanVACEPipeline",
    parts=("scheduler", "text_encoder", "tokenizer", "transformer", "vae"),
    variable="GVSC_WAN_VACE",
)
_WAN_14B: Final = replace(_WAN, id="Wan-AI/Wan2.1-VACE-14B-diffusers", memory_gb=47, about_gb=75)


@GENERATORS.register(
    "wan-vace",
    "Wan 2.1 VACE: text, first frame, one sketch or all sketches to video",
    needs=(_WAN, *DIFFUSERS, Package("ftfy", "ftfy")),
    larger=(_WAN_14B,),
    options=OPTIONS,
    tasks=("text", "frame-text", "sketch-text", "sketches-text"),
    parts={"wan-vace": _WAN},
    backbones={_WAN.id: "wan-vace-1.3b", _WAN_14B.id: "wan-vace-14b"},
)
def load(options: GeneratorOptions) -> Generator:
    """From the hub or a folder. Raises WeightsError, DeviceError, SettingError."""
    from receiver.generators.wan_vace.generator import WanVace

    return WanVace.load(options)

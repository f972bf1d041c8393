"""`mini`: a small conditional diffusion model for clips of eight frames, trained by this project on a CPU."""

from __future__ import annotations

from common.needs import Weights
from receiver.generators.base import Generator
from receiver.generators.options import GeneratorOptions
from receiver.generators.registry import GENERATORS


@GENERATORS.register(
    "mini",
    "this project's small diffusion model",
    needs=(Weights("mini"), Weights("minilm")),
    memory_gb=1,
    options=("guidance_form",),
    default=True,
    tasks=("text", "frame-text", "frame-motion-text", "sketch-text", "sketches-text"),
)
def load(options: GeneratorOptions) -> Generator:
    """With this project's weights and the pretrained text encoder. Raises WeightsError if either is missing."""
    from receiver.generators.mini.generator import Mini

    return Mini.from_weights(options.guidance_form)

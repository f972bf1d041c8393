"""What generators of published weights need beside these, and the options that they read."""

from __future__ import annotations

from typing import Final

from common.needs import Package

DIFFUSERS: Final = (
    Package("diffusers", "diffusers"),
    Package("transformers", "transformers"),
    Package("accelerate", "accelerate"),
)
"""For a pipeline of diffusers."""

OPTIONS: Final = ("model", "device", "precision", "offload", "side", "guidance_form")
"""Fields of `receiver.generators.options.GeneratorOptions`."""

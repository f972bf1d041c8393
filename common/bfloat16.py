"""Whether a device multiplies in bfloat16 at speed. A processor that does not is many times slower in it than in
float32: a training step of small convolutions took ten times as long on one with AVX2 alone."""

from __future__ import annotations

import torch


def is_fast(device_type: str = "cpu") -> bool:
    """For "cpu": bfloat16 products in hardware. For "cuda": the GPU has bfloat16. Of other devices it is not known."""
    if device_type == "cuda":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    return device_type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())

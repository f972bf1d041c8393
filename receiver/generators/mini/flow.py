"""Euler steps of a rectified flow: x_t = (1 − t)·picture + t·noise, integrated from t = 1 to t = 0.

Liu et al., "Flow Straight and Fast" (arXiv 2209.03003), equation (1) and its Euler discretisation; the levels and the
order of operations are those of diffusers' ``FlowMatchEulerDiscreteScheduler`` with its defaults (``shift`` 1, no
stochastic sampling). ``SETTINGS`` are what the pipeline's folder says of it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

CLASS: Final = "FlowMatchEulerDiscreteScheduler"

SETTINGS: Final[dict[str, Any]] = {
    "base_image_seq_len": 256,
    "base_shift": 0.5,
    "invert_sigmas": False,
    "max_image_seq_len": 4096,
    "max_shift": 1.15,
    "num_train_timesteps": 1000,
    "shift": 1.0,
    "shift_terminal": None,
    "stochastic_sampling": False,
    "time_shift_type": "exponential",
    "use_beta_sigmas": False,
    "use_dynamic_shifting": False,
    "use_exponential_sigmas": False,
    "use_karras_sigmas": False,
}


def levels(steps: int) -> Tensor:
    """Noise levels t float32 (steps + 1,), from 1 down to 1/steps in equal steps, then 0."""
    falling = np.linspace(1.0, 1.0 / steps, steps).astype(np.float32)
    return torch.cat([torch.from_numpy(falling), torch.zeros(1)])


def euler(latents: Tensor, velocity: Tensor, level: Tensor, after: Tensor) -> Tensor:
    """The latents at level ``after`` from those at ``level``: x + (t' − t)·v, where v = noise − picture."""
    return latents + (after - level) * velocity

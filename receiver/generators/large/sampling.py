"""One call of a diffusers pipeline: seeded throughout, with errors that say what to do."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from common.errors import SettingError
from receiver.generators.large.memory import Plan, memory_errors


def sample(pipeline: Any, plan: Plan, seed: int, **inputs: Any) -> NDArray[np.float32]:
    """What the pipeline makes of ``inputs``: pictures, float32 (N, 3, H, W) in [0, 1].

    The initial noise is drawn on the CPU, so that it is the same on every device. Some pipelines draw from torch's own
    generators besides, where they encode pictures: these begin at ``seed`` as well, and are left as they were.
    Raises DeviceError where memory does not do, SettingError for an output that is not finite.
    """
    devices = [plan.device] if plan.device.startswith("cuda") else []
    with torch.random.fork_rng(devices), memory_errors(plan):
        torch.manual_seed(seed)
        made = pipeline(**inputs, generator=torch.Generator().manual_seed(seed), output_type="np")
    frames = made.frames[0] if hasattr(made, "frames") else made.images
    pictures = np.asarray(frames, dtype=np.float32).transpose(0, 3, 1, 2)
    if not np.isfinite(pictures).all():
        raise SettingError(f"the model's output is not finite in {plan.precision}: choose --precision float32")
    return np.ascontiguousarray(pictures.clip(0.0, 1.0))

"""Where the object goes, and where the camera: asked of a whole clip."""

from __future__ import annotations

import torch
from torch import Tensor

from gvsc.bench.generator.judges.labels import LABELS
from gvsc.bench.generator.judges.network import Network, changes, movement_input


def judge(network: Network, clip: Tensor) -> dict[str, str]:
    """For each question the likeliest answer for the clip (FRAMES, 3, H, W) in [0, 1]."""
    seen = changes(movement_input(clip)[None])
    logits = network(seen.contiguous(memory_format=torch.channels_last))
    return {question: LABELS[question][int(x[0].argmax())] for question, x in logits.items()}

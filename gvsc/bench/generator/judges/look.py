"""Colour and kind of the object, background and light: what a frame shows by itself, asked of every frame."""

from __future__ import annotations

import torch
from torch import Tensor

from gvsc.bench.generator.judges.labels import LABELS
from gvsc.bench.generator.judges.network import Network, look_input


def judge(network: Network, clip: Tensor) -> dict[str, str]:
    """For each question the answer that the frames (F, 3, H, W) in [0, 1] make likeliest in the mean."""
    logits = network(look_input(clip).contiguous(memory_format=torch.channels_last))
    return {question: LABELS[question][int(x.softmax(-1).mean(0).argmax())] for question, x in logits.items()}

"""The weights of `mini` that are shipped: they load, and they keep a first frame. No text, so no encoder is needed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from common import weights
from gvsc.training.world import World
from receiver.generators.mini.pipeline import MiniPipeline


@pytest.fixture(scope="module")
def pipeline() -> MiniPipeline:
    made = MiniPipeline.from_pretrained(weights.path("mini"), local_files_only=True, dtype=torch.float32)
    made.set_progress_bar_config(disable=True)
    return made


def psnr(one: np.ndarray, two: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((one - two) ** 2)))


@pytest.mark.slow
def test_shipped_weights_keep_the_first_frame_recognisable(pipeline):
    clip = World(11, "held_out")[3].video.astype(np.float32).transpose(0, 3, 1, 2) / 255
    other = World(11, "held_out")[4].video.astype(np.float32).transpose(0, 3, 1, 2) / 255
    made = pipeline(
        "", torch.from_numpy(clip[0]), 30.0, num_inference_steps=6, temperature=0.4,
        generator=torch.Generator().manual_seed(7777),
    ).numpy()  # fmt: skip
    assert psnr(made[0], clip[0]) > 25
    assert psnr(made, np.broadcast_to(clip[0], made.shape)) > psnr(made, np.broadcast_to(other[0], made.shape)) + 6


def test_shipped_files_are_half_precision_and_small(pipeline):
    folder = weights.path("mini")
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} == {".json", ".safetensors"}
    assert max(file.stat().st_size for file in files) <= 16 * 2**20
    assert pipeline.text_encoder is None
    assert pipeline.unet.dtype == torch.float32

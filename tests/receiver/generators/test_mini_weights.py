"""The weights of `mini` that are shipped: they load, keep a first frame, and move what a caption says moves."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from common import weights
from receiver.generators.base import Conditions
from receiver.generators.mini.generator import Mini
from receiver.generators.mini.pipeline import MiniPipeline
from transmitter.clips.world import World


@pytest.fixture(scope="module")
def mini() -> Mini:
    return Mini.from_weights()


def psnr(one: np.ndarray, two: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((one - two) ** 2)))


@pytest.mark.slow
def test_moving_clips_are_nearer_than_their_first_frame(mini):
    """Held-out combinations. Of the first 24 clips, some that move. Measured: 8.1 dB in bfloat16 and float32."""
    gains = []
    for clip in (World(7777, "held_out")[number] for number in (5, 7, 10, 14, 15, 19)):
        source = clip.video.astype(np.float32).transpose(0, 3, 1, 2) / 255
        made = mini.generate(Conditions.of(clip.caption, source[0]), seed=7777)
        assert np.array_equal(made[0], source[0])
        gains.append(psnr(made, source) - psnr(np.broadcast_to(source[0], source.shape), source))
    assert np.mean(gains) > 1.5


@pytest.mark.slow
def test_left_and_right_exchanged_in_the_caption_turn_the_motion(mini):
    clip = World(7777, "held_out")[15]
    assert clip.caption == "a green boat gliding fast to the right against white marble at sunset"
    frame = clip.video[0].astype(np.float32).transpose(2, 0, 1) / 255
    right = mini.generate(Conditions.of(clip.caption, frame), seed=7777)[-1]
    left = mini.generate(Conditions.of(clip.caption.replace("right", "left"), frame), seed=7777)[-1]
    columns = np.arange(frame.shape[2])
    place = [
        float((np.abs(last - frame).sum((0, 1)) * columns).sum() / np.abs(last - frame).sum()) for last in (right, left)
    ]
    assert place[0] > place[1] + 20


def test_shipped_files_are_half_precision_and_small():
    folder = weights.path("mini")
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert {file.suffix for file in files} == {".json", ".safetensors"}
    assert max(file.stat().st_size for file in files) <= 16 * 2**20
    pipeline = MiniPipeline.load(folder)
    assert pipeline.text_encoder is None
    networks = (pipeline.painter, pipeline.mover, pipeline.layout, pipeline.vae)
    assert {tensor.dtype for network in networks for tensor in network.state_dict().values()} == {torch.float32}

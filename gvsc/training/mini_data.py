"""What `mini` is trained on: rendered clips, real clips with short captions, and frames as a channel leaves them.

The pool is written once to a folder (`.npy`, memory-mapped) because rendering costs a tenth of a training step. A
received first frame is imitated by a linear analogue code: the same symbol budget and the same kind of damage as the
first-frame codec's (lost detail at any SNR, noise at a low one), at the price of two matrix products.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gvsc.training.mini_captions import clip_caption
from gvsc.training.world import FLOW_GRID, FRAMES, SIZE, Photo, World

CLEAN_SNR_DB = 30.0
"""The SNR that stands for a first frame without any loss."""

FRAME_SYMBOLS = 7808
"""Complex symbols of a sent first frame (first-frame-desc)."""


@dataclass(frozen=True)
class Batch:
    """``video`` (B, F, 3, 256, 256) and ``frame`` (B, 3, 256, 256) in [0, 1]; ``flow`` (B, F, 2, 32, 32) in pixels,
    meaningful where ``flow_known`` (B,) is 1; ``captions``; ``has_frame`` (B,); ``snr_db`` (B,)."""

    video: Tensor
    frame: Tensor
    flow: Tensor
    flow_known: Tensor
    captions: list[str]
    has_frame: Tensor
    snr_db: Tensor


class LinearFrameCode:
    """A KLT of 8x8 patches sent as analogue amplitudes, decoded by the linear MMSE estimator.

    Amplitudes are divided by the square root of their standard deviation, which is the best a linear code can do.
    """

    def __init__(self, frames: NDArray[np.uint8]) -> None:
        """Fit to frames uint8 (N, 256, 256, 3)."""
        patches = _cut(torch.from_numpy(np.ascontiguousarray(frames)).float() / 255)
        self.mean = patches.mean(0)
        centred = (patches - self.mean).double()
        variance, axes = torch.linalg.eigh(centred.T @ centred / len(patches))
        count = 2 * FRAME_SYMBOLS * 64 // (SIZE * SIZE)
        self.variance = variance.flip(0)[:count].float()
        self.basis = axes.T.flip(0)[:count].float()
        self.gain = self.variance**-0.25 / self.variance.sqrt().mean().sqrt() / 2**0.5

    def receive(self, frames: Tensor, snr_db: Tensor, generator: torch.Generator) -> Tensor:
        """Frames (N, 3, 256, 256) as they arrive at ``snr_db`` (N,); unchanged from `CLEAN_SNR_DB` on."""
        sent = (_cut(frames.permute(0, 2, 3, 1)) - self.mean) @ self.basis.T * self.gain
        sent = sent.view(len(frames), -1, len(self.gain))
        noise = (10 ** (-snr_db / 10) / 2).view(-1, 1, 1)
        heard = sent + noise.sqrt() * torch.randn(sent.shape, generator=generator)
        power = self.gain**2 * self.variance
        estimate = heard / self.gain * (power / (power + noise))
        received = _join((estimate @ self.basis + self.mean).flatten(0, 1), len(frames)).clamp(0, 1)
        return torch.where((snr_db >= CLEAN_SNR_DB).view(-1, 1, 1, 1), frames, received)


def build_pool(folder: Path, photos: list[Photo], count: int, seed: int) -> None:
    """Render `count` clips of the world into `folder`: world-video.npy, world-flow.npy, world.json (captions)."""
    folder.mkdir(parents=True, exist_ok=True)
    video = np.lib.format.open_memmap(folder / "world-video.npy", "w+", np.uint8, (count, FRAMES, SIZE, SIZE, 3))
    flow = np.lib.format.open_memmap(
        folder / "world-flow.npy", "w+", np.float16, (count, FRAMES, FLOW_GRID, FLOW_GRID, 2)
    )
    captions = []
    world = World(seed, "train", photos)
    for number in range(count):
        clip = world[number]
        video[number], flow[number] = clip.video, clip.flow
        captions.append(clip.caption)
    (folder / "world.json").write_text(json.dumps(captions))


class TrainingData:
    """Draws batches from a pool folder and the real clips (``clips-train.npy`` and ``.json`` in the data folder)."""

    def __init__(self, pool: Path, data: Path, seed: int) -> None:
        self.world = np.load(pool / "world-video.npy", mmap_mode="r")
        self.flow = np.load(pool / "world-flow.npy", mmap_mode="r")
        self.world_captions: list[str] = json.loads((pool / "world.json").read_text())
        self.real = np.load(data / "clips-train.npy", mmap_mode="r")
        names: list[str] = json.loads((data / "clips-train.json").read_text())
        self.real_captions = [clip_caption(name) for name in names]
        # a long shot gives many windows that look alike: each shot counts by the square root of its windows
        shots = ["-".join(name.split("-")[:2]) for name in names]
        weights = np.array([shots.count(shot) ** -0.5 for shot in shots])
        self.real_weights = weights / weights.sum()
        real = np.linspace(0, len(self.real) - 1, min(300, len(self.real))).astype(int)
        rendered = np.linspace(0, len(self.world_captions) - 1, min(200, len(self.world_captions))).astype(int)
        self.frames = np.concatenate([self.real[real, 3], self.world[rendered, 3]])
        self.code = LinearFrameCode(self.frames)
        self.rng = np.random.default_rng([seed, 7])
        self.generator = torch.Generator().manual_seed(seed)

    def some_captions(self, count: int) -> list[str]:
        """Captions spread over the rendered and the real clips; none is empty."""
        captions = self.world_captions + sorted({caption for caption in self.real_captions if caption})
        return [captions[i] for i in np.linspace(0, len(captions) - 1, min(count, len(captions))).astype(int)]

    def draw(self, size: int, framed: float = 0.5, times: Sequence[int] = range(FRAMES)) -> Batch:
        """A batch of the frames ``times``; its first part, ``framed``, has a first frame, and six in ten of those are
        real clips; of the others two in ten."""
        with_frame = round(size * framed)
        videos, firsts, flows, known, captions = [], [], [], [], []
        kept = np.asarray(times)
        for number in range(size):
            if self.rng.random() < (0.6 if number < with_frame else 0.2):
                index = int(self.rng.choice(len(self.real), p=self.real_weights))
                clip, caption = self.real[index], self.real_captions[index]
                if self.rng.random() < 0.5 and "left" not in caption and "right" not in caption:
                    clip = clip[:, :, ::-1]
                flows.append(np.zeros((len(kept), *self.flow.shape[2:]), np.float16))
                known.append(0.0)
            else:
                index = int(self.rng.integers(len(self.world_captions)))
                clip, caption = self.world[index], self.world_captions[index]
                flows.append(self.flow[index][kept])
                known.append(1.0)
            videos.append(clip[kept])
            firsts.append(clip[0])
            captions.append("" if self.rng.random() < 0.15 else caption)
        video = torch.from_numpy(np.stack(videos)).permute(0, 1, 4, 2, 3).contiguous().float() / 255
        first = torch.from_numpy(np.stack(firsts)).permute(0, 3, 1, 2).contiguous().float() / 255
        snr_db = torch.from_numpy(self.rng.uniform(-3, 17, size)).float()
        snr_db[torch.from_numpy(self.rng.random(size) < 0.15)] = CLEAN_SNR_DB
        frame = self.code.receive(first, snr_db, self.generator)
        estimated = snr_db + 0.3 * torch.randn(size, generator=self.generator)
        has_frame = (torch.arange(size) < with_frame).float()
        flow = torch.from_numpy(np.stack(flows)).float().permute(0, 1, 4, 2, 3)
        return Batch(video, frame, flow, torch.tensor(known), captions, has_frame, estimated)


def _cut(frames: Tensor) -> Tensor:
    """Frames (N, H, W, 3) to 8x8 patches (N·h·w, 192)."""
    count, height, width, _ = frames.shape
    cut = frames.reshape(count, height // 8, 8, width // 8, 8, 3).permute(0, 1, 3, 2, 4, 5)
    return cut.reshape(-1, 192)


def _join(patches: Tensor, count: int) -> Tensor:
    """The inverse of `_cut` for square frames, as (N, 3, H, W)."""
    side = int((len(patches) // count) ** 0.5)
    return patches.view(count, side, side, 8, 8, 3).permute(0, 5, 1, 3, 2, 4).reshape(count, 3, side * 8, side * 8)

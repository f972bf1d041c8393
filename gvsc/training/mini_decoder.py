"""Train the decoder's correction of `mini`.

`python -m gvsc.training.mini_decoder --data data --pool data/mini-pool --run runs/mini --minutes 10`

The linear code is fixed when the denoiser's training starts, so the two trainings do not depend on each other. The
loss is the mean square error and a smaller share of the error in neighbouring pixels' differences, which is what a
soft edge or a visible patch border costs. Latents are disturbed a little, since generated ones are never exact.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from receiver.generators.mini.latent import PatchLatent

DECODER_FILE = "decoder.safetensors"


def load_latent(run: Path) -> PatchLatent:
    """The latent of a training run: its fitted basis, and the trained decoder if there is one."""
    state = json.loads((run / "state.json").read_text())
    tensors = load_file(run / state["file"])
    latent = PatchLatent()
    latent.load_state_dict({k.removeprefix("latent."): v for k, v in tensors.items() if k.startswith("latent.")})
    if (run / DECODER_FILE).exists():
        latent.load_state_dict(load_file(run / DECODER_FILE), strict=False)
    return latent


def loss_of(frames: Tensor, decoded: Tensor) -> Tensor:
    """Mean square error, and a fifth of the error of the differences between neighbours."""
    error = decoded - frames
    across, down = error[..., 1:] - error[..., :-1], error[..., 1:, :] - error[..., :-1, :]
    return error.square().mean() + 0.2 * (across.square().mean() + down.square().mean())


class Frames:
    """Single frames for the decoder: crops of photos at several sizes, real clips, rendered clips."""

    def __init__(self, data: Path, pool: Path, seed: int) -> None:
        self.photos = [np.load(file, mmap_mode="r") for file in sorted((data / "photos" / "train").glob("*.npy"))]
        self.clips = np.load(data / "clips-train.npy", mmap_mode="r")
        self.world = np.load(pool / "world-video.npy", mmap_mode="r")
        self.world_count = len(json.loads((pool / "world.json").read_text()))
        self.rng = np.random.default_rng(seed)

    def draw(self, size: int) -> Tensor:
        """Frames (size, 3, 256, 256) in [0, 1]."""
        drawn = [self._one() for _ in range(size)]
        return torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2).float() / 255

    def _one(self) -> NDArray[np.uint8]:
        kind = self.rng.random()
        if kind < 0.5:
            photo = self.photos[int(self.rng.integers(len(self.photos)))]
            top, left = (int(self.rng.integers(side - 255)) for side in photo.shape[:2])
            return np.array(photo[top : top + 256, left : left + 256])
        source = self.clips if kind < 0.85 else self.world
        count = len(source) if kind < 0.85 else self.world_count
        return np.array(source[int(self.rng.integers(count)), int(self.rng.integers(8))])


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True, help="Prepared data.")
@click.option("--pool", type=click.Path(path_type=Path, exists=True), required=True, help="Rendered clips.")
@click.option("--run", type=click.Path(path_type=Path, exists=True), required=True, help="The denoiser's run.")
@click.option("--minutes", default=10.0, show_default=True)
@click.option("--batch", default=12, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(data: Path, pool: Path, run: Path, minutes: float, batch: int, seed: int) -> None:
    """Train the decoder of `mini`."""
    torch.manual_seed(seed)
    latent, frames = load_latent(run), Frames(data, pool, seed)
    latent.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(latent.parameters(), 2e-3, weight_decay=0.0)
    began, step = time.monotonic(), 0
    linear_error = learned_error = 0.0
    while (progress := (time.monotonic() - began) / 60 / minutes) < 1:
        optimiser.param_groups[0]["lr"] = 2e-3 * min(1, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * progress))
        target = frames.draw(batch)
        with torch.no_grad():
            latents = latent.encode(target)
            shake = 0.15 * torch.rand(batch, 1, 1, 1)
            linear = latent.synthesise(latents + shake * torch.randn_like(latents))
        with torch.autocast("cpu", torch.bfloat16):
            correction = latent.correct(linear)
        loss = loss_of(target, linear + correction.float())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(latent.parameters(), 0.05)
        optimiser.step()
        step += 1
        keep = 0.98 if step > 1 else 0.0
        linear_error = keep * linear_error + (1 - keep) * (linear - target).square().mean().item()
        learned = (linear + correction.detach().float() - target).square().mean().item()
        learned_error = keep * learned_error + (1 - keep) * learned
        if step % 50 == 0:
            figures = [-10 * math.log10(error) for error in (linear_error, learned_error)]
            click.echo(f"step {step} linear {figures[0]:.2f} dB, decoded {figures[1]:.2f} dB")
    trained = {k: v.contiguous() for k, v in latent.state_dict().items() if k not in ("basis", "mean", "scale")}
    save_file(trained, run / DECODER_FILE, {"format": "pt"})


if __name__ == "__main__":
    main()

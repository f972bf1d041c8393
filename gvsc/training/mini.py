"""Train `mini`: `python -m gvsc.training.mini --data data --pool data/mini-pool --text-encoder MINILM --out runs/mini`.

Stops after the given hours of its own running time, counted over all starts: a run that was killed goes on from its
last checkpoint. Weights that are exported are the moving average.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import click
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from gvsc.training.mini_data import Batch, TrainingData, build_pool
from gvsc.training.world import FRAMES, load_photos
from receiver.generators.mini.latent import PatchLatent, fit_basis
from receiver.generators.mini.prior import SNR_KNOTS_DB, transform
from receiver.generators.mini.text import embed, load_text_encoder
from receiver.generators.mini.unet import VideoUNet

NOISE_SHIFT = 4.0
"""Shift of the noise levels towards noise (as in Stable Diffusion 3): eight alike frames betray much through noise."""

WORDS_FROM = 0.88
"""Noise level from which on a description tells more about a clip than the noisy clip does."""

STATISTICS_BATCHES = 12
"""Batches of 16 clips that the prior is fitted to."""

_FRAME_WEIGHT = 4.0  # a received frame leaves little variance; without a weight its loss would count for nothing
_FLOW_WEIGHT = 0.5
_CHECKPOINT_S = 240.0
_LEAST_VARIANCE = 1e-4  # half precision holds it
_SPARSE = 0.7  # this part of the time trains on every other frame: the frames are alike, and it costs half
_SINGLE = 0.5  # this part of the steps is on single frames without a first one: what words look like needs most samples


def draw_noise_levels(has_frame: Tensor, generator: torch.Generator) -> Tensor:
    """Noise levels t (B,): logit-normal, shifted by `NOISE_SHIFT`, within [0.01, 1].

    Without a first frame (``has_frame`` (B,) is 0) every second one lies above `WORDS_FROM` instead: only there is the
    clip so deep in noise that the words are what there is to go by.
    """
    uniform = torch.randn(len(has_frame), generator=generator).sigmoid()
    shifted = (NOISE_SHIFT * uniform / (1 + (NOISE_SHIFT - 1) * uniform)).clamp(0.01, 1.0)
    deep = WORDS_FROM + (1 - WORDS_FROM) * torch.rand(len(has_frame), generator=generator)
    chosen = (torch.rand(len(has_frame), generator=generator) < 0.5) & (has_frame == 0)
    return torch.where(chosen, deep, shifted)


def draw_times(progress: float, generator: torch.Generator) -> Tensor:
    """The frames to train on: one, or every other one from the first or the second on, or all towards the end."""
    if float(torch.rand(1, generator=generator)) < _SINGLE:
        return torch.randint(FRAMES, (1,), generator=generator)
    if progress >= _SPARSE:
        return torch.arange(FRAMES)
    return torch.arange(int(torch.randint(2, (1,), generator=generator)), FRAMES, 2)


def fit_statistics(latent: PatchLatent, unet: VideoUNet, data: TrainingData) -> None:
    """Set the latent's basis and the denoiser's prior variances from the data."""
    frames = torch.from_numpy(data.frames).permute(0, 3, 1, 2).float() / 255
    size = latent.patch
    patches = functional.unfold(frames, size, stride=size).transpose(1, 2).reshape(-1, 3 * size * size)
    fitted = fit_basis(patches, latent.channels)
    for buffer, value in zip((latent.mean, latent.basis, latent.scale), fitted, strict=True):
        buffer.copy_(value)
    clips = [data.draw(16, framed=0.5) for _ in range(STATISTICS_BATCHES)]
    video = torch.cat([b.video for b in clips])
    clean = _encode(latent, video)
    unet.prior.free.copy_(transform(clean).square().mean(0).clamp_min(_LEAST_VARIANCE))
    generator = torch.Generator().manual_seed(0)
    for knot, snr_db in enumerate(SNR_KNOTS_DB):
        received = data.code.receive(video[:, 0], torch.full((len(video),), snr_db), generator)
        left = clean - latent.encode(received)[:, None]
        # the typical clip, not the mean one: a few clips that move a lot would make every clip shake
        energy = left.square().mean((1, 3, 4), keepdim=True) + _LEAST_VARIANCE
        typical = energy.log().mean(0).exp()
        spectrum = (transform(left).square() / energy).mean(0) * typical
        unet.prior.framed.unflatten(0, (len(SNR_KNOTS_DB), -1))[knot].copy_(spectrum.clamp_min(_LEAST_VARIANCE))
        growth = (left.square().mean((3, 4)) / energy[..., 0, 0]).mean(0)
        unet.prior.growth[knot].copy_((growth / growth.mean(0)).clamp_min(0.02))


def fit_text(unet: VideoUNet, text: Tensor, mask: Tensor) -> None:
    """Set what standardises words and whitens descriptions from word vectors (N, L, D) and their mask (N, L)."""
    words = text[mask > 0]
    unet.word_mean.copy_(words.mean(0))
    unet.word_scale.copy_(1 / words.std(0).clamp_min(1e-2))  # some dimensions never change
    pooled = (text * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    unet.text_mean.copy_(pooled.mean(0))
    _, deviations, axes = torch.linalg.svd((pooled - pooled.mean(0)) / len(pooled) ** 0.5, full_matrices=False)
    count = len(unet.text_axes)
    unet.text_axes.copy_(axes[:count] / deviations[:count, None].clamp_min(1e-3))


def loss_of(
    unet: VideoUNet,
    latent: PatchLatent,
    batch: Batch,
    text: Tensor,
    mask: Tensor,
    times: Tensor,
    generator: torch.Generator,
) -> tuple[Tensor, dict[str, float]]:
    """The training loss of one batch on the frames ``times``: latent error, and flow error where known."""
    clean = _encode(latent, batch.video)
    t = draw_noise_levels(batch.has_frame, generator)
    noise = torch.randn(clean.shape, generator=generator)
    level = t.view(-1, 1, 1, 1, 1)
    noisy = (1 - level) * clean + level * noise
    kernel, offset = latent.analysis()
    with torch.autocast("cpu", torch.bfloat16):
        estimate, flow = unet(noisy, t, text, mask, batch.frame, batch.has_frame, batch.snr_db, kernel, offset, times)
    error = (estimate - clean).square().mean((1, 2, 3, 4))
    weight = (1 + (_FRAME_WEIGHT - 1) * batch.has_frame) / (t.square() + 0.1)
    flow_error = functional.huber_loss(flow / 8, batch.flow / 8, reduction="none").mean((1, 2, 3, 4))
    flow_known = batch.flow_known * batch.has_frame
    loss = (weight * error).mean() + _FLOW_WEIGHT * (flow_known * flow_error).mean()
    framed = batch.has_frame > 0
    parts = {
        "single" if len(times) == 1 else "text": error[~framed].mean().item(),
        "frame": error[framed].mean().item(),
        "flow": ((flow_known * flow_error).sum() / flow_known.sum()).item(),
    }
    return loss, {key: value for key, value in parts.items() if not math.isnan(value)}


def _encode(latent: PatchLatent, video: Tensor) -> Tensor:
    with torch.no_grad():
        return latent.encode(video.flatten(0, 1)).unflatten(0, video.shape[:2])


class Run:
    """A training run in a folder: model, moving average, optimiser, and how far it is."""

    def __init__(
        self, folder: Path, data: TrainingData, rate: float, make: Callable[[], VideoUNet] = VideoUNet
    ) -> None:
        self.folder, self.rate = folder, rate
        self.latent, self.unet, self.average = PatchLatent(), make(), make()
        self.optimiser = torch.optim.AdamW(self.unet.parameters(), rate, betas=(0.9, 0.98), weight_decay=0.01)
        self.step, self.seconds = 0, 0.0
        if (folder / "state.json").exists():
            self._restore()
        else:
            fit_statistics(self.latent, self.unet, data)
            self.average.load_state_dict(self.unet.state_dict())
        self.unet.to(memory_format=torch.channels_last)

    def advance(self, loss: Tensor, progress: float) -> float:
        """One optimiser step at the given progress in [0, 1]; returns the gradient's norm."""
        rate = self.rate * min(1.0, (self.step + 1) / 150) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.unet.parameters(), 2.0)
        self.optimiser.step()
        self.step += 1
        keep = min(0.999, (1 + self.step) / (20 + self.step))
        with torch.no_grad():
            for mine, theirs in zip(self.average.parameters(), self.unet.parameters(), strict=True):
                mine.lerp_(theirs, 1 - keep)
        return float(norm)

    def save(self) -> None:
        """Write everything; a run killed while writing keeps its former state."""
        names = [name for name, _ in self.unet.named_parameters()]
        moments = {}
        for name, parameter in zip(names, self.unet.parameters(), strict=True):
            for key in ("exp_avg", "exp_avg_sq"):
                moments[f"{key}.{name}"] = self.optimiser.state[parameter][key].contiguous()
        tensors = {f"unet.{k}": v.contiguous() for k, v in self.unet.state_dict().items()}
        tensors |= {f"average.{k}": v.contiguous() for k, v in self.average.state_dict().items()}
        tensors |= {f"latent.{k}": v.contiguous() for k, v in self.latent.state_dict().items()}
        tensors |= {f"moments.{k}": v for k, v in moments.items()}
        save_file(tensors, self.folder / "state.new", {"format": "pt"})
        (self.folder / "state.new").replace(self.folder / f"state-{self.step}.safetensors")
        state = {"step": self.step, "seconds": self.seconds, "file": f"state-{self.step}.safetensors"}
        (self.folder / "state.json.new").write_text(json.dumps(state))
        (self.folder / "state.json.new").replace(self.folder / "state.json")
        for old in self.folder.glob("state-*.safetensors"):
            if old.name != state["file"]:
                old.unlink()

    def _restore(self) -> None:
        state = json.loads((self.folder / "state.json").read_text())
        tensors = load_file(self.folder / state["file"])
        for prefix, module in (("unet.", self.unet), ("average.", self.average), ("latent.", self.latent)):
            module.load_state_dict({k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)})
        self.step, self.seconds = state["step"], state["seconds"]
        for name, parameter in self.unet.named_parameters():
            self.optimiser.state[parameter] = {
                "step": torch.tensor(float(self.step)),
                "exp_avg": tensors[f"moments.exp_avg.{name}"],
                "exp_avg_sq": tensors[f"moments.exp_avg_sq.{name}"],
            }


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True, help="Prepared data.")
@click.option("--pool", type=click.Path(path_type=Path), required=True, help="Folder of the rendered clips.")
@click.option("--pool-size", default=10000, show_default=True, help="Clips to render if the pool is not there.")
@click.option("--text-encoder", type=click.Path(path_type=Path, exists=True), required=True, help="MiniLM's folder.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the run; goes on if there.")
@click.option("--hours", default=1.5, show_default=True, help="Running time, all starts together.")
@click.option("--batch", default=8, show_default=True)
@click.option("--rate", default=8e-4, show_default=True, help="Peak learning rate.")
@click.option("--seed", default=1, show_default=True)
def main(
    data: Path,
    pool: Path,
    pool_size: int,
    text_encoder: Path,
    out: Path,
    hours: float,
    batch: int,
    rate: float,
    seed: int,
) -> None:
    """Train the generator `mini`."""
    out.mkdir(parents=True, exist_ok=True)
    if not (pool / "world.json").exists():
        build_pool(pool, load_photos(data / "photos" / "train"), pool_size, seed)
    state = out / "state.json"
    done = json.loads(state.read_text())["step"] if state.exists() else 0
    samples = TrainingData(pool, data, seed + 1000 * done)
    torch.manual_seed(seed)
    run = Run(out, samples, rate)
    tokenizer, encoder = load_text_encoder(text_encoder)
    if run.step == 0:
        fit_text(run.unet, *embed(samples.some_captions(1000), tokenizer, encoder))
        run.average.load_state_dict(run.unet.state_dict())
    generator = torch.Generator().manual_seed(seed + run.step)
    limit, last, shown = hours * 3600, time.monotonic(), time.monotonic()
    smooth: dict[str, float] = {}
    while run.seconds < limit:
        progress = run.seconds / limit
        times = draw_times(progress, generator)
        drawn = samples.draw(batch * FRAMES // len(times), 0.0 if len(times) == 1 else 0.75, times.tolist())
        text, mask = embed(drawn.captions, tokenizer, encoder)
        loss, parts = loss_of(run.unet, run.latent, drawn, text, mask, times, generator)
        parts["norm"] = run.advance(loss, progress)
        now = time.monotonic()
        run.seconds, last = run.seconds + now - last, now
        for key, value in parts.items():
            smooth[key] = 0.98 * smooth.get(key, value) + 0.02 * value
        if run.step % 20 == 0:
            figures = " ".join(f"{key} {value:.4f}" for key, value in smooth.items())
            click.echo(f"step {run.step} {run.seconds / 60:.1f} min {figures}")
        if now - shown > _CHECKPOINT_S or run.seconds >= limit:
            run.save()
            shown = time.monotonic()


if __name__ == "__main__":
    main()

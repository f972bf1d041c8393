"""Training of the first-frame codec.

    python -m gvsc.training.fetch --out packages
    python -m gvsc.training.prepare --packages packages --out data
    python -m gvsc.training.djscc_frame train --data data --run runs/djscc-frame --hours 1.6
    python -m gvsc.training.djscc_frame export --run runs/djscc-frame --to common/weights/djscc-frame.safetensors
    python -m gvsc.training.djscc_frame evaluate --data data

Training starts from the linear code (``gvsc.training.spectrum``). Each step draws crops, a true SNR, the transmitter's
and the receiver's differing ideas of it, and minimises the root mean square error of each picture. The learning rate
falls with the share of the hours that is used up. The run folder holds one checkpoint, replaced in one step, from which
the same command goes on; drawing depends on the seed and the step alone.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from skimage.metrics import structural_similarity
from torch import Tensor

from common.codecs.djscc_frame import SNR_LIMITS_DB, DjsccFrameModel, FrameCodec, model_like
from common.conventions import DEFAULT_SEED
from gvsc.training import spectrum
from gvsc.training.photos import load_crops, validation_pictures

log = logging.getLogger("gvsc.training.djscc_frame")

PEAK_RATE, LAST_RATE, WARM_UP_STEPS = 5e-4, 1e-5, 60
EMA_DECAY = 0.998
SMALL_CROPS_SHARE = 0.55
"""Part of the time on 8 crops of 128×128 a step; then 2 of 256×256, as pictures are when they are sent."""
CHECKPOINT_SECONDS = 240.0
EVALUATION_SNRS_DB = (-5.0, 0.0, 3.0, 5.0, 10.0, 15.0, 20.0)


def draw_snrs(count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """True, transmitter's and receiver's SNR in dB, each (count,).

    True: −2 … 12 dB, one in six −5 … 20. The transmitter is off by 1 dB (σ), one in ten by anything; the receiver by
    0.3 dB.
    """
    tails = rng.random(count) < 1 / 6
    true = np.where(tails, rng.uniform(*SNR_LIMITS_DB, count), rng.uniform(-2.0, 12.0, count))
    sent = np.where(rng.random(count) < 0.1, rng.uniform(*SNR_LIMITS_DB, count), true + rng.normal(0.0, 1.0, count))
    estimated = true + rng.normal(0.0, 0.3, count)
    first, second, third = (torch.from_numpy(values).float() for values in (true, sent, estimated))
    return first, second, third


def add_noise(reals: Tensor, snr_db: Tensor, generator: torch.Generator) -> Tensor:
    """AWGN on reals (B, N) that are halves of unit-power symbols: variance 10^(−snr/10)/2 each. ``snr_db`` (B,)."""
    deviation = (0.5 * 10.0 ** (-0.1 * snr_db)).sqrt()[:, None]
    return reals + deviation * torch.randn(reals.shape, generator=generator)


def rate_at(progress: float, step: int) -> float:
    """Learning rate: linear warm-up over steps, then a cosine over the share of the time that is used up."""
    cosine = LAST_RATE + 0.5 * (PEAK_RATE - LAST_RATE) * (1.0 + math.cos(math.pi * min(progress, 1.0)))
    return cosine * min(1.0, (step + 1) / WARM_UP_STEPS)


class Run:
    """A run's state: the model, its moving average, the optimiser, steps and seconds so far; kept in one folder."""

    def __init__(self, model: DjsccFrameModel, folder: Path) -> None:
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.folder = folder
        self.averaged = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
        self.optimiser = torch.optim.Adam(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.99))
        self.step, self.seconds = 0, 0.0

    @property
    def file(self) -> Path:
        """Where the checkpoint lies."""
        return self.folder / "checkpoint.safetensors"

    def save(self) -> None:
        """Replaces the checkpoint in one step."""
        tensors = {f"model.{name}": tensor.contiguous() for name, tensor in self.model.state_dict().items()}
        tensors |= {f"averaged.{name}": tensor.contiguous() for name, tensor in self.averaged.items()}
        for index, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"adam.{index}.{name}": value.contiguous() for name, value in state.items()}
        progress = {"step": str(self.step), "seconds": str(self.seconds)}
        partial = self.file.with_suffix(".partial")
        save_file(tensors, partial, progress)
        partial.replace(self.file)

    def restore(self) -> None:
        """Goes back to the checkpoint."""
        with safe_open(self.file, "pt") as stored:
            progress = stored.metadata()
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 (not a mapping)
        self.step, self.seconds = int(progress["step"]), float(progress["seconds"])
        self.model.load_state_dict(_under("model", tensors))
        self.averaged = _under("averaged", tensors)
        states: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _under("adam", tensors).items():
            index, field = name.split(".", 1)
            states.setdefault(int(index), {})[field] = tensor
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": states, "param_groups": groups})

    def average(self) -> None:
        """Takes the model into its moving average, faster while there are few steps."""
        decay = min(EMA_DECAY, (1 + self.step) / (10 + self.step))
        for name, tensor in self.model.state_dict().items():
            self.averaged[name].lerp_(tensor, 1.0 - decay)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def loss_of(model: DjsccFrameModel, pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Mean over pictures of the root mean square error after a noisy channel."""
    true, sent, estimated = draw_snrs(len(pictures), rng)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    with torch.autocast("cpu", torch.bfloat16):
        reals = model.encode(pictures, sent)
        decoded = model.decode(add_noise(reals, true, generator), estimated, *pictures.shape[2:])
    return (decoded.float() - pictures).square().mean(dim=(1, 2, 3)).add(1e-6).sqrt().mean()


def train(data: Path, folder: Path, hours: float, seed: int) -> None:
    """Trains for so many hours in all, from the checkpoint in ``folder`` if there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    crops = load_crops(data)
    held_out = validation_pictures(data)
    torch.manual_seed(seed)
    start = folder / "spectrum.safetensors"
    if not start.exists():
        save_file(spectrum.fit(crops, np.random.default_rng(seed)), start)
    run = Run(DjsccFrameModel(**load_file(start)), folder)
    if run.file.exists():
        run.restore()
    else:
        log.info("linear code: %s", _line(psnrs(run.model, held_out, linear=True)))
    saved, total = run.seconds, 0.0
    while run.seconds < hours * 3600.0:
        began = time.monotonic()
        progress = run.seconds / (hours * 3600.0)
        rng = np.random.default_rng([seed, run.step])
        count, size = (8, 128) if progress < SMALL_CROPS_SHARE else (2, 256)
        pictures = crops.batch(count, size, rng).contiguous(memory_format=torch.channels_last)
        for group in run.optimiser.param_groups:
            group["lr"] = rate_at(progress, run.step)
        run.optimiser.zero_grad()
        loss = loss_of(run.model, pictures, rng)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
        run.optimiser.step()
        run.average()
        run.step += 1
        total += loss.item()
        run.seconds += time.monotonic() - began
        if run.step % 50 == 0:
            rate = rate_at(progress, run.step)
            log.info("step %d, %.0f s, rate %.2e, rmse %.5f", run.step, run.seconds, rate, total / 50)
            total = 0.0
        if run.seconds - saved > CHECKPOINT_SECONDS or run.seconds >= hours * 3600.0:
            run.save()
            log.info("step %d: %s", run.step, _line(psnrs(averaged_model(run), held_out)))
            saved = run.seconds


def averaged_model(run: Run) -> DjsccFrameModel:
    """A model of its own with the moving average as weights."""
    model = model_like(run.averaged)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model.eval()


def psnrs(model: DjsccFrameModel, pictures: Tensor, *, linear: bool = False) -> dict[float, float]:
    """Mean PSNR in dB over pictures at 0, 5 and 10 dB, in the precision of training: for watching it."""
    found = {}
    for snr_db in (0.0, 5.0, 10.0):
        generator = torch.Generator().manual_seed(DEFAULT_SEED)
        values = []
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            for picture in pictures.split(1):
                snr = torch.tensor([snr_db])
                reals = model.encode(picture.contiguous(memory_format=torch.channels_last), snr, linear=linear)
                received = add_noise(reals, snr, generator)
                decoded = model.decode(received, snr, *picture.shape[2:], linear=linear).float().clamp(0.0, 1.0)
                values.append(-10.0 * math.log10(float((decoded - picture).square().mean())))
        found[snr_db] = float(np.mean(values))
    return found


def _line(found: dict[float, float]) -> str:
    return "PSNR " + ", ".join(f"{value:.2f} dB at {snr:g} dB" for snr, value in found.items())


def export(folder: Path, to: Path) -> None:
    """Writes the moving average of a run's checkpoint in half precision."""
    with safe_open(folder / "checkpoint.safetensors", "pt") as stored:
        progress = stored.metadata()
        names = [name for name in stored.keys() if name.startswith("averaged.")]  # noqa: SIM118 (not a mapping)
        tensors = {name.removeprefix("averaged."): stored.get_tensor(name).half() for name in names}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, to, {"steps": progress["step"]})
    # safetensors writes files for the owner alone
    to.chmod(0o644)


def evaluate(data: Path) -> dict[str, dict[str, list[float]]]:
    """Held-out PSNR and SSIM of the committed weights and of their linear code at each of EVALUATION_SNRS_DB."""
    codec = FrameCodec.load()
    table: dict[str, dict[str, list[float]]] = {}
    for name, linear in (("djscc-frame", False), ("linear code", True)):
        table[name] = {"psnr_db": [], "ssim": []}
        for snr_db in EVALUATION_SNRS_DB:
            rng = np.random.default_rng(DEFAULT_SEED)
            scores = []
            for picture in validation_pictures(data).numpy():
                symbols = codec.encode(picture, snr_db, linear=linear)
                noise = rng.normal(size=(2, len(symbols))) * math.sqrt(0.5 * 10.0 ** (-0.1 * snr_db))
                decoded = codec.decode(symbols + noise[0] + 1j * noise[1], snr_db, *picture.shape[1:], linear=linear)
                psnr = -10.0 * math.log10(float(np.mean((decoded - picture) ** 2)))
                scores.append((psnr, structural_similarity(picture, decoded, channel_axis=0, data_range=1.0)))
            psnr_mean, ssim_mean = np.mean(scores, axis=0)
            table[name]["psnr_db"].append(round(float(psnr_mean), 2))
            table[name]["ssim"].append(round(float(ssim_mean), 3))
    return table


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m gvsc.training.djscc_frame", description="Trains djscc-frame.")
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train, or go on from the checkpoint")
    training.add_argument("--data", type=Path, default=Path("data"))
    training.add_argument("--run", type=Path, default=Path("runs/djscc-frame"))
    training.add_argument("--hours", type=float, required=True)
    training.add_argument("--threads", type=int, default=1)
    training.add_argument("--seed", type=int, default=DEFAULT_SEED)
    exporting = commands.add_parser("export", help="write the weights of a run in half precision")
    exporting.add_argument("--run", type=Path, default=Path("runs/djscc-frame"))
    exporting.add_argument("--to", type=Path, required=True)
    evaluating = commands.add_parser("evaluate", help="held-out PSNR and SSIM of the committed weights, as JSON")
    evaluating.add_argument("--data", type=Path, default=Path("data"))
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if options.command == "train":
        torch.set_num_threads(options.threads)
        train(options.data, options.run, options.hours, options.seed)
    elif options.command == "export":
        export(options.run, options.to)
    else:
        log.info("%s", json.dumps(evaluate(options.data)))


if __name__ == "__main__":
    main()

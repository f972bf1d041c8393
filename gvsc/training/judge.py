"""Training of the judges of `gvsc bench generator`: what is to be seen in a clip, and where it goes.

    python -m gvsc.training.judge train --data data --run runs/judges
    python -m gvsc.training.judge export --run runs/judges --to common/weights/judges.safetensors
    python -m gvsc.training.judge evaluate --data data

They learn from the training split of the rendered world, so the held-out combinations that generators are asked for are
new to them, too. The run folder holds one checkpoint, from which the same command goes on.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from common import weights
from common.conventions import DEFAULT_SEED
from gvsc.bench.generator.judges import Judges
from gvsc.bench.generator.judges.labels import LABELS, LOOK, MOVEMENT, NONE, truth
from gvsc.bench.generator.judges.network import JudgeNetworks, changes, movement_input
from gvsc.bench.trials import wilson
from gvsc.training.judge_data import UNASKED, Batch, Batches, soften
from gvsc.training.run import Run, export
from gvsc.training.world import Photo, World, load_photos

log = logging.getLogger("gvsc.training.judge")

STEPS: Final = 2000
CLIPS: Final = 24
"""Of a step."""

PEAK_RATE, LAST_RATE, WARM_UP_STEPS = 2e-3, 2e-5, 60
EMA_DECAY: Final = 0.99
CHECKPOINT_STEPS: Final = 100


def run_in(folder: Path, seed: int) -> Run:
    """The run in a folder: at its checkpoint, or at its beginning."""
    torch.manual_seed(seed)
    run = Run(JudgeNetworks(), folder, betas=(0.9, 0.99), averaging=EMA_DECAY, same={"seed": str(seed)})
    if run.file.exists():
        run.restore()
    return run


def train(photos: list[Photo], folder: Path, steps: int, seed: int) -> None:
    """Trains for ``steps`` steps in all, from the checkpoint in ``folder`` if there is one. Another process draws.

    The same arguments give the same weights on the same machine, killed in between or not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = run_in(folder, seed)
    drawn = DataLoader(
        Batches(seed, steps, CLIPS, photos),
        batch_size=None,
        sampler=range(run.step, steps),
        num_workers=1,
        prefetch_factor=4,
    )
    losses: list[float] = []
    for batch in drawn:
        began = time.process_time()
        loss = loss_of(cast(JudgeNetworks, run.model), batch)
        rate = LAST_RATE + 0.5 * (PEAK_RATE - LAST_RATE) * (1 + math.cos(math.pi * run.step / steps))
        run.advance(loss, rate * min(1.0, (run.step + 1) / WARM_UP_STEPS), clip_norm=2.0)
        losses.append(loss.item())
        run.seconds += time.process_time() - began
        if run.step % 50 == 0:
            log.info("step %d, %.0f s of this processor: loss %.3f", run.step, run.seconds, np.mean(losses[-50:]))
        if run.step % CHECKPOINT_STEPS == 0 or run.step == steps:
            run.save()


def loss_of(networks: JudgeNetworks, batch: Batch) -> Tensor:
    """Sum of the cross entropies of all questions, and of where the object was looked for.

    Answers that nobody can give are left out. A network that is told where the object is learns in fewer clips what it
    is.
    """
    with torch.autocast("cpu", torch.bfloat16):
        logits, looked = networks.look.looked(batch.look.contiguous(memory_format=torch.channels_last))
        moved, watched = networks.movement.looked(changes(batch.movement).contiguous(memory_format=torch.channels_last))
    logits |= moved
    losses = [F.cross_entropy(logits[q].float(), batch.answers[q], ignore_index=UNASKED) for q in LABELS]
    losses += [astray(looked[:, LOOK.index(q)], batch.look_places[:, None]) for q in ("colour", "kind")]
    losses.append(astray(watched[:, MOVEMENT.index("motion")], batch.movement_places))
    return torch.stack(losses).sum()


def astray(where: Tensor, places: Tensor) -> Tensor:
    """Cross entropy of attention logits (B, h, w) against where the object is in some frames, (B, F, 3) or NaN."""
    height, width = where.shape[1:]
    there = ~places.isnan().any(-1).any(-1)
    if not there.any():
        return where.sum() * 0.0
    x, y, radius = places[there].unsqueeze(-1).unsqueeze(-1).unbind(2)
    across, down = ((torch.arange(n) + 0.5) / n for n in (width, height))
    squared = (across - x) ** 2 + (down[:, None] - y) ** 2
    target = torch.exp(-2.0 * squared / radius**2).sum(1).flatten(1) + 1e-6
    return F.cross_entropy(where[there].flatten(1), target / target.sum(1, keepdim=True))


def evaluate(judges: Judges, photos: list[Photo], count: int, seed: int) -> dict[str, Any]:
    """How often the judges are right on true renders of ``count`` held-out clips of one object.

    ``clean`` as rendered, ``soft`` damaged as in training; of each question the rate, its Wilson interval and the clips
    asked, ``chance`` the rate against the next clip's answers. ``direction`` is motion and camera where either goes
    left, right, up or down. ``nothing``: how often they name an object in what shows none.
    """
    world, found, number = World(seed, "held_out", photos), list[tuple[NDArray[np.uint8], dict[str, str]]](), 0
    while len(found) < count:
        clip = world[number]
        number += 1
        if len(clip.scene.shapes) == 1:
            found.append((clip.video, truth(clip.scene)))
    made: dict[str, Any] = {"clips": count}
    for name in ("clean", "soft"):
        rng = np.random.default_rng(seed)
        said = [judges.judge(video if name == "clean" else _softened(video, rng)) for video, _ in found]
        rights = [right for _, right in found]
        shifted = rights[1:] + rights[:1]
        made[name] = {question: _rate([s[question] == r[question] for s, r in zip(said, rights, strict=True)])
                      for question in LABELS}  # fmt: skip
        made[name]["direction"] = _rate(
            [
                s[question] == r[question]
                for s, r in zip(said, rights, strict=True)
                for question in ("motion", "camera")
                if r[question] in ("left", "right", "up", "down")
            ]
        )
        made[name]["chance"] = {
            question: _rate([s[question] == r[question] for s, r in zip(said, shifted, strict=True)])
            for question in LABELS
        }
        wrong: dict[str, int] = {}
        for s, r in zip(said, rights, strict=True):
            for question in LABELS:
                if s[question] != r[question]:
                    key = f"{question}: {r[question]} called {s[question]}"
                    wrong[key] = wrong.get(key, 0) + 1
        made[name]["wrong"] = dict(sorted(wrong.items(), key=lambda item: -item[1]))
    made["nothing"] = _rate([judges.judge(video)["kind"] != NONE for video in _nothing(count // 4, seed)])
    return made


def _rate(hits: list[bool]) -> dict[str, Any]:
    low, high = wilson(sum(hits), len(hits))
    return {
        "rate": round(float(np.mean(hits)), 4) if hits else None,
        "interval": [round(low, 4), round(high, 4)],
        "clips": len(hits),
    }


def _softened(video: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A clip at the resolution that its movement is judged at, damaged, and at its own size again."""
    small = soften(movement_input(torch.from_numpy(video.copy()).permute(0, 3, 1, 2).float() / 255), rng)
    large = F.interpolate(small, video.shape[1:3], mode="bicubic").clamp(0, 1)
    return np.ascontiguousarray((large * 255).round().byte().permute(0, 2, 3, 1).numpy())


def _nothing(count: int, seed: int) -> list[NDArray[np.uint8]]:
    """Noise, still noise, one colour, and smooth fields of noise: uint8 (8, 256, 256, 3)."""
    rng = np.random.default_rng([seed, 1])
    made: list[NDArray[np.uint8]] = []
    for number in range(count):
        noise = rng.integers(0, 256, (8, 256, 256, 3), np.uint8)
        colour = np.broadcast_to(noise[:1, :1, :1], noise.shape)
        smooth = np.repeat(np.repeat(noise[:, :16, :16], 16, 1), 16, 2)
        made.append([noise, np.broadcast_to(noise[:1], noise.shape), colour, smooth][number % 4])
    return made


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m gvsc.training.judge", description="Trains the judges.")
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train, or go on from the checkpoint")
    exporting = commands.add_parser("export", help="write the weights of a run in half precision")
    evaluating = commands.add_parser("evaluate", help="how often they are right on true renders, as JSON")
    training.add_argument("--steps", type=int, default=STEPS)
    for command in (training, exporting):
        command.add_argument("--run", type=Path, default=Path("runs/judges"))
    for command in (training, evaluating):
        command.add_argument("--data", type=Path, default=Path("data"), help="prepared data, for its photos")
    exporting.add_argument("--to", type=Path, required=True)
    evaluating.add_argument("--weights", type=Path, default=weights.FOLDER / "judges.safetensors")
    evaluating.add_argument("--count", type=int, default=400)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    if options.command == "train":
        photos = load_photos(options.data / "photos" / "train")
        train(photos, options.run, options.steps, options.seed)
    elif options.command == "export":
        run = run_in(options.run, options.seed)
        if run.step == 0:
            raise SystemExit(f"error: there are no trained networks in {options.run}; train some first")
        export(run.averaged, options.to, {"steps": str(run.step)})
    else:
        photos = load_photos(options.data / "photos" / "val")
        made = evaluate(Judges.load(options.weights), photos, options.count, options.seed)
        log.info("%s", json.dumps(made, indent=1))


if __name__ == "__main__":
    main()

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
import sys
import time
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from common import bfloat16, weights
from common.conventions import DEFAULT_SEED
from common.errors import GvscError, WeightsError
from common.weights.tensors import read as read_tensors
from gvsc.bench.generator.cases import DIRECTIONS
from gvsc.bench.generator.judges import Judges
from gvsc.bench.generator.judges.labels import LABELS, NONE, truth
from gvsc.bench.generator.judges.network import JudgeNetworks, smaller
from gvsc.bench.generator.judges.path import CELLS, SIDE, Seen
from gvsc.bench.trials import wilson
from gvsc.training.judge_data import CUTS, SCENES, UNASKED, Batch, Batches, soften
from gvsc.training.run import Run, begin_with, export
from gvsc.training.world import Photo, World, load_photos

log = logging.getLogger("gvsc.training.judge")

STEPS: Final = 3000
CLIPS: Final = 16
"""Of a step."""

PEAK_RATE, LAST_RATE, WARM_UP_STEPS = 2e-3, 2e-5, 60
EMA_DECAY: Final = 0.995
CHECKPOINT_STEPS: Final = 100


def run_in(folder: Path, seed: int, start: Mapping[str, Tensor] | None = None) -> Run:
    """The run in a folder: at its checkpoint, or at its beginning, with what fits of the weights to ``start`` with."""
    torch.manual_seed(seed)
    networks = JudgeNetworks()
    begin_with(networks, start or {})
    run = Run(networks, folder, betas=(0.9, 0.99), averaging=EMA_DECAY, weight_decay=0.02, same={"seed": str(seed)})
    if run.file.exists():
        run.restore()
    return run


def train(photos: list[Photo], folder: Path, steps: int, seed: int, start: Path | None = None) -> None:
    """Trains for ``steps`` steps in all, from the checkpoint in ``folder`` if there is one. Another process draws.

    What fits of the weights in ``start`` is begun with. The same arguments give the same weights on the same machine,
    killed in between or not. Raises WeightsError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = run_in(folder, seed, {} if start is None else read_tensors(start))
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
    """Sum of the cross entropies of all questions, and of how far from its place the object was looked for.

    Answers that nobody can give are left out.
    """
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16.is_fast()):
        found = networks.path(batch.clips)
        known, background, light = networks.scene(batch.scenes)
        around = known[: SCENES * len(batch.clips)].detach().unflatten(0, (-1, SCENES)).mean(1)
        colour, kind, off = networks.thing(batch.cuts, around.repeat_interleave(CUTS, 0))
    logits = {"motion": found.motion, "camera": found.camera, "background": background, "light": light}
    logits |= {"colour": colour, "kind": kind}
    losses = [F.cross_entropy(logits[q].float(), batch.answers[q], ignore_index=UNASKED) for q in LABELS]
    there = ~batch.off.isnan().any(-1)
    losses.append(4.0 * (off.float() - batch.off)[there].abs().mean() if there.any() else off.sum() * 0.0)
    return torch.stack([*losses, astray(found, batch.path)]).sum()


def astray(found: Seen, path: Tensor) -> Tensor:
    """How wrong places are of objects that are at ``path`` (B, FRAMES, 3), x, y and radius, or NaN: nowhere."""
    places, said, there = found.places.flatten(0, 1), found.path.flatten(0, 1), path.flatten(0, 1)
    nowhere = there.isnan().any(-1)
    x, y, radius = there.nan_to_num(0.5)[:, :, None, None].unbind(1)
    middle = (torch.arange(CELLS) + 0.5) / CELLS
    squared = (middle - x) ** 2 + (middle[:, None] - y) ** 2
    target = torch.exp(-0.5 * squared / (0.4 * radius + 0.02) ** 2).flatten(1)
    target = F.pad(target / target.sum(1, keepdim=True), (0, 1)).masked_fill(nowhere[:, None], 0.0)
    target[:, -1] = nowhere.float()
    lost = F.cross_entropy(places, target)
    if nowhere.all():
        return lost
    off = (said[~nowhere, :2] - there[~nowhere, :2]).abs().mean()
    return lost + 10.0 * off + (said[~nowhere, 2] - there[~nowhere, 2].log()).abs().mean()


def evaluate(judges: Judges, photos: list[Photo], count: int, seed: int) -> dict[str, Any]:
    """How often the judges are right on true renders of ``count`` held-out clips of one object.

    ``clean`` as rendered, ``soft`` damaged as in training, ``photos`` as rendered, half as many, before ``photos``. Of
    each question the rate, its Wilson interval and the clips asked; ``chance`` is the rate against the next clip's
    answers. ``direction`` is motion and camera where either goes left, right, up or down. ``nothing``: how often they
    name an object in what shows none.
    """
    rng, drawn = np.random.default_rng(seed), _asked(World(seed, "held_out"), count)
    ways = {
        "clean": drawn,
        "soft": [(_softened(video, rng), right) for video, right in drawn],
        "photos": _asked(World(seed, "held_out", photos), count // 2, "photo") if photos else [],
    }
    made: dict[str, Any] = {name: _figures(judges, asked) for name, asked in ways.items() if asked}
    return made | {
        "nothing": _rate([judges.judge(video)["kind"] != NONE for video in _nothing(max(1, count // 4), seed)])
    }


Asked = list[tuple[NDArray[np.uint8], dict[str, str]]]


def _asked(world: World, count: int, background: str | None = None) -> Asked:
    """The first clips of one object, before that background if one is named, with the right answers."""
    fitting = (c for c in world if len(c.scene.shapes) == 1 and background in (None, c.scene.background))
    return [(clip.video, truth(clip.scene)) for clip in islice(fitting, count)]


def _figures(judges: Judges, asked: Asked) -> dict[str, Any]:
    rights = [right for _, right in asked]
    pairs = list(zip((judges.judge(video) for video, _ in asked), rights, strict=True))
    shifted = list(zip((said for said, _ in pairs), rights[1:] + rights[:1], strict=True))
    went = [(s[q], r[q]) for s, r in pairs for q in ("motion", "camera") if r[q] in DIRECTIONS]
    wrong = Counter(f"{q}: {r[q]} called {s[q]}" for s, r in pairs for q in LABELS if s[q] != r[q])
    return {
        **{question: _rate([s[question] == r[question] for s, r in pairs]) for question in LABELS},
        "direction": _rate([said == right for said, right in went]),
        "chance": {question: _rate([s[question] == r[question] for s, r in shifted]) for question in LABELS},
        "wrong": dict(wrong.most_common()),
    }


def _rate(hits: list[bool]) -> dict[str, Any]:
    low, high = wilson(sum(hits), len(hits))
    return {
        "rate": round(float(np.mean(hits)), 4) if hits else None,
        "interval": [round(low, 4), round(high, 4)],
        "clips": len(hits),
    }


def _softened(video: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A clip at the resolution that its movement is judged at, damaged, and at its own size again."""
    small = soften(smaller(torch.from_numpy(video.copy()).permute(0, 3, 1, 2).float() / 255, SIDE), rng)
    large = F.interpolate(small, video.shape[1:3], mode="bicubic").clamp(0, 1)
    return np.ascontiguousarray((large * 255).round().byte().permute(0, 2, 3, 1).numpy())


def _nothing(count: int, seed: int) -> list[NDArray[np.uint8]]:
    """Noise, still noise, one colour, and coarse noise: uint8 (8, 256, 256, 3)."""
    rng = np.random.default_rng([seed, 1])
    made: list[NDArray[np.uint8]] = []
    for number in range(count):
        noise = rng.integers(0, 256, (8, 256, 256, 3), np.uint8)
        colour = np.broadcast_to(noise[:1, :1, :1], noise.shape)
        coarse = np.repeat(np.repeat(noise[:, :16, :16], 16, 1), 16, 2)
        made.append([noise, np.broadcast_to(noise[:1], noise.shape), colour, coarse][number % 4])
    return made


def _several(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m gvsc.training.judge", description="Trains the judges.")
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="train, or go on from the checkpoint")
    exporting = commands.add_parser("export", help="write the weights of a run in half precision")
    evaluating = commands.add_parser("evaluate", help="how often they are right on true renders, as JSON")
    training.add_argument("--steps", type=_several, default=STEPS)
    training.add_argument("--start", type=Path, help="weights to begin with, as far as they fit")
    for command in (training, exporting):
        command.add_argument("--run", type=Path, default=Path("runs/judges"))
    for command in (training, evaluating):
        command.add_argument("--data", type=Path, default=Path("data"), help="prepared data, for its photos")
    exporting.add_argument("--to", type=Path, required=True)
    evaluating.add_argument("--weights", type=Path, default=weights.FOLDER / "judges.safetensors")
    evaluating.add_argument("--count", type=_several, default=400)
    parser.add_argument("--threads", type=_several, default=1)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    try:
        _run(options)
    except GvscError as error:
        raise SystemExit(f"error: {error}") from None


def _run(options: argparse.Namespace) -> None:
    if options.command == "train":
        train(load_photos(options.data / "photos" / "train"), options.run, options.steps, options.seed, options.start)
    elif options.command == "export":
        run = run_in(options.run, options.seed)
        if run.step == 0:
            raise WeightsError(f"there are no trained networks in {options.run}; train some first")
        export(run.averaged, options.to, {"steps": str(run.step)})
    else:
        photos = load_photos(options.data / "photos" / "val")
        made = evaluate(Judges.load(options.weights), photos, options.count, options.seed)
        sys.stdout.write(f"{json.dumps(made, indent=1)}\n")


if __name__ == "__main__":
    main()

"""Training of the sketch extractor `pidinet-tiny-gvsc`: PiDiNet-tiny that learns from HED.

    gvsc models get hed
    python -m gvsc.training.pidinet teach --data data --out data/edges
    python -m gvsc.training.pidinet train --edges data/edges --run runs/pidinet --hours 1
    python -m gvsc.training.pidinet export --run runs/pidinet --to common/weights/pidinet-tiny-gvsc.safetensors
    python -m gvsc.training.pidinet evaluate --data data

``teach`` draws pictures and writes what HED makes of them; to frames of the rendered world it gives the exact outlines
of the shapes in them, and HED's map of what is behind. What the student is to draw is not HED's broad bands, but their
ridges: thin lines as bright as the band (`target`), because a sketch is sent in 1 024 symbols and broad bands carry
nothing more. The run folder holds one checkpoint, from which the same command goes on.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from common import weights
from common.conventions import DEFAULT_SEED
from gvsc.evaluation.metrics.edge_f1 import LEAST_DENSITY, THRESHOLD, TOLERANCE, edge_f1, thin
from gvsc.training.photos import load_crops, load_photos, validation_pictures
from gvsc.training.run import Run, export
from gvsc.training.world import Photo, World, labels
from transmitter.extract.extractors.canny import Canny
from transmitter.extract.sketch import hed_network
from transmitter.extract.sketch.base import EdgeExtractor
from transmitter.extract.sketch.network import NetworkEdgeExtractor
from transmitter.extract.sketch.pidinet_checkpoint import network_of
from transmitter.extract.sketch.pidinet_network import PiDiNet

log = logging.getLogger("gvsc.training.pidinet")

SIDE = 256
CROP = 192
BATCH = 4
PEAK_RATE, LAST_RATE, WARM_UP_STEPS = 3e-3, 2e-5, 100
EMA_DECAY = 0.998
CHECKPOINT_SECONDS = 180.0
RIDGE_SIGMA = 1.0
"""Width of the target's lines in pixels (standard deviation)."""

SMOOTH = 1.0  # pixels; HED's map is smoothed so before its ridges are taken, or wide bands give specks
LEAST_RIDGE = 8  # pixels; shorter ridges are specks, too
FAINT = 0.08  # of what is fainter nothing is drawn

RARITY = 0.2
"""How far edges are weighted up for being rare: at 1 they weigh as much as all the rest, at 0 as one pixel each."""

HELD_OUT_SCENES = 40

RENDERED_SHARE = 0.2
"""Part of the training pictures that come from the rendered world."""

OUTLINE_SIGMA, OUTLINE_REACH = 1.5, 5.0  # pixels; an outline's band in the map, and how near to it HED has no say


def teach(data: Path, hed: Path | None, out: Path, count: int, rendered: int, seed: int) -> None:
    """Writes ``count`` crops of photos and ``rendered`` frames of the rendered world, with their edge maps.

    ``{photos,rendered}-pictures.npy`` are uint8 (N, 256, 256, 3), ``…-maps.npy`` uint8 (N, 256, 256). Goes on where it
    was killed.
    """
    out.mkdir(parents=True, exist_ok=True)
    teacher, crops = _teacher(hed), load_crops(data)
    world = World(seed, photos=_backgrounds(data))

    def photo(number: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        picture = crops.draw(SIDE, np.random.default_rng([seed, number]))
        return picture, edges_of(teacher, picture)

    def frame(number: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        clip = world[number]
        index = int(np.random.default_rng([seed, number]).integers(len(clip.video)))
        picture = clip.video[index]
        return picture, with_outlines(edges_of(teacher, picture), clip.parts[index])

    for kind, total, draw in (("photos", count, photo), ("rendered", rendered, frame)):
        done = _count(out, kind)
        mode = "r+" if (out / f"{kind}-pictures.npy").exists() else "w+"
        pictures = np.lib.format.open_memmap(out / f"{kind}-pictures.npy", mode, np.uint8, (total, SIDE, SIDE, 3))
        maps = np.lib.format.open_memmap(out / f"{kind}-maps.npy", mode, np.uint8, (total, SIDE, SIDE))
        for number in range(done, total):
            picture, edges = draw(number)
            pictures[number], maps[number] = picture, np.round(255 * edges)
            if number % 20 == 19 or number == total - 1:
                (out / f"{kind}-done.json").write_text(json.dumps(number + 1))
                log.info("%s: %d of %d", kind, number + 1, total)


def _teacher(file: Path | None) -> hed_network.Hed:
    """HED, by default with the weights that `gvsc models get hed` fetches."""
    return hed_network.load(file or weights.path("hed") / hed_network.FILE)


def _count(folder: Path, kind: str) -> int:
    """How many pictures of a kind have been taught."""
    file = folder / f"{kind}-done.json"
    return int(json.loads(file.read_text())) if file.exists() else 0


def _backgrounds(data: Path) -> list[Photo]:
    found = load_photos(data / "photos" / "train")
    return [Photo(found[name][max(side for side in found[name] if side <= 512)], name) for name in sorted(found)]


def with_outlines(edges: NDArray[np.float32], shown: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A map (H, W) in [0, 1] with the exact outlines of the regions of ``shown`` (H, W), 0 being the background.

    Within the regions and near them, the outlines replace what the map says.
    """
    if not shown.any():
        return edges
    # both sides of an outline are marked, so the line between them is half a pixel away
    band = np.exp(-0.5 * (ndimage.distance_transform_edt(~outlines(shown)) / OUTLINE_SIGMA) ** 2)
    near = ndimage.distance_transform_edt(shown == 0) <= OUTLINE_REACH
    return np.where(near, band, edges).astype(np.float32)


def outlines(shown: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The pixels (H, W) on both sides of the borders between the regions of ``shown``."""
    cross = ndimage.generate_binary_structure(2, 1)
    borders: NDArray[np.bool_] = ndimage.maximum_filter(shown, footprint=cross) != ndimage.minimum_filter(
        shown, footprint=cross
    )
    return borders


def edges_of(network: torch.nn.Module, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A network's edge map (H, W) in [0, 1] of one picture uint8 (H, W, 3)."""
    with torch.inference_mode():
        x = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
        edges: NDArray[np.float32] = network(x)[0, 0].numpy()
    return edges


def target(edges: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the student is to draw: the ridges of a map (H, W) in [0, 1], thin and smooth, as bright as the map is."""
    smooth = ndimage.gaussian_filter(edges, SMOOTH)
    pieces, _ = ndimage.label(thin(smooth) & (smooth >= FAINT), np.ones((3, 3)))
    lengths = np.bincount(pieces.ravel())
    lengths[0] = 0
    ridges = np.where((lengths >= LEAST_RIDGE)[pieces], edges, 0)
    peak = ndimage.gaussian_filter1d([0.0, 0, 0, 0, 1, 0, 0, 0, 0], RIDGE_SIGMA).max()  # what is left of a line of ones
    return np.clip(ndimage.gaussian_filter(ridges, RIDGE_SIGMA) / peak, 0, 1).astype(np.float32)


def loss_of(logits: list[Tensor], wanted: Tensor) -> Tensor:
    """Binary cross entropy with soft targets, edges weighted up by how rare they are; stages count half.

    Where the target is between edge and not, the loss asks for that very value.
    """
    share = wanted.mean((1, 2, 3), keepdim=True).clamp(0.02, 0.5)
    weight = 1 + wanted * (1 / share - 1) * RARITY
    losses = [functional.binary_cross_entropy_with_logits(x, wanted, weight) for x in logits]
    return losses[-1] + 0.5 * sum(losses[:-1], torch.zeros(())) / (len(losses) - 1)


def run_in(folder: Path) -> Run:
    """The run in a folder: at its checkpoint, or at its beginning."""
    run = Run(PiDiNet("tiny"), folder, betas=(0.9, 0.99), averaging=EMA_DECAY)
    if run.file.exists():
        run.restore()
    return run


def train(edges: Path, folder: Path, hours: float, seed: int) -> None:
    """Trains for so many hours in all, from the checkpoint in ``folder`` if there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    taught = [_Taught.load(edges, kind) for kind in ("photos", "rendered")]
    run = run_in(folder)
    network = cast(PiDiNet, run.model)
    saved, losses = run.seconds, list[float]()
    while run.seconds < hours * 3600:
        began = time.monotonic()
        rng = np.random.default_rng([seed, run.step])
        xs, ys = zip(*(_draw(taught[int(rng.random() < RENDERED_SHARE)], rng) for _ in range(BATCH)), strict=True)
        logits = network.logits(torch.stack(xs).contiguous(memory_format=torch.channels_last))
        loss = loss_of(logits, torch.stack(ys))
        progress = run.seconds / (hours * 3600)
        rate = LAST_RATE + 0.5 * (PEAK_RATE - LAST_RATE) * (1 + math.cos(math.pi * progress))
        run.advance(loss, rate * min(1.0, (run.step + 1) / WARM_UP_STEPS), clip_norm=2.0)
        losses.append(loss.item())
        run.seconds += time.monotonic() - began
        if run.step % 50 == 0:
            log.info("step %d, %.0f s, loss %.4f", run.step, run.seconds, np.mean(losses))
            losses.clear()
        if run.seconds - saved > CHECKPOINT_SECONDS or run.seconds >= hours * 3600:
            run.save()
            saved = run.seconds


@dataclass(frozen=True)
class _Taught:
    """Pictures uint8 (N, 256, 256, 3) and what the student is to draw of them, uint8 (N, 256, 256)."""

    pictures: NDArray[np.uint8]
    targets: NDArray[np.uint8]

    @classmethod
    def load(cls, folder: Path, kind: str) -> _Taught:
        pictures, maps = (np.load(folder / f"{kind}-{name}.npy", mmap_mode="r") for name in ("pictures", "maps"))
        known = _count(folder, kind)
        targets = [np.round(255 * target(edges.astype(np.float32) / 255)).astype(np.uint8) for edges in maps[:known]]
        return cls(pictures[:known], np.stack(targets))


def _draw(taught: _Taught, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """A picture (3, CROP, CROP) and its target (1, CROP, CROP), turned and lit alike at random."""
    number = int(rng.integers(len(taught.pictures)))
    top, left = rng.integers(SIDE - CROP + 1, size=2)
    cut = (slice(top, top + CROP), slice(left, left + CROP))
    turns, mirrored = int(rng.integers(4)), rng.random() < 0.5
    picture, drawn = (np.rot90(array[cut], turns) for array in (taught.pictures[number], taught.targets[number]))
    if mirrored:
        picture, drawn = picture[:, ::-1], drawn[:, ::-1]
    lit = _light(np.ascontiguousarray(picture), rng)
    return lit, torch.from_numpy(drawn.copy())[None].float() / 255


def _light(picture: NDArray[np.uint8], rng: np.random.Generator) -> Tensor:
    x = torch.from_numpy(picture).permute(2, 0, 1).float() / 255
    if rng.random() < 0.5:
        x = x ** float(np.exp(rng.normal(0.0, 0.2)))
        grey = x.mean(0, keepdim=True)
        x = grey + (x - grey) * float(rng.uniform(0.4, 1.4))
        x = (x * float(rng.uniform(0.75, 1.2)) + float(rng.normal(0.0, 0.04))).clamp(0, 1)
    return x


def evaluate(data: Path, hed: Path | None, trained: Path) -> dict[str, object]:
    """Mean F1 against thinned HED on held-out pictures, of the weights in the file ``trained`` and of Canny.

    ``photos`` are the validation photos, ``clips`` the first frames of the validation clips; of both, those with enough
    edges. ``outlines`` are frames of the rendered world's held-out scenes without a photo: of the shapes' exact
    outlines, the part that was found.
    """
    sketchers: list[EdgeExtractor] = [
        NetworkEdgeExtractor("pidinet-tiny-gvsc", network_of(load_file(trained), str(trained)).fused()),
        Canny(),
    ]
    teacher = _teacher(hed)
    photos = (validation_pictures(data) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    clips = np.load(data / "clips-val.npy", mmap_mode="r")[:, 0]
    made: dict[str, object] = {}
    for name, pictures in (("photos", photos), ("clips", clips)):
        truths = [edges_of(teacher, picture) for picture in pictures]
        enough = [i for i, truth in enumerate(truths) if _edges(truth).mean() >= LEAST_DENSITY]
        made[name] = {"pictures": len(enough)} | {
            sketcher.name: _summary([edge_f1(sketcher.extract(pictures[i][None])[0], truths[i]) for i in enough])
            for sketcher in sketchers
        }
    scenes = [
        clip for clip in (World(DEFAULT_SEED, "held_out")[i] for i in range(HELD_OUT_SCENES)) if clip.scene.shapes
    ]
    made["outlines"] = {"pictures": len(scenes)} | {
        sketcher.name: _summary([_found(sketcher.extract(clip.video[:1])[0], labels(clip.scene)[0]) for clip in scenes])
        for sketcher in sketchers
    }
    return made


def _edges(edges: NDArray[np.float32]) -> NDArray[np.bool_]:
    return thin(edges) & (edges >= THRESHOLD)


def _found(sketch: NDArray[np.float32], shown: NDArray[np.uint8]) -> float:
    """Part of the outlines of the regions ``shown`` that the sketch has a line near to."""
    return float((ndimage.distance_transform_edt(~_edges(sketch))[outlines(shown)] <= TOLERANCE).mean())


def _summary(values: list[float]) -> dict[str, float]:
    return {"mean": round(float(np.mean(values)), 3), "least": round(min(values), 3)}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m gvsc.training.pidinet", description="Trains pidinet-tiny-gvsc.")
    commands = parser.add_subparsers(dest="command", required=True)
    teaching = commands.add_parser("teach", help="draw pictures and let HED draw their edges")
    training = commands.add_parser("train", help="train, or go on from the checkpoint")
    exporting = commands.add_parser("export", help="write the weights of a run in half precision")
    evaluating = commands.add_parser("evaluate", help="agreement with HED on held-out photos, as JSON")
    for command in (teaching, evaluating):
        command.add_argument("--data", type=Path, default=Path("data"))
        command.add_argument("--hed", type=Path, help="HED's file; default: the fetched one")
    teaching.add_argument("--out", type=Path, default=Path("data/edges"))
    teaching.add_argument("--count", type=int, default=820, help="crops of photos and clips")
    teaching.add_argument("--rendered", type=int, default=200, help="frames of the rendered world")
    training.add_argument("--edges", type=Path, default=Path("data/edges"))
    training.add_argument("--hours", type=float, default=1.0)
    for command in (training, exporting):
        command.add_argument("--run", type=Path, default=Path("runs/pidinet"))
    exporting.add_argument("--to", type=Path, required=True)
    evaluating.add_argument("--weights", type=Path, default=weights.FOLDER / "pidinet-tiny-gvsc.safetensors")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(options.threads)
    if options.command == "teach":
        teach(options.data, options.hed, options.out, options.count, options.rendered, options.seed)
    elif options.command == "train":
        train(options.edges, options.run, options.hours, options.seed)
    elif options.command == "export":
        run = run_in(options.run)
        if run.step == 0:
            raise SystemExit(f"error: there is no trained network in {options.run}; train one first")
        export(run.averaged, options.to, {"steps": str(run.step)})
    else:
        log.info("%s", json.dumps(evaluate(options.data, options.hed, options.weights)))


if __name__ == "__main__":
    main()

"""Figures for the card of `mini`, on held-out clips only.

`python -m gvsc.training.mini_evaluate --weights FOLDER --text-encoder MINILM --data data --sheets FOLDER`

First frame and text: PSNR over the eight frames against the source, beside what repeating the received frame gives,
with frames as the first-frame codec brings them through 0 dB and 10 dB and with clean ones.

Text alone: whether the named colours are there and whether what has the shape's colour moves as told, beside the rate
that other captions' colours reach by chance.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from common.codecs.djscc_frame import FrameCodec
from common.conventions import noise_variance
from gvsc.training.mini_captions import clip_caption
from gvsc.training.world import COLOURS, HELD_OUT, Scene, Shape, World, describe, load_photos
from receiver.generators.base import Conditions
from receiver.generators.mini.generator import Mini

Clip = NDArray[np.float32]


@dataclass(frozen=True)
class Case:
    """A held-out clip float32 (8, 3, 256, 256) with its caption."""

    kind: str
    clip: Clip
    caption: str


def psnr(one: NDArray[np.float32], two: NDArray[np.float32]) -> float:
    """Peak signal-to-noise ratio in dB of values in [0, 1]."""
    return float(-10 * np.log10(np.mean((one - two) ** 2) + 1e-10))


def held_out_cases(data: Path, count: int) -> Iterator[Case]:
    """Real clips (one a shot), rendered ones with held-out shapes, and camera moves over held-out photos."""
    clips = np.load(data / "clips-val.npy", mmap_mode="r")
    names: list[str] = json.loads((data / "clips-val.json").read_text())
    shots: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        shots.setdefault("-".join(name.split("-")[:2]), []).append(index)
    for indices in list(shots.values())[:count]:
        middle = indices[len(indices) // 2]
        yield Case("real", _planar(clips[middle]), clip_caption(names[middle]))
    photos = load_photos(data / "photos" / "val")
    world = World(99, "held_out", photos)
    for number in range(count):
        clip = world[number]
        yield Case("rendered", _planar(clip.video), clip.caption)
    world, number, found = World(98, "train", photos), 0, 0
    while found < count // 2:
        clip = world[number]
        number += 1
        if clip.scene.background == "photo" and not clip.scene.shapes and clip.scene.camera != "still":
            found += 1
            yield Case("camera over photo", _planar(clip.video), clip.caption)


def told_scenes() -> Iterator[Scene]:
    """Plain scenes by day: each held-out combination on two backgrounds."""
    names = list(COLOURS)
    for colour, form, motion in sorted(HELD_OUT):
        for shift in (3, 6):
            background = names[(names.index(colour) + shift) % len(names)]
            shape = Shape(colour, form, motion, 128.0, 128.0, 50.0, 90.0, 0.0)
            yield Scene("plain", (background,), (shape,), "still", 0.0, "day")


def coloured(clip: Clip, colour: str) -> NDArray[np.bool_]:
    """Where a clip (8, 3, H, W) is nearer to that colour than to any other named one, and near it; (8, H, W)."""
    table = np.array(list(COLOURS.values()), np.float32) / 255
    distance = np.sqrt(((clip[:, None] - table[None, :, :, None, None]) ** 2).sum(2))
    index = list(COLOURS).index(colour)
    return np.asarray((distance.argmin(1) == index) & (distance[:, index] < 0.35))


def moves_as_told(where: NDArray[np.bool_], motion: str) -> bool | None:
    """Whether the places (8, H, W) drift as the motion says; None where that cannot be told."""
    axes = {"left": (1, -1), "right": (1, 1), "up": (0, -1), "down": (0, 1)}
    if motion not in axes or not where[[0, 1, 6, 7]].any((1, 2)).all():
        return None
    axis, sign = axes[motion]
    early = np.mean([np.argwhere(where[f])[:, axis].mean() for f in (0, 1)])
    late = np.mean([np.argwhere(where[f])[:, axis].mean() for f in (6, 7)])
    return bool(sign * (late - early) > 4)


def received(codec: FrameCodec, frame: NDArray[np.float32], snr_db: float) -> NDArray[np.float32]:
    """The frame (3, H, W) as the first-frame codec brings it through white noise at ``snr_db``."""
    sent = codec.encode(frame, snr_db)
    rng = np.random.default_rng(7777)
    noise = rng.standard_normal(sent.shape) + 1j * rng.standard_normal(sent.shape)
    heard = sent + np.sqrt(noise_variance(snr_db) / 2) * noise
    return codec.decode(heard.astype(np.complex64), snr_db, *frame.shape[1:])


def evaluate_frames(mini: Mini, cases: list[Case], codec: FrameCodec, sheets: Path) -> None:
    """Print the first-frame figures; write source and result at 10 dB as a sheet a kind."""
    rows: dict[str, list[Clip]] = {}
    for snr_db in (0.0, 10.0, None):
        figures: dict[str, list[list[float]]] = {}
        for case in cases:
            first = case.clip[0]
            frame = first if snr_db is None else received(codec, first, snr_db)
            frames, _, height, width = case.clip.shape
            made = mini.generate(Conditions(case.caption, frame, snr_db, frames, height, width), 7777)
            repeated = np.broadcast_to(frame, case.clip.shape)
            moved = [float(np.abs(c[-1] - c[0]).mean() * 255) for c in (case.clip, made)]
            figures.setdefault(case.kind, []).append([psnr(made, case.clip), psnr(repeated, case.clip), *moved])
            if snr_db == 10.0:
                rows.setdefault(case.kind, []).extend([case.clip, made])
        for kind, values in figures.items():
            made_db, repeated_db, source_moves, made_moves = np.mean(values, 0)
            click.echo(
                f"{kind}, frame {'clean' if snr_db is None else f'at {snr_db:g} dB'} ({len(values)} clips): "
                f"{made_db:.2f} dB, repeated frame {repeated_db:.2f} dB; "
                f"last against first frame {made_moves:.1f} of 255, source {source_moves:.1f}"
            )
    for kind, clips in rows.items():
        _write_sheet(clips, sheets / f"frame-{kind.replace(' ', '-')}.png")


def evaluate_text(mini: Mini, sheets: Path) -> None:
    """Print the figures for text alone; write all results as a sheet."""
    scenes, made = list(told_scenes()), []
    rng = np.random.default_rng(1)
    for scene in scenes:
        caption = describe(scene, rng)
        made.append(mini.generate(Conditions(caption, None, None, 8, 256, 256), 7777))
    shape_hits, ground_hits, chance, directions = [], [], [], []
    for number, (scene, clip) in enumerate(zip(scenes, made, strict=True)):
        told, other = scene.shapes[0], scenes[(number + 5) % len(scenes)].shapes[0]
        where = coloured(clip, told.colour)
        shape_hits.append(where.mean() > 0.02)
        ground_hits.append(coloured(clip, scene.detail[0]).mean() > 0.3)
        if other.colour not in (told.colour, scene.detail[0]):
            chance.append(coloured(clip, other.colour).mean() > 0.02)
        drift = moves_as_told(where, told.motion)
        if drift is not None:
            directions.append(drift)
    click.echo(
        f"text alone ({len(scenes)} clips): shape's colour {np.mean(shape_hits):.2f} "
        f"(another's {np.mean(chance):.2f}), background's colour {np.mean(ground_hits):.2f}, "
        f"direction {np.mean(directions) if directions else float('nan'):.2f} of {len(directions)}"
    )
    _write_sheet(made, sheets / "text.png")


def _planar(clip: NDArray[np.uint8]) -> Clip:
    return np.asarray(np.ascontiguousarray(clip.transpose(0, 3, 1, 2)) / np.float32(255), np.float32)


def _write_sheet(clips: list[Clip], path: Path, side: int = 112) -> None:
    """One clip a row."""
    sheet = Image.new("RGB", (8 * side, len(clips) * side))
    for row, clip in enumerate(clips):
        for column, frame in enumerate(clip):
            image = Image.fromarray((frame.transpose(1, 2, 0) * 255).astype(np.uint8)).resize((side, side))
            sheet.paste(image, (column * side, row * side))
    sheet.save(path)


@click.command()
@click.option("--weights", type=click.Path(path_type=Path, exists=True), required=True, help="Folder of the pipeline.")
@click.option("--text-encoder", type=click.Path(path_type=Path, exists=True), required=True, help="MiniLM's folder.")
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True, help="Prepared data.")
@click.option("--sheets", type=click.Path(path_type=Path), required=True, help="Folder for contact sheets.")
@click.option("--count", default=10, show_default=True, help="Clips of a kind.")
def main(weights: Path, text_encoder: Path, data: Path, sheets: Path, count: int) -> None:
    """Measure `mini` on held-out clips."""
    sheets.mkdir(parents=True, exist_ok=True)
    mini = Mini.from_folders(weights, text_encoder)
    began = time.perf_counter()
    evaluate_frames(mini, list(held_out_cases(data, count)), FrameCodec.load(), sheets)
    evaluate_text(mini, sheets)
    click.echo(f"{time.perf_counter() - began:.0f} s, {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()

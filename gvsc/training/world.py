"""The rendered world with real photos behind, as codecs, sketches and generators are trained and tested on it.

    python -m gvsc.training.world --seed 7777 --count 500       # clips a second
    python -m gvsc.training.world --sheet docs/world.jpg        # a picture of some clips with their ground truth

The world itself is `transmitter.clips.world`, which the transmitter can send, too.
"""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path
from typing import Literal

import click
import numpy as np

from common.conventions import DEFAULT_SEED, SIZE
from gvsc.training.mini_captions import PHOTOS
from gvsc.training.world_sheet import draw_sheet, varied
from transmitter.clips.world import (
    COLOURS,
    FLOW_GRID,
    HELD_OUT,
    HELD_OUT_PAIRS,
    Photo,
    Scene,
    Shape,
    World,
    WorldClip,
    contours,
    describe,
    labels,
    parts,
    render,
)
from transmitter.clips.world.motion import FRAMES

__all__ = [
    "COLOURS",
    "FLOW_GRID",
    "FRAMES",
    "HELD_OUT",
    "HELD_OUT_PAIRS",
    "SIZE",
    "Photo",
    "Scene",
    "Shape",
    "World",
    "WorldClip",
    "contours",
    "describe",
    "labels",
    "load_photos",
    "parts",
    "render",
]

SHEET_FROM, SHEET_ROWS = 80, 14
"""How many clips a contact sheet chooses from, and how many it shows."""


def load_photos(folder: Path) -> list[Photo]:
    """The photos of a prepared folder, shorter side 640, with what they show in few words."""
    files = sorted(folder.glob("*.640.npy"))
    return [Photo(np.load(f, allow_pickle=False), PHOTOS.get(f.name.split(".")[0], "a photo")) for f in files]


@click.command()
@click.option("--seed", default=DEFAULT_SEED, show_default=True, type=click.IntRange(min=0))
@click.option("--split", default="train", show_default=True, type=click.Choice(["train", "held_out"]))
@click.option("--photos", type=click.Path(path_type=Path, exists=True), help="Folder of prepared photos.")
@click.option("--count", default=500, show_default=True, type=click.IntRange(min=1), help="Clips to draw.")
@click.option("--sheet", type=click.Path(path_type=Path), help="Write a contact sheet instead of measuring.")
def main(seed: int, split: Literal["train", "held_out"], photos: Path | None, count: int, sheet: Path | None) -> None:
    """Draw clips of the rendered world: how many a second, or a contact sheet."""
    world = World(seed, split, load_photos(photos) if photos else ())
    if sheet is not None:
        draw_sheet(varied(list(islice(world, SHEET_FROM)), SHEET_ROWS)).save(sheet, quality=85)
        return
    wall, busy = time.perf_counter(), time.process_time()
    for number in range(count):
        world[number]
    wall, busy = time.perf_counter() - wall, time.process_time() - busy
    click.echo(
        f"{count} clips in {wall:.1f} s: {count / wall:.0f} clips/s; {count / busy:.0f} a second of the processor"
    )


if __name__ == "__main__":
    main()

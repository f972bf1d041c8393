"""Sketches of the training pictures and of held-out ones, by the default sketcher, for training ``djscc-sketch``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from common.conventions import DEFAULT_SEED, SIZE
from gvsc.training.fetch import FetchError
from gvsc.training.photos import Crops, centre_crops, load_crops, load_photos
from transmitter.extract import sketch

TRAINING_STREAM, HELD_OUT_STREAM = 11, 12  # of the seed
HELD_OUT_CROPS: Final = 60
JUDGED: Final = 128
"""Sketches that tell how large others will be: their mean is good to 4 %."""

Judge = Callable[[NDArray[np.uint8], NDArray[np.uint8]], None]


def held_out_pictures(data: Path) -> NDArray[np.uint8]:
    """(N, 256, 256, 3): centre crops of the held-out photos, further crops of them, first frames of held-out clips."""
    photos = load_photos(data / "photos" / "val")
    crops = Crops(photos, None)
    further = [
        crops.draw(SIZE, np.random.default_rng([DEFAULT_SEED, HELD_OUT_STREAM, n])) for n in range(HELD_OUT_CROPS)
    ]
    clips = np.load(data / "clips-val.npy", mmap_mode="r", allow_pickle=False)
    return np.concatenate([centre_crops(photos, SIZE), np.stack(further), clips[:, 0]])


def draw(
    data: Path, count: int, advance: Callable[[int, int], None], judge: Judge = lambda held_out, first: None
) -> None:
    """Writes ``sketches/train.npy`` and ``val.npy``, uint8 (N, 256, 256), unless as many are there.

    Goes on where it was stopped. ``judge`` is given the held-out ones and the first `JUDGED` to train on as soon as
    these are there, long before the rest, and may raise. Raises WeightsError or FetchError.
    """
    folder = data / "sketches"
    folder.mkdir(parents=True, exist_ok=True)
    sketcher = sketch.load()
    crops = load_crops(data)
    held_out = held_out_pictures(data)
    total = count + len(held_out)

    def crop(number: int) -> NDArray[np.uint8]:
        return crops.draw(SIZE, np.random.default_rng([DEFAULT_SEED, TRAINING_STREAM, number]))

    def fill(split: str, due: int, picture: Callable[[int], NDArray[np.uint8]], before: int) -> NDArray[np.uint8]:
        """The first ``due`` sketches of a split; what is there already stays as it is."""
        drawn = _drawn(folder / f"{split}.npy")
        if drawn is not None and len(drawn) >= due:
            return drawn[:due]
        kept = [] if drawn is None else list(drawn)
        for number in range(len(kept), due):
            kept.append(np.round(255 * sketcher.extract(picture(number)[None])[0]).astype(np.uint8))
            if number % 250 == 249 or number == due - 1:
                _write(folder / f"{split}.npy", np.stack(kept))
            advance(before + number + 1, total)
        if not kept:  # none are wanted: told by an empty file
            _write(folder / f"{split}.npy", np.empty((0, SIZE, SIZE), np.uint8))
        return np.stack(kept) if kept else np.empty((0, SIZE, SIZE), np.uint8)

    kept_back = fill("val", len(held_out), held_out.__getitem__, 0)
    judge(kept_back, fill("train", min(count, JUDGED), crop, len(held_out)))
    fill("train", count, crop, len(held_out))
    advance(total, total)


def _drawn(file: Path) -> NDArray[np.uint8] | None:
    """What is there already, still on the disk."""
    try:
        array: NDArray[np.uint8] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return None
    return array if array.ndim == 3 and array.dtype == np.uint8 else None


def _write(file: Path, sketches: NDArray[np.uint8]) -> None:
    partial = file.with_name(f".partial-{file.name}")
    try:
        np.save(partial, sketches)
        partial.replace(file)
    except OSError as error:
        raise FetchError(f"cannot write {file}: {error.strerror}") from error

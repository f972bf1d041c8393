"""The digital code for sketches that the trained one is held against: thin lines in a small bilevel picture.

The sketch's lines, thinned as edge F1 sees them, are marked in a grid of fewer cells and thinned again. Its bits go
through an arithmetic coder with one probability for each state of the ten neighbours known already, as JBIG has it
(ITU-T T.82), measured on training sketches; or as they are. The receiver joins neighbouring cells by lines.

The transmitter tries grids of several sizes, with short lines and without, and sends what its own decoder makes the
best edge F1 of, among what fits. So the opponent is a strong one: no trained code gets to see the metric.

    python -m gvsc.bench.codec.bilevel --data data

measures the probabilities anew on the prepared training data and writes ``bilevel.safetensors`` beside this file.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from common.conventions import DEFAULT_SEED, SIZE
from common.errors import WeightsError
from gvsc.bench.codec import bilevel_kernel
from gvsc.bench.codec.bilevel_kernel import LEAST, NEIGHBOURS, ONE
from gvsc.evaluation.metrics.edge_f1 import THRESHOLD, edge_f1, thin

SIDES: Final = (24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 128, 144, 160, 192)
"""Cells a side of the grids; which one is told in SIDE_BITS bits in front."""
SIDE_BITS: Final = 4
LEAST_CELLS: Final = (1, 4, 8)
"""Lines of fewer cells are left out, the transmitter tries each."""
TRIED_SIDES: Final = 2
"""Of the grids that fit, so many of the finest are drawn and compared."""

CROPS: Final = 200
"""Training crops of SIZE×SIZE whose sketches the probabilities are measured on."""

FILE: Final = Path(__file__).with_name("bilevel.safetensors")
"""``ones`` uint16 (len(SIDES), 2^NEIGHBOURS): the probability that a cell is set, in 65536ths."""

_BLUR, _GAIN = 1.0, 2.0  # lines are drawn as broad and soft as the sketchers draw them

Grid = NDArray[np.uint8]
Bits = NDArray[np.uint8]
Reals = NDArray[np.float32]


@dataclass(frozen=True)
class Bilevel:
    """``ones`` as in FILE; ``packed`` is whether the arithmetic coder is used."""

    ones: NDArray[np.int64]
    packed: bool = True

    def encode(self, sketch: Reals, room: int) -> Bits:
        """The sketch (SIZE, SIZE) in [0, 1] in at most ``room`` bits; in none, which mean no line, if it cannot fit."""
        lines = thin(sketch) & (sketch >= THRESHOLD)
        if not self.packed:
            return np.asarray(shrunk(lines, math.isqrt(room)).ravel())
        best, best_f1 = np.zeros(0, np.uint8), -1.0
        for least in LEAST_CELLS:
            tried = 0
            for number in reversed(range(len(SIDES))):
                grid = _without_short(shrunk(lines, SIDES[number]), least)
                bits = _packed(grid, self.ones[number])
                if SIDE_BITS + bits.size > room:
                    continue
                found = edge_f1(drawn(grid), sketch)
                if found > best_f1:
                    best, best_f1 = np.concatenate([_bits_of(number, SIDE_BITS), bits]), found
                tried += 1
                if tried == TRIED_SIDES:
                    break
        return best

    def decode(self, bits: Bits) -> Reals:
        """The sketch from these bits, zeros behind them allowed: (SIZE, SIZE) in [0, 1]."""
        if not self.packed:
            side = math.isqrt(bits.size)
            return drawn(bits[: side * side].reshape(side, side))
        number = int("".join(map(str, bits[:SIDE_BITS])), 2)
        return drawn(_unpacked(bits[SIDE_BITS:], SIDES[number], self.ones[number]))


def load(file: Path = FILE) -> NDArray[np.int64]:
    """The probabilities in FILE. Raises WeightsError."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        ones = load_file(file)["ones"]
    except (OSError, KeyError, SafetensorError) as error:
        raise WeightsError(f"cannot read the bilevel code in {file}: {error}; reinstall gvsc") from None
    return ones.astype(np.int64)


def shrunk(lines: NDArray[np.bool_], side: int) -> Grid:
    """Which of ``side``×``side`` cells a line runs through, thinned: uint8 (side, side) of zeros and ones."""
    from skimage.morphology import skeletonize

    rows, columns = np.nonzero(lines)
    grid = np.zeros((side, side), bool)
    grid[rows * side // lines.shape[0], columns * side // lines.shape[1]] = True
    return np.asarray(skeletonize(grid), np.uint8)


def drawn(grid: Grid) -> Reals:
    """Cells next to each other joined by soft lines: float32 (SIZE, SIZE) in [0, 1]."""
    from skimage.draw import line

    picture = np.zeros((SIZE, SIZE), np.float32)
    side = len(grid)
    centre = ((2 * np.arange(side) + 1) * SIZE) // (2 * side)
    padded = np.pad(grid, 1)
    for row, column in zip(*np.nonzero(grid), strict=True):
        picture[centre[row], centre[column]] = 1.0
        for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
            beside = padded[row + 1 + down, column + 1] or padded[row + 1, column + 1 + right]
            # round a corner the line goes by way of the cell in it
            if padded[row + 1 + down, column + 1 + right] and not (down and right and beside):
                picture[line(centre[row], centre[column], centre[row + down], centre[column + right])] = 1.0
    return np.asarray(np.clip(_GAIN * ndimage.gaussian_filter(picture, _BLUR), 0.0, 1.0), np.float32)


def _without_short(grid: Grid, least: int) -> Grid:
    if least == 1:
        return grid
    labels, count = ndimage.label(grid, np.ones((3, 3), int))
    cells = np.bincount(labels.ravel(), minlength=count + 1)
    return np.asarray(grid * (cells >= least)[labels], np.uint8)


def _bits_of(number: int, count: int) -> Bits:
    return np.array([number >> i & 1 for i in range(count - 1, -1, -1)], np.uint8)


def _framed(grid: Grid) -> Grid:
    """With zeros around it, as neighbours of the first cells."""
    return np.pad(grid, ((2, 0), (2, 2)))


def _packed(grid: Grid, ones: NDArray[np.int64]) -> Bits:
    return np.asarray(bilevel_kernel.encode(_framed(grid), ones))


def _unpacked(bits: Bits, side: int, ones: NDArray[np.int64]) -> Grid:
    framed = _framed(np.zeros((side, side), np.uint8))
    bilevel_kernel.decode(framed, bits, ones)
    return framed[2:, 2:-2]


def fit(sketches: Reals) -> NDArray[np.uint16]:
    """Probabilities as in FILE, measured on sketches (N, SIZE, SIZE) in [0, 1]."""
    made = np.empty((len(SIDES), 1 << NEIGHBOURS), np.uint16)
    thinned = [thin(sketch) & (sketch >= THRESHOLD) for sketch in sketches]
    for number, side in enumerate(SIDES):
        counts = np.zeros((1 << NEIGHBOURS, 2), np.int64)
        for lines in thinned:
            bilevel_kernel.count(_framed(shrunk(lines, side)), counts)
        share = (counts[:, 1] + 0.4) / (counts.sum(axis=1) + 0.8)
        made[number] = np.clip(np.rint(share * ONE), LEAST, ONE - LEAST).astype(np.uint16)
    return made


def main() -> None:
    """The command."""
    from safetensors.numpy import save_file

    from gvsc.training.photos import load_crops
    from transmitter.extract import sketch

    parser = argparse.ArgumentParser(prog="python -m gvsc.bench.codec.bilevel", description="Fits the bilevel code.")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--to", type=Path, default=FILE)
    options = parser.parse_args()
    crops, rng = load_crops(options.data), np.random.default_rng(DEFAULT_SEED)
    frames = np.stack([crops.draw(SIZE, rng) for _ in range(CROPS)])
    save_file(
        {"ones": fit(sketch.load().extract(frames))}, options.to, {"crops": str(CROPS), "seed": str(DEFAULT_SEED)}
    )
    options.to.chmod(0o644)


if __name__ == "__main__":
    main()

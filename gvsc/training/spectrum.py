"""What photos are like on average, for the linear code: colour axes, mean grey level, variance by frequency."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from common.codecs.linear import GRID, cosines
from gvsc.training.photos import Crops

_SMOOTH_BEYOND = 12
"""Frequencies (sum of both indices) beyond which the table is smoothed: below, every line is well measured."""


def fit(crops: Crops, rng: np.random.Generator, *, count: int = 600) -> dict[str, Tensor]:
    """Statistics of ``count`` crops.

    ``colour`` (3, 3): colour axes by descending variance; ``mean`` (); ``log_variances`` (3, GRID, GRID) of the cosine
    coefficients of whole crops; ``deviations`` (3, 16, 16), standard deviations of those of 16×16 patches.
    """
    pictures = torch.cat([crops.batch(20, GRID, rng) for _ in range(count // 20)])
    colour, mean = colour_axes(pictures)
    matrix = cosines(GRID)
    rotated = torch.einsum("bchw,cd->bdhw", pictures - mean, colour)
    spectra = matrix @ rotated @ matrix.T
    variances = spectra.square().mean(dim=0)
    # a picture turned by a quarter is as likely, and neighbouring frequencies are alike
    table = (0.5 * (variances + variances.transpose(1, 2))).log().numpy()
    smooth = smoothed(smoothed(table, 1), 2)
    index = np.arange(GRID)
    table = np.where(index[:, None] + index[None, :] > _SMOOTH_BEYOND, smooth, table)
    # as they are stored: both ends must order the frequencies alike, in training too
    found = {
        "colour": colour,
        "mean": mean,
        "log_variances": torch.from_numpy(table).float(),
        "deviations": patch_deviations(rotated),
    }
    return {name: tensor.half().float() for name, tensor in found.items()}


def smoothed(table: NDArray[np.floating], axis: int, sigma: float = 2.0) -> NDArray[np.float64]:
    """A Gaussian filter along one axis, cut off at 4σ; beyond the ends the table is mirrored."""
    reach = round(4.0 * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(table, [(reach, reach) if dim == axis else (0, 0) for dim in range(table.ndim)], mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(weights), axis=axis)
    made: NDArray[np.float64] = windows @ (weights / weights.sum())
    return made


def colour_axes(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Of pictures (B, 3, H, W): colour axes by descending variance as columns (3, 3), and the mean grey level ()."""
    mean = pictures.mean()
    samples = (pictures - mean).transpose(0, 1).reshape(3, -1)
    return torch.linalg.eigh(samples @ samples.T / samples.shape[1])[1].flip(1).contiguous(), mean


def patch_deviations(rotated: Tensor, side: int = 16) -> Tensor:
    """Standard deviations (3, side, side) of the cosine coefficients of patches, by colour axis and frequency."""
    patches = rotated.unflatten(3, (-1, side)).unflatten(2, (-1, side)).movedim(3, 4)
    matrix = cosines(side)
    return (matrix @ patches @ matrix.T).square().mean(dim=(0, 2, 3)).sqrt()

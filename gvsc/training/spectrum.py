"""What photos are like on average, for the linear code: colour axes, mean grey level, variance by frequency."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from common.codecs.linear import GRID, cosines
from gvsc.training.photos import Crops

_SMOOTH_BEYOND = 12
"""Frequencies (sum of both indices) beyond which the table is smoothed: below, every line is well measured."""


def fit(crops: Crops, rng: np.random.Generator, *, count: int = 600) -> tuple[Tensor, Tensor, Tensor]:
    """Colour axes (3, 3) by descending variance, mean (), and log variances (3, GRID, GRID) over ``count`` crops."""
    pictures = torch.cat([crops.batch(20, GRID, rng) for _ in range(count // 20)])
    mean = pictures.mean()
    samples = (pictures - mean).transpose(0, 1).reshape(3, -1)
    colour = torch.linalg.eigh(samples @ samples.T / samples.shape[1])[1].flip(1).contiguous()
    matrix = cosines(GRID)
    spectra = matrix @ torch.einsum("bchw,cd->bdhw", pictures - mean, colour) @ matrix.T
    variances = spectra.square().mean(dim=0)
    # a picture turned by a quarter is as likely, and neighbouring frequencies are alike
    table = (0.5 * (variances + variances.transpose(1, 2))).log().numpy()
    smooth = np.stack([gaussian_filter(plane, 2.0, mode="reflect") for plane in table])
    index = np.arange(GRID)
    table = np.where(index[:, None] + index[None, :] > _SMOOTH_BEYOND, smooth, table)
    # as they are stored: both ends must order the frequencies alike, in training too
    return colour.half().float(), mean.half().float(), torch.from_numpy(table).half().float()

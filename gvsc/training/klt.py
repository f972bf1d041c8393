"""The KLT of picture blocks from the prepared photos: covariance, made symmetric, and its strongest components."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from common.codecs.klt import BLOCK
from gvsc.training.photos import Crops


def fit(
    crops: Crops, coefficients: int, rng: np.random.Generator, *, count: int = 6000
) -> tuple[Tensor, Tensor, Tensor]:
    """Basis (K, 3·BLOCK²) of orthonormal rows, variances (K,) descending, and the mean grey level ().

    ``count`` crops of 128×128 are drawn; the covariance is averaged over the eight orientations of each block.
    """
    length = 3 * BLOCK * BLOCK
    batches, level = count // 50, 0.46
    covariance = torch.zeros(length, length, dtype=torch.float64)
    total, samples = 0.0, 0
    for _ in range(batches):
        pictures = crops.batch(50, 128, rng)
        blocks = pictures.unfold(2, BLOCK, BLOCK).unfold(3, BLOCK, BLOCK).permute(0, 2, 3, 1, 4, 5)
        blocks = blocks.reshape(-1, 3, BLOCK, BLOCK)
        total += float(blocks.sum())
        samples += len(blocks)
        vectors = (blocks - level).reshape(len(blocks), length)
        covariance += (vectors.T @ vectors).double()
    shape = (3, BLOCK, BLOCK)
    for rows in (lambda t: t.transpose(1, 2), lambda t: t.flip(1), lambda t: t.flip(2)):
        index = rows(torch.arange(length).reshape(shape)).reshape(length)
        covariance = 0.5 * (covariance + covariance[index][:, index])
    values, vectors = torch.linalg.eigh((covariance / samples).float())
    order = torch.argsort(values, descending=True)[:coefficients]
    return vectors[:, order].T.contiguous(), values[order], torch.tensor(total / (samples * length))

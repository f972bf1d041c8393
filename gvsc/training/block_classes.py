"""What the adaptive codec's classes and tables are fitted to: blocks of photos (``common.codecs.djscc.block_classes``).

Classes are found by k-means with the likelihood of a zero-mean Gaussian for a distance, so a class is the mean energy
of each coefficient over its blocks; where a class has few blocks it is drawn to what all blocks are like.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from common.codecs.djscc import allocation, levels
from common.codecs.djscc.adaptive import AdaptiveModel
from common.codecs.djscc.block_classes import ACTIVITIES, FLOOR, PLANE, BlockClasses
from common.codecs.djscc.multiples import MAGNITUDES, TABLES, TOTAL, Multiples
from common.codecs.lapped import BLOCK, matrix
from common.codecs.linear import cosines
from common.conventions import SIZE
from gvsc.training import photos
from gvsc.training.photos import PictureSource
from gvsc.training.spectrum import colour_axes, patch_deviations

CLASSES = 256
ITERATIONS = 10

_SHRINKAGE = 3.0
"""Blocks of the common shape that are added to each class."""

_CONTEXT_SHRINKAGE = 8.0
"""Blocks of all contexts that are added to each context."""

_PLANE_OFFSET = 4.0


def fit(
    source: PictureSource, rng: np.random.Generator, *, count: int = 1500, classes: int = CLASSES
) -> dict[str, Tensor]:
    """The tensors of an ``AdaptiveModel`` that are fitted, of ``count`` crops of 256×256, by name."""
    pictures = torch.cat([photos.batch(source, 20, SIZE, rng) for _ in range(max(1, count // 20))])
    colour, mean = colour_axes(pictures)
    deviations = patch_deviations(torch.einsum("bchw,cd->bdhw", pictures - mean, colour))
    # as they are stored: both ends must transform alike
    colour, mean = colour.half().float(), mean.half().float()
    blocks = torch.cat([_analysed(part, colour, mean) for part in pictures.split(50)])
    del pictures
    squares = blocks.flatten(3).square().flatten(0, 2)
    squares[:, :: BLOCK * BLOCK] = 0.0
    variances, shares = _clustered(squares, classes, rng)
    del squares
    level = levels.of(variances).to(torch.int8).view(classes, 3, BLOCK, BLOCK)
    plane = _plane_levels(blocks[..., 0, 0].square().mean(dim=0))
    contexts = (ACTIVITIES + 1) ** 2
    flat = torch.full((contexts, classes), 1, dtype=torch.int32)
    plain = BlockClasses(level, plane, torch.zeros(classes, dtype=torch.uint8), flat)
    found = torch.cat([(plain.costs(part) - 2.0 * shares.log()).argmin(dim=3) for part in blocks.split(50)])
    activity = _activities(level, found)
    grouped = BlockClasses(level, plane, activity, flat)
    joint = torch.bincount((grouped.contexts(found) * classes + found).flatten(), minlength=contexts * classes)
    prior = torch.bincount(found.flatten(), minlength=classes).double() + 1.0
    frequencies = _frequencies(joint.view(contexts, classes) + _CONTEXT_SHRINKAGE * prior / prior.sum())
    known = BlockClasses(level, plane, activity, frequencies)
    multiples = _multiples(known, blocks[:: max(1, len(blocks) // 150)], rng)
    return {
        "colour": colour,
        "mean": mean,
        "deviations": deviations.half().float(),
        **{f"classes.{name}": tensor for name, tensor in known.state_dict().items()},
        **{f"multiples.{name}": tensor for name, tensor in multiples.items()},
    }


def model(fitted: dict[str, Tensor]) -> AdaptiveModel:
    """The model with fitted classes and tables, and networks of zero output."""
    classes = BlockClasses(*(fitted[f"classes.{name}"] for name in ("level", "plane_level", "activity", "frequencies")))
    multiples = Multiples(*(fitted[f"multiples.{name}"] for name in ("frequencies", "remainder", "mean_bits")))
    return AdaptiveModel(fitted["colour"], fitted["mean"], fitted["deviations"], classes, multiples)


def _analysed(pictures: Tensor, colour: Tensor, mean: Tensor) -> Tensor:
    """As ``AdaptiveModel.analyse``: (B, 8, 8, 3, BLOCK, BLOCK)."""
    lapped = matrix(pictures.shape[2])
    spectrum = lapped @ torch.einsum("bchw,cd->bdhw", pictures - mean, colour) @ lapped.T
    blocks = spectrum.unflatten(3, (-1, BLOCK)).unflatten(2, (-1, BLOCK)).permute(0, 2, 4, 1, 3, 5).contiguous()
    plane = blocks[..., 0, 0].permute(0, 3, 1, 2)
    transform = cosines(plane.shape[2])
    blocks[..., 0, 0] = (transform @ plane @ transform.T).permute(0, 2, 3, 1)
    return blocks


def _clustered(squares: Tensor, classes: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Variances (classes, K) and shares (classes,) of squared coefficients (N, K)."""
    mean = squares.mean(dim=0)
    first = squares[torch.from_numpy(rng.choice(len(squares), classes, replace=False))]
    variances = 0.5 * first + 0.5 * mean * (first.sum(dim=1, keepdim=True) / mean.sum())
    shares = torch.full((classes,), 1.0 / classes)
    for _ in range(ITERATIONS):
        inverse, constant = 1.0 / (variances + FLOOR), (variances + FLOOR).log().sum(dim=1) - 2.0 * shares.log()
        found = torch.cat([(part @ inverse.T + constant).argmin(dim=1) for part in squares.split(8192)])
        counts = torch.bincount(found, minlength=classes).float()
        sums = torch.zeros_like(variances).index_add_(0, found, squares)
        size = (sums.sum(dim=1) / counts.clamp_min(1.0) / mean.sum()).clamp_min(1e-6)
        variances = (sums + _SHRINKAGE * mean * size[:, None]) / (counts + _SHRINKAGE)[:, None]
        empty = torch.nonzero(counts < 5)[:, 0]
        if len(empty):
            split = torch.from_numpy(rng.choice(classes, len(empty), p=(counts / counts.sum()).double().numpy()))
            noise = torch.from_numpy(rng.normal(0.0, 0.3, (len(empty), squares.shape[1]))).float()
            variances[empty] = variances[split] * noise.exp()
        shares = (counts + 1.0) / (counts + 1.0).sum()
    return variances, shares


def _plane_levels(variances: Tensor) -> Tensor:
    """Levels int8 (3, PLANE, PLANE) from variances (8, 8, 3) of planes of 256×256 pictures: a power law of the
    frequency, and what the nearest measured frequency differs from it by."""
    step = PLANE // variances.shape[0]
    measured = torch.arange(variances.shape[0]) * float(step)
    wanted = torch.arange(float(PLANE))
    at = (measured[:, None].square() + measured.square() + _PLANE_OFFSET).log()
    everywhere = (wanted[:, None].square() + wanted.square() + _PLANE_OFFSET).log()
    nearest = (wanted / step).round().long().clamp_max(len(measured) - 1)
    made = []
    for table in variances.unbind(dim=2):
        logarithm = 0.5 * (table.log() + table.log().T)
        design = torch.stack([torch.ones(at.numel() - 1), at.flatten()[1:]], dim=1)
        offset, slope = torch.linalg.lstsq(design, logarithm.flatten()[1:, None]).solution[:, 0]
        rest = logarithm - (offset + slope * at)
        rest[0, 0] = 0.0
        fitted = (offset + slope * everywhere + rest[nearest][:, nearest]).exp()
        fitted[0, 0] = 4.0 * table[0, 0]
        made.append(levels.of(fitted))
    return torch.stack(made).to(torch.int8)


def _activities(level: Tensor, found: Tensor) -> Tensor:
    """Groups of about equally many blocks, by how much is in a class: uint8 (classes,)."""
    size = (levels.variance(level.long()).flatten(1) + FLOOR).log().sum(dim=1)
    order = size.argsort()
    before = torch.bincount(found.flatten(), minlength=len(level))[order].double().cumsum(dim=0)
    group = (before / before[-1] * ACTIVITIES - 1e-4).floor().clamp(0, ACTIVITIES - 1)
    return torch.empty(len(level), dtype=torch.uint8).index_copy_(0, order, group.to(torch.uint8))


def _frequencies(counts: Tensor) -> Tensor:
    """Integers, at least 1, in proportion to each row of counts, adding up to TOTAL: int32."""
    shares = counts / counts.sum(dim=1, keepdim=True)
    made = (shares * (TOTAL - counts.shape[1])).floor().long() + 1
    made[torch.arange(len(made)), made.argmax(dim=1)] += TOTAL - made.sum(dim=1)
    return made.int()


def _multiples(classes: BlockClasses, blocks: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
    """The tensors of ``Multiples``, from coefficients in units of their class's deviation."""
    found = torch.cat([classes.costs(part).argmin(dim=3) for part in blocks.split(50)])
    level = classes.levels(found, 1, *blocks.shape[1:3])
    used = level > levels.LEAST + 8
    scaled = (blocks / levels.variance(level).sqrt().float())[used]
    scaled = scaled[torch.from_numpy(rng.integers(len(scaled), size=1_500_000))]
    counts, remainder = [], []
    one = torch.ones(())
    quantise: Callable[[Tensor], Tensor] = lambda values: allocation.quantised(values, one)  # noqa: E731
    for table in range(TABLES):
        values = scaled * 10.0 ** (0.05 * levels.STEP_DB * (allocation.LEAST_RATIO + table))
        multiple = quantise(values)
        counts.append(torch.bincount(multiple.abs().long().clamp_max(MAGNITUDES - 1), minlength=MAGNITUDES) + 0.5)
        remainder.append(levels.of((values - multiple).square().mean()))
    shares = torch.stack(counts).double()
    shares = shares / shares.sum(dim=1, keepdim=True)
    bits = -(shares * shares.log2()).sum(dim=1) + shares[:, 1:].sum(dim=1) + 3.0 * shares[:, -1]
    return {
        "frequencies": _frequencies(shares),
        "remainder": torch.stack(remainder).to(torch.int8),
        "mean_bits": bits.float(),
    }

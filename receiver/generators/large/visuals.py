"""Pictures as the large models want them: sizes, lines, and which frames of a longer clip are kept."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

Pictures = NDArray[np.float32]

LINE = 0.3
"""What is at least so bright in a sketch is a line (docs/conventions.md, ``edge_f1``)."""


def working_size(height: int, width: int, side: int, multiple: int) -> tuple[int, int]:
    """Height and width of about the same shape as ``height``×``width`` and the area side², both multiples of
    ``multiple`` pixels and at least that."""
    scale = side / (height * width) ** 0.5

    def rounded(length: int) -> int:
        return max(multiple, int(length * scale / multiple + 0.5) * multiple)

    return rounded(height), rounded(width)


def resized(pictures: Pictures, size: tuple[int, int]) -> Pictures:
    """Float32 (N, C, H, W) in [0, 1] as (N, C, *size), bicubic, smoothed where it shrinks; the same if it fits."""
    if pictures.shape[-2:] == size:
        return pictures
    scaled = torch.nn.functional.interpolate(
        torch.from_numpy(np.ascontiguousarray(pictures)), size=size, mode="bicubic", antialias=True
    )
    return scaled.clamp(0.0, 1.0).numpy()


def coloured(sketches: Pictures) -> Pictures:
    """Sketches (S, H, W) as grey pictures (S, 3, H, W)."""
    return np.ascontiguousarray(np.broadcast_to(sketches[:, None], (len(sketches), 3, *sketches.shape[1:])))


def images(pictures: Pictures) -> list[Image.Image]:
    """Pictures (N, 3, H, W) as images of 8 bits, for pipelines that take nothing else."""
    return [Image.fromarray(np.rint(picture * 255.0).astype(np.uint8)) for picture in pictures.transpose(0, 2, 3, 1)]


def thinned(sketches: Pictures) -> Pictures:
    """Soft lines (S, H, W) as lines one pixel wide, 0.0 or 1.0, as Canny draws them."""
    from skimage.morphology import skeletonize

    return np.stack([skeletonize(sketch >= LINE) for sketch in sketches]).astype(np.float32)


def spread(frames: int, stride: int) -> int:
    """Frames of a clip ``stride`` times as many a second whose every ``stride``-th one, the first included, is one of
    ``frames``: 8 and 4 give 29."""
    return stride * (frames - 1) + 1


def held(pictures: Pictures, stride: int) -> Pictures:
    """Pictures (F, …) spread to :func:`spread` frames: picture k at frame stride·k and the stride − 1 before it.

    A causal video autoencoder of that temporal factor puts just these frames into one latent, so that within none of
    them one picture changes into another.
    """
    return np.repeat(pictures, stride, axis=0)[stride - 1 :]

"""What is known about a clip before anything is learned: a stationary Gaussian, and its exact denoiser.

Natural clips are alike from place to place and from frame to frame, so a cosine transform over time, height and width
nearly decorrelates their latents; the variance of each coefficient is tabled from training clips. Under that prior
the best estimate of a noisy clip is a Wiener filter. Around a received first frame the prior is that of what the
frame leaves open, tabled by SNR: motion, and what the channel destroyed.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

SNR_KNOTS_DB = (-2.0, 4.0, 10.0, 16.0, 30.0)
"""SNRs at which the prior around a received frame is tabled; 30 stands for a clean frame."""

TABLE_SIDE = 16
"""Latent height and width that the tables are made for; others are interpolated."""


class Spread(NamedTuple):
    """``variance`` (B, F, C, h, w) of the cosine coefficients; ``growth`` (B, F, C, 1, 1), mean one over the frames:
    how much of it is in each frame."""

    variance: Tensor
    growth: Tensor


class ClipPrior(nn.Module):
    """The tables: ``free`` (F, C, 16, 16) without a first frame; ``framed`` (knots·F, C, 16, 16) and ``growth``
    (knots, F, C) around one."""

    free: Tensor
    framed: Tensor
    growth: Tensor

    def __init__(self, channels: int, frames: int) -> None:
        super().__init__()
        side, knots = TABLE_SIDE, len(SNR_KNOTS_DB)
        self.register_buffer("free", torch.ones(frames, channels, side, side))
        self.register_buffer("framed", torch.ones(knots * frames, channels, side, side))
        self.register_buffer("growth", torch.ones(knots, frames, channels))

    def spread(self, has_frame: Tensor, snr_db: Tensor, times: Tensor, height: int, width: int) -> Spread:
        """The prior for each clip of a batch: ``has_frame`` (B,), ``snr_db`` (B,), ``times`` (F,) the frames meant."""
        knots = torch.tensor(SNR_KNOTS_DB, device=snr_db.device)
        value = snr_db.clamp(knots[0], knots[-1])
        upper = torch.searchsorted(knots, value).clamp(1, len(knots) - 1)
        part = (value - knots[upper - 1]) / (knots[upper] - knots[upper - 1])
        free = _resized(_folded(self.free[None], len(times)), height, width)
        framed = _resized(_folded(self.framed.unflatten(0, (len(knots), -1)), len(times)), height, width).log()
        around = torch.lerp(framed[upper - 1], framed[upper], part.view(-1, 1, 1, 1, 1)).exp()
        given = has_frame.view(-1, 1, 1, 1, 1) > 0
        growth = torch.lerp(self.growth[upper - 1], self.growth[upper], part.view(-1, 1, 1))[:, times, :, None, None]
        growth = growth / growth.mean(1, keepdim=True)
        return Spread(torch.where(given, around, free), torch.where(given, growth, torch.ones_like(growth)))


def _folded(table: Tensor, frames: int) -> Tensor:
    """Tables (N, F, C, h, w) for all frames, for every other one (pairs of frequencies fall together), or for one."""
    full = table.shape[1]
    if frames == full:
        return table
    if frames == 1:
        return table.mean(1, keepdim=True)
    if 2 * frames != full:
        raise ValueError(f"a prior for {full} frames serves {full}, {full // 2} or 1 frames, not {frames}")
    mirrored = torch.cat([torch.zeros_like(table[:, :1]), table[:, frames + 1 :].flip(1)], 1)
    return (table[:, :frames] + mirrored) / 2


def _resized(table: Tensor, height: int, width: int) -> Tensor:
    if table.shape[-2:] == (height, width):
        return table
    resized = functional.interpolate(
        table.flatten(0, 1).log(), size=(height, width), mode="bilinear", align_corners=False
    )
    return resized.exp().unflatten(0, table.shape[:2])


def cosines(count: int, device: torch.device | None = None) -> Tensor:
    """The orthonormal DCT-II as a matrix (count, count): rows are frequencies."""
    place = (torch.arange(count, device=device) + 0.5) * (torch.pi / count)
    matrix = torch.cos(torch.arange(count, device=device)[:, None] * place) * (2.0 / count) ** 0.5
    matrix[0] *= 0.5**0.5
    return matrix


def transform(clips: Tensor) -> Tensor:
    """Cosine coefficients over time, height and width of (B, F, C, h, w)."""
    return _along_axes(clips, [cosines(clips.shape[axis], clips.device) for axis in (1, 3, 4)])


def restore(coefficients: Tensor) -> Tensor:
    """The inverse of `transform`."""
    return _along_axes(coefficients, [cosines(coefficients.shape[axis], coefficients.device).T for axis in (1, 3, 4)])


def _along_axes(clips: Tensor, matrices: list[Tensor]) -> Tensor:
    over_time, over_height, over_width = matrices
    with torch.autocast(clips.device.type, enabled=False):
        turned = over_height @ (clips.float() @ over_width.T)
        return (over_time @ turned.flatten(2)).view_as(clips)

"""A first frame and its `Motion` to a clip: every part is carried to where it is in each frame, before the rest."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from receiver.generators.mini.mover import UNIT, Motion, belongs

_MARGIN = 0.12
"""Share of a part in a place from which on that place no longer counts as background."""


class Moved(NamedTuple):
    """``clip`` (B, F, 3, H, W); ``seen`` (B, F, 1, H, W) in [0, 1]: how far each place comes from within the borders of
    the first frame. What was behind a part there counts as seen: the mover's guess at it is the better one."""

    clip: Tensor
    seen: Tensor


def move(frame: Tensor, motion: Motion, height: int, width: int) -> Moved:
    """``frame`` (B, 3, H, W) moved on, as a clip of ``height`` by ``width``."""
    batch, parts = motion.logits.shape[:2]
    frames = motion.moves.shape[2]
    source = sources(motion, height, width)
    inside = ((source >= 0) & (source <= UNIT)).all(-1).float()
    sized = functional.interpolate(frame, (height, width), mode="area")
    logits = functional.interpolate(motion.logits, (height, width), mode="bilinear", align_corners=False)
    taken = 1 - belongs(logits)[:, :1]
    taken = functional.max_pool2d(taken, 2 * (width // 64) + 1, 1, width // 64)  # edges of parts are blurred
    hidden = taken.sub(_MARGIN).div(0.5 - _MARGIN).clamp(0, 1)
    fill = functional.interpolate(motion.fill, (height, width), mode="bilinear", align_corners=False)
    behind = _sampled(torch.cat([sized, fill, taken, hidden], 1), source[:, 0])
    shown, guessed, taken, hidden = behind.split([3, 3, 1, 1], 2)
    moved = [_sampled(torch.cat([sized, logits[:, n : n + 1]], 1), source[:, n + 1]) for n in range(parts)]
    alone = torch.stack([torch.where(inside[:, n + 1, :, None] > 0, moved[n][:, :, 3:], -8.0) for n in range(parts)])
    share = torch.cat([torch.zeros_like(alone[:1]), alone]).softmax(0)  # K + 1, B, F, 1, H, W
    # what a part hides is guessed as far as the part has gone: where nothing moves, nothing changes
    left = (1 - (1 - share[0]) / (taken + 1e-3)).clamp(0, 1)
    clip = share[0] * torch.lerp(shown, guessed, hidden * left)
    seen = share[0] * inside[:, 0, :, None]
    for n in range(parts):
        clip = clip + share[n + 1] * moved[n][:, :, :3]
        seen = seen + share[n + 1]
    return Moved(clip.view(batch, frames, 3, height, width), seen)


def carried_back(last: Tensor, motion: Motion, height: int, width: int) -> Tensor:
    """What the background of every frame shows, as far as ``last`` (B, 3, H, W), a picture of the last frame, has it:
    (B, F, 3, height, width)."""
    move, centre = motion.moves[:, 0, -1, None, None, None], motion.centres[:, 0, None, None, None]
    away = sources(motion, height, width)[:, 0] - centre
    size, turn = torch.exp(move[..., 2]), move[..., 3]
    cos, sin = torch.cos(turn) * size, torch.sin(turn) * size
    x = cos * away[..., 0] - sin * away[..., 1]
    y = sin * away[..., 0] + cos * away[..., 1]
    return _sampled(last, torch.stack([x, y], -1) + centre + move[..., :2])


def sources(motion: Motion, height: int, width: int) -> Tensor:
    """Where each place of each frame was in the first one, by part: (B, K + 1, F, height, width, 2), units of UNIT."""
    device = motion.moves.device
    ys, xs = (((torch.arange(n, device=device) + 0.5) * (UNIT / n)) for n in (height, width))
    here = torch.stack([xs.expand(height, width), ys[:, None].expand(height, width)], -1)
    centre = motion.centres[:, :, None, None, None]
    moves = motion.moves[:, :, :, None, None]
    away = here - centre - moves[..., :2]
    size, turn = torch.exp(-moves[..., 2]), -moves[..., 3]
    cos, sin = torch.cos(turn) * size, torch.sin(turn) * size
    x = cos * away[..., 0] - sin * away[..., 1]
    y = sin * away[..., 0] + cos * away[..., 1]
    return torch.stack([x, y], -1) + centre


def _sampled(pictures: Tensor, source: Tensor) -> Tensor:
    """Pictures (B, C, H, W) at the places (B, F, h, w, 2): (B, F, C, h, w). Beyond the border its colour goes on."""
    frames = source.shape[1]
    repeated = pictures[:, None].expand(-1, frames, -1, -1, -1).flatten(0, 1)
    grid = source.flatten(0, 1) * (2 / UNIT) - 1
    made = functional.grid_sample(repeated, grid, padding_mode="border", align_corners=False)
    return made.unflatten(0, (-1, frames))

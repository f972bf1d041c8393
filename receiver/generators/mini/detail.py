"""Detail of the received first frame that the latents cannot hold, carried along to where it still belongs."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from receiver.generators.mini.warp import warp

_AGREEMENT = 0.05  # a difference of this size, in [0, 1], between what was made and the moved first frame ends belief
_NEIGHBOURHOOD = 17  # pixels over which it is judged


def with_detail(decoded: Tensor, frame: Tensor, coarse: Tensor, flow: Tensor) -> Tensor:
    """The decoded clip (F, 3, H, W) with the first frame's fine detail put back.

    ``frame`` (3, H, W) is the received frame, ``coarse`` (3, H, W) what the latent's decoder makes of it, and ``flow``
    (F, 2, h, w) where each place of each frame comes from in the first. What ``coarse`` lacks is moved along the flow
    and added where the clip still shows the moved first frame; where it shows something else, nothing is added.
    """
    both = torch.cat([coarse, frame - coarse])[None]
    moved, detail = warp(both, flow[None])[0].chunk(2, 1)
    difference = (decoded - moved).square().mean(1, keepdim=True)
    margin = _NEIGHBOURHOOD // 2
    padded = functional.pad(difference, (margin, margin, margin, margin), mode="replicate")
    nearby = functional.avg_pool2d(padded, _NEIGHBOURHOOD, stride=1)
    return decoded + torch.exp(-nearby / (2 * _AGREEMENT**2)) * detail

"""Objects, or a pattern, drawn before what is painted. The painter's latents are too coarse to say to the pixel where
an object ends or what a thin line in it looks like; the layout is not."""

from __future__ import annotations

import torch
from torch import Tensor


def drawn(background: Tensor, tones: Tensor, colours: Tensor) -> Tensor:
    """``background`` (1, 3, H, W) with K things before it: ``tones`` (K, T, H, W) in [0, 1] is how much of each pixel
    each tone of each of them covers, hidden parts left out, ``colours`` (K, T, 3) are theirs."""
    shown = 1 - tones.sum((0, 1)).clamp(0, 1)
    return background * shown + torch.einsum("ktc,kthw->chw", colours, tones)[None]

"""The transmitter's search for the coefficients that displace the first frame best after the channel.

A field that minimises the error of displacements is not the one that minimises the error of the displaced frame: where
a scene is flat anything will do, and at a border what counts is which side wins. So the coefficients are moved along
the gradient of what a viewer loses, the mean over frames of the logarithm of the mean square error (that is, of PSNR),
at a quarter and then half of the resolution, through the whole chain: normalisation of power, channel noise, drawn anew
for each step, and the receiver's estimate. Without noise in the loop fields trust detail that does not arrive. What the
received first frame itself is off by is added to each frame's error as a constant: drawn as noise it would make
displacements by half a pixel look good, because they average it away.

Steps are Adam's (Kingma and Ba, 2015), in units of what each coefficient has in the mean, times the clip's own amount
of motion: a step that suits a pan would throw a still scene about.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from common.codecs.motion import basis
from common.codecs.motion.powers import Allocation
from common.codecs.motion.warp import warp

STEPS: Final = 90
RATE: Final = 0.2
"""The first step, as a share of a coefficient's expected deviation; it falls linearly."""

SHRINKS: Final = (4, 2)
"""The search sees pictures at 1 / 4 of their size in the first half of the steps, then at 1 / 2: large motion is found
sooner, and a step at a quarter costs a third."""

_BETAS: Final = 0.9, 0.99
_FRAME_SNRS_DB: Final = (-5.0, 0.0, 5.0, 10.0, 20.0)
_FRAME_DEVIATIONS: Final = (0.065, 0.051, 0.037, 0.030, 0.022)
"""Root mean square error of a received first frame, grey levels in [0, 1], by SNR: of `djscc-frame`, measured on
held-out training clips at 0, 5 and 10 dB."""

_JUDGES: Final = 4
"""Draws of the channel that decide whether motion is worth sending."""


class Search:
    """One clip's search: ``video`` (F, 3, H, W) in [0, 1], the transform in ``time`` (F − 1, K), what is sent by
    ``allocation``, and the channel's ``snr_db``.

    The same arguments and seed give the same bytes.
    """

    def __init__(self, video: Tensor, time: Tensor, allocation: Allocation, snr_db: float, seed: int = 0) -> None:
        self._pictures = {shrink: F.avg_pool2d(video, shrink) for shrink in SHRINKS}
        self._time = time
        self._allocation = allocation
        self._noise = 0.5 * 10.0 ** (-0.1 * snr_db)
        self._floor = float(np.interp(snr_db, _FRAME_SNRS_DB, _FRAME_DEVIATIONS)) ** 2
        self._draws = torch.Generator().manual_seed(seed)

    def refine(self, sent: Tensor, steps: int = STEPS) -> Tensor:
        """The coefficients that are sent, (n,), from those of a first guess."""
        allocation = self._allocation
        # the amount of motion, as the mean clip would have to be scaled
        scale = allocation.scale(sent)
        unit = RATE * allocation.variances.sqrt() * scale
        first, second = torch.zeros_like(sent), torch.zeros_like(sent)
        for step in range(steps):
            sent = sent.detach().requires_grad_()
            loss = self._errors(sent, SHRINKS[step * len(SHRINKS) // steps]).log().mean()
            (gradient,) = torch.autograd.grad(loss, sent)
            first = _BETAS[0] * first + (1.0 - _BETAS[0]) * gradient
            second = _BETAS[1] * second + (1.0 - _BETAS[1]) * gradient.square()
            down = first / (1.0 - _BETAS[0] ** (step + 1))
            root = (second / (1.0 - _BETAS[1] ** (step + 1))).sqrt()
            sent = sent.detach() - (1.0 - step / steps) * unit * down / (root + 1e-12)
        return sent

    @torch.no_grad()
    def gain_db(self, sent: Tensor) -> float:
        """What sending these coefficients is worth against repeating the first frame, in dB of PSNR, mean over frames
        and draws of the channel."""
        pictures = self._pictures[SHRINKS[-1]]
        still = (pictures[0] - pictures[1:]).square().flatten(1).mean(1) + self._floor
        gains = [still.log10() - self._errors(sent, SHRINKS[-1]).log10() for _ in range(_JUDGES)]
        return 10.0 * float(torch.stack(gains).mean())

    def _errors(self, sent: Tensor, shrink: int) -> Tensor:
        """Expected mean square error of each frame behind the channel, one draw of its noise: (F − 1,)."""
        pictures = self._pictures[shrink]
        allocation = self._allocation
        scale = allocation.scale(sent)
        noise = self._noise**0.5 * torch.randn(sent.shape, generator=self._draws)
        received = allocation.send(sent, scale) + noise
        found = spectrum(allocation, allocation.estimate(received, scale, self._noise))
        height, width = pictures.shape[2:]
        moved = warp(pictures[0], basis.to_pixels(basis.synthesise(found, self._time, height, width)))
        return (moved - pictures[1:]).square().flatten(1).mean(1) + self._floor


def spectrum(allocation: Allocation, sent: Tensor) -> Tensor:
    """All coefficients (K, 2, ORDER, ORDER) from those that are sent (n,); the others are 0."""
    shape = basis.STEPS, 2, basis.ORDER, basis.ORDER
    flat = torch.zeros(int(np.prod(shape))).index_copy(0, allocation.indices, sent)
    return flat.view(shape)

"""The space that `mini` paints in: a linear code of image patches, and a network that turns it back into a picture.

Each frame is cut into patches; a patch's coordinates along the first principal axes (KLT) of natural and of rendered
patches are its latent channels, so the encoder costs no training. Channels are divided by the square root of their
standard deviation: whitening them fully would spend the diffusion model on unpredictable fine detail, not scaling at
all would leave it only the mean colours. The decoder adds to the linear synthesis what a convolutional network has
learned. Where a sketch was received it sees that, too: latents hold sixteen pixels by sixteen in few numbers, and a
line says to the pixel where an edge is.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from receiver.generators.mini.layers import enlarged
from receiver.generators.mini.network import Network, configured

_SHUFFLE = 4
"""The network works on pictures of a quarter of the height and width, with sixteen times the channels."""


class PatchLatent(Network):
    """Frames (N, 3, H, W) in [0, 1] to latents (N, channels, H/patch, W/patch) and back.

    ``basis`` has orthonormal rows (channels, 3·patch²), ``mean`` is the mean patch, ``scale`` divides the channels.
    """

    basis: Tensor
    mean: Tensor
    scale: Tensor

    @configured
    def __init__(self, channels: int = 24, patch: int = 16, widths: tuple[int, int, int] = (32, 64, 128)) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.channels, self.patch = channels, patch
        self.register_buffer("basis", torch.zeros(channels, 3 * patch * patch))
        self.register_buffer("mean", torch.zeros(3 * patch * patch))
        self.register_buffer("scale", torch.ones(channels))
        shuffled = 3 * _SHUFFLE**2
        self.enter = nn.Conv2d(shuffled + _SHUFFLE**2 + 1, fine, 3, padding=1)
        self.fine_in = _Residual(fine)
        self.to_middle = nn.Conv2d(fine, middle, 3, stride=2, padding=1)
        self.middle_in = _Residual(middle)
        self.to_coarse = nn.Conv2d(middle, coarse, 3, stride=2, padding=1)
        self.coarse = nn.ModuleList(_Residual(coarse) for _ in range(2))
        self.from_coarse = nn.Conv2d(coarse, middle, 1)
        self.middle_out = _Residual(middle)
        self.from_middle = nn.Conv2d(middle, fine, 1)
        self.fine_out = _Residual(fine)
        self.leave = nn.Conv2d(fine, shuffled, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(cast(Tensor, self.leave.bias))

    def encode(self, frames: Tensor) -> Tensor:
        """Latents of frames, float32. Nothing is learned here."""
        size = self.patch
        count, _, height, width = frames.shape
        rows, columns = height // size, width // size
        cut = frames.reshape(count, 3, rows, size, columns, size).permute(0, 2, 4, 1, 3, 5).reshape(-1, 3 * size**2)
        # in float32 also under autocast: it stands at both ends of the diffusion, where rounding is seen
        with torch.autocast(frames.device.type, enabled=False):
            product = (cut.float() - self.mean) @ self.basis.T / self.scale
        return product.view(count, rows, columns, -1).permute(0, 3, 1, 2)

    def synthesise(self, latents: Tensor) -> Tensor:
        """The linear inverse of `encode`: the patches that the latents stand for, not clipped."""
        size = self.patch
        count, _, rows, columns = latents.shape
        with torch.autocast(latents.device.type, enabled=False):
            patches = (latents.float().permute(0, 2, 3, 1) * self.scale) @ self.basis + self.mean
        patches = patches.view(count, rows, columns, 3, size, size).permute(0, 3, 1, 4, 2, 5)
        return patches.reshape(count, 3, rows * size, columns * size)

    def decode(self, latents: Tensor, sketches: Tensor | None = None, trust: Tensor | None = None) -> Tensor:
        """Frames (N, 3, H, W), not clipped. ``sketches`` (N, 1, H, W) in [0, 1]; ``trust`` (N,) in [0, 1], one if left
        out, says how far each of them holds."""
        linear = self.synthesise(latents)
        count, _, height, width = linear.shape
        if sketches is None:
            sketches = linear.new_zeros(count, 1, height, width)
            trust = linear.new_zeros(count)
        elif trust is None:
            trust = linear.new_ones(count)
        assert trust is not None
        return linear + self.correct(linear, sketches, trust)

    def correct(self, linear: Tensor, sketches: Tensor, trust: Tensor) -> Tensor:
        """What the network adds to a linear synthesis."""
        given = trust.view(-1, 1, 1, 1)
        x = functional.pixel_unshuffle(torch.cat([linear - 0.5, sketches * given], 1), _SHUFFLE)
        x = torch.cat([x, given.expand(-1, 1, *x.shape[-2:])], 1).contiguous(memory_format=torch.channels_last)
        fine = self.fine_in(self.enter(x))
        middle = self.middle_in(self.to_middle(fine))
        x = self.to_coarse(middle)
        for block in self.coarse:
            x = block(x)
        x = self.middle_out(middle + enlarged(self.from_coarse(x)))
        x = self.fine_out(fine + enlarged(self.from_middle(x)))
        return functional.pixel_shuffle(self.leave(functional.silu(x)), _SHUFFLE).to(linear.dtype)


class _Residual(nn.Module):
    """x + conv(silu(conv(silu(x)))); the second convolution starts at zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(cast(Tensor, self.second.bias))

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(functional.silu(x))
        return x + cast(Tensor, self.second(functional.silu(y)))


def fit_basis(patches: Tensor, channels: int, patch: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (D,), orthonormal basis (channels, D) and scale (channels,) of patches (N, D) with D = 3·patch².

    Every patch counts with its mirror image, so that each axis is either even or odd: a picture's mirror image has the
    same latents, mirrored, but for signs. The scale is the square root of the standard deviation along each axis,
    times one constant that gives the scaled latents a mean square of one.
    """
    mirrored = patches.view(-1, 3, patch, patch).flip(3).reshape(len(patches), -1)
    mean = (patches.mean(0) + mirrored.mean(0)) / 2
    covariance = torch.zeros(len(mean), len(mean), dtype=torch.float64)
    for some in (*patches.split(20_000), *mirrored.split(20_000)):
        centred = (some - mean).double()
        covariance += centred.T @ centred
    variance, axes = torch.linalg.eigh(covariance / (2 * len(patches)))
    deviation = variance.flip(0)[:channels].clamp_min(1e-8).sqrt()
    scale = deviation.sqrt() * deviation.mean().sqrt()
    return mean, axes.T.flip(0)[:channels].float().contiguous(), scale.float()

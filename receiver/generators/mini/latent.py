"""The space that `mini` diffuses in: a linear code of image patches, and a small network that cleans its synthesis.

Each frame is cut into patches; a patch's coordinates along the first principal axes (KLT) of natural patches are
its latent channels, so the encoder costs no training. Channels are divided by the square root of their standard
deviation: whitening them fully would spend the diffusion model on unpredictable fine detail, not scaling at all
would leave it only the mean colours. The decoder adds to the linear synthesis what a convolutional network has
learned (patch edges, lost contrast); it starts as exactly zero.
"""

from __future__ import annotations

from typing import cast

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional


class PatchLatent(ModelMixin, ConfigMixin):
    """Frames (N, 3, H, W) in [0, 1] to latents (N, channels, H/patch, W/patch) and back.

    ``basis`` has orthonormal rows (channels, 3·patch²), ``mean`` is the mean patch, ``scale`` divides the channels.
    """

    basis: Tensor
    mean: Tensor
    scale: Tensor

    @register_to_config
    def __init__(self, channels: int = 96, patch: int = 16, width: int = 64, depth: int = 3) -> None:
        super().__init__()
        self.channels, self.patch = channels, patch
        self.register_buffer("basis", torch.zeros(channels, 3 * patch * patch))
        self.register_buffer("mean", torch.zeros(3 * patch * patch))
        self.register_buffer("scale", torch.ones(channels))
        self.enter = nn.Conv2d(48, width, 3, padding=1)
        self.blocks = nn.ModuleList(_Residual(width) for _ in range(depth))
        self.leave = nn.Conv2d(width, 48, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(cast(Tensor, self.leave.bias))

    def encode(self, frames: Tensor) -> Tensor:
        """Latents of frames, float32. Nothing is learned here."""
        return patch_product(frames, *self.analysis())

    def analysis(self) -> tuple[Tensor, Tensor]:
        """The encoder as a kernel (channels, 3, patch, patch) and an offset (channels,) for `patch_product`."""
        kernel = self.basis / self.scale[:, None]
        return kernel.view(self.channels, 3, self.patch, self.patch), -(kernel @ self.mean)

    def synthesise(self, latents: Tensor) -> Tensor:
        """The linear inverse of `encode`: the patches that the latents stand for, not clipped."""
        kernel = (self.basis * self.scale[:, None]).view(self.channels, 3, self.patch, self.patch)
        patches = functional.conv_transpose2d(latents, kernel, stride=self.patch)
        height, width = latents.shape[-2:]
        return patches + self.mean.view(3, self.patch, self.patch).repeat(1, height, width)

    def decode(self, latents: Tensor) -> Tensor:
        """Frames (N, 3, H, W), not clipped: the linear synthesis and the network's correction to it."""
        linear = self.synthesise(latents)
        return linear + self.correct(linear)

    def correct(self, linear: Tensor) -> Tensor:
        """What the network would add to a linear synthesis."""
        x = functional.pixel_unshuffle(linear - 0.5, 4).contiguous(memory_format=torch.channels_last)
        x = self.enter(x)
        for block in self.blocks:
            x = block(x)
        return functional.pixel_shuffle(self.leave(functional.silu(x)), 4).to(linear.dtype)


class _Residual(nn.Module):
    """x + conv(silu(conv(silu(x))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(cast(Tensor, self.second.bias))

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(functional.silu(x))
        return x + cast(Tensor, self.second(functional.silu(y)))


def patch_product(frames: Tensor, kernel: Tensor, offset: Tensor) -> Tensor:
    """A convolution of (N, 3, H, W) with stride equal to the kernel's size, as one float32 matrix product.

    In float32 also under autocast, because it stands at both ends of the diffusion, where rounding is seen.
    """
    patch = kernel.shape[-1]
    count, _, height, width = frames.shape
    rows, columns = height // patch, width // patch
    cut = frames.view(count, 3, rows, patch, columns, patch).permute(0, 2, 4, 1, 3, 5).reshape(-1, 3 * patch**2)
    with torch.autocast(frames.device.type, enabled=False):
        product = torch.addmm(offset, cut.float(), kernel.flatten(1).T)
    return product.view(count, rows, columns, -1).permute(0, 3, 1, 2)


def fit_basis(patches: Tensor, channels: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (D,), orthonormal basis (channels, D) and scale (channels,) of patches (N, D).

    The scale is the square root of the standard deviation along each axis, times one constant that gives the
    scaled latents a mean square of one.
    """
    mean = patches.mean(0)
    centred = (patches - mean).double()
    covariance = centred.T @ centred / len(patches)
    variance, axes = torch.linalg.eigh(covariance)
    deviation = variance.flip(0)[:channels].clamp_min(1e-8).sqrt()
    scale = deviation.sqrt() * deviation.mean().sqrt()
    return mean, axes.T.flip(0)[:channels].float().contiguous(), scale.float()

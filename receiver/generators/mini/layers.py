"""What the networks of `mini` are built from. Pictures are (B, C, H, W) with the channels last in memory."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

PLACES = 10
"""Channels of `places`."""


class ResBlock(nn.Module):
    """Norm, SiLU, convolution, twice; scale and shift from an embedding in between. The second one starts at zero."""

    def __init__(self, width_in: int, width: int, embedding: int) -> None:
        super().__init__()
        self.norm_in = nn.LayerNorm(width_in)
        self.first = nn.Conv2d(width_in, width, 3, padding=1)
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulate = nn.Linear(embedding, 2 * width)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.skip = nn.Conv2d(width_in, width, 1) if width_in != width else nn.Identity()
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(cast(Tensor, self.second.bias))

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """``x`` (B, C, H, W), ``embedding`` (B, E)."""
        y = self.first(functional.silu(channel_norm(x, self.norm_in)))
        scale, shift = self.modulate(functional.silu(embedding))[..., None, None].chunk(2, 1)
        y = functional.silu(channel_norm(y, self.norm) * (1 + scale) + shift)
        return cast(Tensor, self.skip(x) + self.second(y))


class SelfAttention(nn.Module):
    """Attention of all places (B, N, C) to each other, added; starts at zero."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        nn.init.zeros_(self.join.weight)
        nn.init.zeros_(self.join.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, value = (_split(y, self.heads) for y in self.qkv(self.norm(tokens)).chunk(3, -1))
        return tokens + cast(Tensor, self.join(_merge(functional.scaled_dot_product_attention(query, key, value))))


class WordAttention(nn.Module):
    """Attention of places (B, N, C) to words (B, L, D), added; starts at zero."""

    def __init__(self, width: int, word_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(word_width, 2 * width)
        self.join = nn.Linear(width, width)
        nn.init.zeros_(self.join.weight)
        nn.init.zeros_(self.join.bias)

    def forward(self, tokens: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        """``mask`` (B, L) is 1 for a word; a text without any gives nothing to look at."""
        query = _split(self.query(self.norm(tokens)), self.heads)
        key, value = (_split(y, self.heads) for y in self.key_value(words).chunk(2, -1))
        # one more place to look, which holds nothing
        key, value = (functional.pad(y, (0, 0, 1, 0)) for y in (key, value))
        seen = functional.pad(mask > 0, (1, 0), value=True)[:, None, None]
        # few words: plain matrix products are faster than the fused kernel
        weights = (query @ key.transpose(-1, -2) * key.shape[-1] ** -0.5).masked_fill(~seen, -1e4).softmax(-1)
        return tokens + cast(Tensor, self.join(_merge(weights.to(value.dtype) @ value)))


class TextInput(nn.Module):
    """Word vectors, standardised, and what a whole text is about: its mean vector along whitened axes.

    The statistics are buffers, set once from the training captions.
    """

    mean: Tensor
    axes: Tensor
    word_mean: Tensor
    word_scale: Tensor

    def __init__(self, width: int, topics: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("axes", torch.eye(topics, width))
        self.register_buffer("word_mean", torch.zeros(width))
        self.register_buffer("word_scale", torch.ones(width))

    def forward(self, text: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Text (B, L, D) and mask (B, L) to words (B, L, D) and topics (B, T), both zero where there is no text."""
        count = mask.sum(1, keepdim=True)
        pooled = (text * mask[..., None]).sum(1) / count.clamp_min(1.0)
        words = (text - self.word_mean) * self.word_scale * mask[..., None]
        return words, ((pooled - self.mean) @ self.axes.T) * (count > 0)

    @torch.no_grad()
    def fit(self, text: Tensor, mask: Tensor) -> None:
        """Set the statistics from word vectors (N, L, D) and their mask (N, L)."""
        words = text[mask > 0]
        self.word_mean.copy_(words.mean(0))
        self.word_scale.copy_(1 / words.std(0).clamp_min(1e-2))  # some dimensions never change
        pooled = (text * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        self.mean.copy_(pooled.mean(0))
        _, deviations, axes = torch.linalg.svd((pooled - self.mean) / len(pooled) ** 0.5, full_matrices=False)
        count = len(self.axes)
        self.axes.copy_(axes[:count] / deviations[:count, None].clamp_min(1e-3))


def attend(attention: nn.Module, x: Tensor, *others: Tensor) -> Tensor:
    """An attention over the places of a picture (B, C, H, W)."""
    height, width = x.shape[-2:]
    tokens = attention(x.permute(0, 2, 3, 1).flatten(1, 2), *others)
    return cast(Tensor, tokens.unflatten(1, (height, width)).permute(0, 3, 1, 2))


def channel_norm(x: Tensor, norm: nn.LayerNorm) -> Tensor:
    """A norm over the channels of (B, C, H, W), which lie last in memory."""
    return cast(Tensor, norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


def enlarged(x: Tensor) -> Tensor:
    """Twice as high and wide."""
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def places(height: int, width: int, device: torch.device | None = None) -> Tensor:
    """Coordinates as sines and cosines, (1, PLACES, height, width)."""
    ys = ((torch.arange(height, device=device) + 0.5) / height).view(1, 1, -1, 1).expand(1, 1, height, width)
    xs = ((torch.arange(width, device=device) + 0.5) / width).view(1, 1, 1, -1).expand(1, 1, height, width)
    both = torch.cat([xs, ys], 1)
    waves_of_both = [2 * both - 1]
    for octave in (1.0, 2.0):
        waves_of_both += [torch.sin(torch.pi * octave * both), torch.cos(torch.pi * octave * both)]
    return torch.cat(waves_of_both, 1)


def waves(value: Tensor) -> Tensor:
    """Numbers (B,) in about [0, 1] as 8 sines and 8 cosines, (B, 16)."""
    frequencies = torch.pi * 2.0 ** torch.arange(-1.0, 7.0, device=value.device) * 0.5
    angles = value[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], 1)


def _split(y: Tensor, heads: int) -> Tensor:
    return y.unflatten(-1, (heads, -1)).transpose(1, 2)


def _merge(y: Tensor) -> Tensor:
    return y.transpose(1, 2).flatten(2)

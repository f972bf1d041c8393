"""The denoiser of `mini`: what a noisy clip most probably was, given a description and, if sent, the first frame.

A convolutional U-Net over eight frames with two scales, temporal convolutions at the fine one, joint attention over
space and time and cross-attention to the words at the coarse one. It does not predict the clip from nothing: around
it stands a prior whose denoiser is known in closed form (`prior`; the idea of Karras et al. 2022's preconditioning,
carried further). Where a first frame was received, the prior's mean is that frame, *moved* by a flow that the network
predicts, and its variance is what motion and the channel are known to leave open at that SNR. The network adds a
residual in units of the prior's remaining deviation, and turns the filter's correction up or down place by place. So
an untrained network already keeps the frame and makes smooth clips, and training is spent on what moves, what is new
and what the words say.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from torch.nn import functional

from receiver.generators.mini.latent import patch_product
from receiver.generators.mini.prior import SNR_KNOTS_DB, ClipPrior, restore, transform
from receiver.generators.mini.warp import warp

_TOPICS = 64  # directions in which descriptions differ
_REACH = 16.0  # pixels that one unit of the flow head moves the last frame


class Denoised(NamedTuple):
    """``latents`` (B, F, C, h, w): the estimate of the clean clip. ``flow`` (B, F, 2, 2h, 2w): (x, y) in pixels, from
    each place of a frame to where it was in the first frame."""

    latents: Tensor
    flow: Tensor


class VideoUNet(ModelMixin, ConfigMixin):
    """Denoiser over latents of `PatchLatent`.

    ``prior`` is set from data, and so are ``text_mean`` (D,) and ``text_axes`` (64, D), which whiten descriptions, and
    ``word_mean`` and ``word_scale`` (D,), which standardise words: to a language model all captions are much alike,
    and what they differ in would be learned last. Everything else is learned.
    """

    text_mean: Tensor
    text_axes: Tensor
    word_mean: Tensor
    word_scale: Tensor

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 96,
        frames: int = 8,
        patch: int = 16,
        fine_width: int = 96,
        coarse_width: int = 256,
        coarse_blocks: int = 3,
        heads: int = 4,
        text_width: int = 384,
    ) -> None:
        super().__init__()
        self.frames, self.patch = frames, patch
        self.prior = ClipPrior(latent_channels, frames)
        topics = min(_TOPICS, text_width)
        self.register_buffer("text_mean", torch.zeros(text_width))
        self.register_buffer("text_axes", torch.eye(topics, text_width))
        self.register_buffer("word_mean", torch.zeros(text_width))
        self.register_buffer("word_scale", torch.ones(text_width))
        embedding = coarse_width
        self.embed = nn.Sequential(
            nn.Linear(16 + 16 + 1 + topics, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
        )
        self.words = nn.Linear(text_width, coarse_width)
        self.enter = nn.Conv2d(3 * latent_channels + 1 + _PLACE, fine_width, 3, padding=1)
        self.frame_number = nn.Parameter(torch.zeros(frames, fine_width, 1, 1))
        self.fine_in = _ResBlock(fine_width, fine_width, embedding)
        self.time_in = _TimeConv(fine_width)
        self.down = nn.Conv2d(fine_width, coarse_width, 3, stride=2, padding=1)
        self.place = nn.Linear(_PLACE + frames, coarse_width)
        self.coarse = nn.ModuleList(
            # attention over everything is dear on a CPU: once, in the middle; elsewhere time is mixed locally
            _CoarseBlock(coarse_width, embedding, heads, joint=number == coarse_blocks // 2)
            for number in range(coarse_blocks)
        )
        self.up = nn.Conv2d(coarse_width, fine_width, 3, padding=1)
        self.fine_out = _ResBlock(2 * fine_width, fine_width, embedding)
        self.time_out = _TimeConv(fine_width)
        self.norm = nn.LayerNorm(fine_width)
        self.leave = nn.Conv2d(fine_width, latent_channels + 8 + 1, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(cast(Tensor, self.leave.bias))

    def forward(
        self,
        noisy: Tensor,
        noise_level: Tensor,
        text: Tensor,
        text_mask: Tensor,
        frame: Tensor,
        has_frame: Tensor,
        snr_db: Tensor,
        basis: Tensor,
        offset: Tensor,
        times: Tensor | None = None,
    ) -> Denoised:
        """Estimate the clean latents.

        ``noisy`` (B, F, C, h, w) = (1 - t)·clean + t·noise; ``noise_level`` t (B,) in (0, 1]; ``text`` (B, L, D) word
        embeddings with ``text_mask`` (B, L), all zero for no description; ``frame`` (B, 3, H, W) the received first
        frame in [0, 1], ignored where ``has_frame`` (B,) is 0; ``snr_db`` (B,); ``basis`` (C, 3, p, p) and ``offset``
        (C,) the linear encoder that turns frames into latents; ``times`` (F,) which frames of the clip these are
        (training may leave some out), all of them by default.
        """
        batch, frames, _, height, width = noisy.shape
        times = torch.arange(frames, device=noisy.device) if times is None else times
        t = noise_level.view(-1, 1, 1, 1, 1)
        given = has_frame.view(-1, 1, 1, 1, 1)
        anchor = patch_product(frame, basis, offset)[:, None] * given
        variance, growth = self.prior.spread(has_frame, snr_db, times, height, width)
        total = (1 - t) ** 2 * variance + t**2
        gain = (1 - t) * variance / total
        overall = variance.mean((1, 3, 4), keepdim=True)  # (B, 1, C, 1, 1)
        surprise = noisy - (1 - t) * anchor
        filtered = restore(gain * transform(surprise))
        # the filter knows no frame from another; this brings in that later frames have moved further
        share = growth * ((1 - t) ** 2 * overall + t**2) / ((1 - t) ** 2 * overall * growth + t**2)
        filtered = filtered * share
        unit = self.prior.free.mean((0, 2, 3)).sqrt().view(1, 1, -1, 1, 1)
        place = _place(height, width, noisy.device)
        inputs = torch.cat(
            [
                (surprise / ((1 - t) ** 2 * overall + t**2).sqrt()).flatten(0, 1),
                ((anchor + filtered) / unit).flatten(0, 1),
                (anchor / unit).expand_as(noisy).flatten(0, 1),
                given.expand(batch, frames, 1, height, width).flatten(0, 1),
                place.expand(batch * frames, -1, -1, -1),
            ],
            1,
        )
        residual, flow, gate = self._network(inputs, noise_level, text, text_mask, has_frame, snr_db, times)
        mean = anchor.expand_as(noisy)
        framed = has_frame > 0
        if bool(framed.any()):
            pictures = warp(frame[framed], flow[framed])
            moved = patch_product(pictures.flatten(0, 1), basis, offset).unflatten(0, pictures.shape[:2])
            further = (gain * (1 - t))[framed] * transform(moved - mean[framed])
            mean = mean.index_put((framed,), moved)
            filtered = filtered.index_put((framed,), -restore(further) * share[framed], accumulate=True)
        deviation = ((variance * t**2 / total).mean((1, 3, 4), keepdim=True) * growth).sqrt()
        estimate = mean + 2.0 * gate.sigmoid() * filtered + deviation * residual
        return Denoised(estimate, flow)

    def _network(
        self,
        inputs: Tensor,
        noise_level: Tensor,
        text: Tensor,
        text_mask: Tensor,
        has_frame: Tensor,
        snr_db: Tensor,
        times: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Residual (B, F, C, h, w), flow (B, F, 2, 2h, 2w) in pixels, gate (B, F, 1, h, w)."""
        batch, frames = len(noise_level), len(times)
        pooled = (text * text_mask[..., None]).sum(1) / text_mask.sum(1, keepdim=True).clamp_min(1.0)
        snr_unit = (snr_db.clamp(SNR_KNOTS_DB[0] - 3, SNR_KNOTS_DB[-1]) + 5.0) / 35.0
        described = torch.cat(
            [
                _waves(noise_level),
                _waves(snr_unit) * has_frame[:, None],
                has_frame[:, None],
                ((pooled - self.text_mean) @ self.text_axes.T) * (text_mask.sum(1, keepdim=True) > 0),
            ],
            1,
        )
        emb = self.embed(described)
        words = self.words((text - self.word_mean) * self.word_scale * text_mask[..., None])
        x = self.enter(inputs.contiguous(memory_format=torch.channels_last))
        x = x + self.frame_number[times].repeat(batch, 1, 1, 1)
        fine = self.time_in(self.fine_in(x, emb), frames)
        x = self.down(fine)
        x = x + self._coarse_place(x, times, batch)
        for block in self.coarse:
            x = block(x, emb, words, text_mask, frames)
        x = functional.interpolate(self.up(x), scale_factor=2.0, mode="nearest")
        x = self.time_out(self.fine_out(torch.cat([x, fine], 1), emb), frames)
        x = _channel_norm(x, self.norm)
        out = self.leave(functional.silu(x)).float().unflatten(0, (batch, frames))
        channels = out.shape[2] - 9
        ramp = times.view(1, -1, 1, 1, 1) / (self.frames - 1)
        flow = out[:, :, channels : channels + 8].flatten(0, 1)
        flow = functional.pixel_shuffle(flow, 2).unflatten(0, (batch, frames)) * ramp * _REACH
        return out[:, :, :channels], flow, out[:, :, channels + 8 :]

    def _coarse_place(self, x: Tensor, times: Tensor, batch: int) -> Tensor:
        """Where and when each coarse position is, (B·F, C, h, w)."""
        height, width = x.shape[-2:]
        where = _place(height, width, x.device).permute(0, 2, 3, 1).expand(len(times), -1, -1, -1)
        when = torch.eye(self.frames, device=x.device)[times, None, None].expand(-1, height, width, -1)
        return self.place(torch.cat([where, when], -1)).permute(0, 3, 1, 2).repeat(batch, 1, 1, 1)


class _ResBlock(nn.Module):
    """Norm, scale and shift from the embedding, SiLU, convolution, twice; the second convolution starts at zero."""

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

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        y = self.first(functional.silu(_channel_norm(x, self.norm_in)))
        y = functional.silu(_modulated(_channel_norm(y, self.norm), self.modulate(functional.silu(emb))))
        return cast(Tensor, self.skip(x) + self.second(y))


class _TimeConv(nn.Module):
    """Each position mixed with its neighbours in time (three taps, zero padding), added; starts at zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Linear(3 * width, width)
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.mix.bias)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        y = functional.silu(self.norm(x.permute(0, 2, 3, 1))).unflatten(0, (-1, frames))
        padded = functional.pad(y, (0, 0, 0, 0, 0, 0, 1, 1))
        taps = torch.cat([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]], -1)
        return x + cast(Tensor, self.mix(taps)).flatten(0, 1).permute(0, 3, 1, 2)


class _CoarseBlock(nn.Module):
    """A residual block, then time (all positions of all frames attend to each other, or neighbours are mixed), then
    attention to the words."""

    def __init__(self, width: int, embedding: int, heads: int, joint: bool) -> None:
        super().__init__()
        self.res = _ResBlock(width, width, embedding)
        self.time = _JointAttention(width, heads) if joint else _TimeConv(width)
        self.read = _WordAttention(width, heads)

    def forward(self, x: Tensor, emb: Tensor, words: Tensor, text_mask: Tensor, frames: int) -> Tensor:
        x = self.time(self.res(x, emb), frames)
        height, width = x.shape[-2:]
        tokens = x.permute(0, 2, 3, 1).unflatten(0, (-1, frames)).flatten(1, 3)
        tokens = self.read(tokens, words, text_mask)
        return tokens.reshape(-1, height, width, tokens.shape[-1]).permute(0, 3, 1, 2)


class _JointAttention(nn.Module):
    """Self-attention over all positions of all frames of a clip, added; starts at zero."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        nn.init.zeros_(self.join.weight)
        nn.init.zeros_(self.join.bias)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        height, width = x.shape[-2:]
        tokens = x.permute(0, 2, 3, 1).unflatten(0, (-1, frames)).flatten(1, 3)
        query, key, value = (_split(y, self.heads) for y in self.qkv(self.norm(tokens)).chunk(3, -1))
        tokens = tokens + self.join(_merge(functional.scaled_dot_product_attention(query, key, value)))
        return tokens.reshape(-1, height, width, tokens.shape[-1]).permute(0, 3, 1, 2)


class _WordAttention(nn.Module):
    """Attention of the positions (B, N, C) to the words (B, L, C), added; starts at zero."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.join = nn.Linear(width, width)
        nn.init.zeros_(self.join.weight)
        nn.init.zeros_(self.join.bias)

    def forward(self, tokens: Tensor, words: Tensor, text_mask: Tensor) -> Tensor:
        query = _split(self.query(self.norm(tokens)), self.heads)
        key, value = (_split(y, self.heads) for y in self.key_value(words).chunk(2, -1))
        # one more place to look, which holds nothing: a clip without a description has no words at all
        key, value = (functional.pad(y, (0, 0, 1, 0)) for y in (key, value))
        seen = functional.pad(text_mask > 0, (1, 0), value=True)[:, None, None]
        # few words: plain matrix products are faster than the fused kernel
        weights = (query @ key.transpose(-1, -2) * key.shape[-1] ** -0.5).masked_fill(~seen, -1e4).softmax(-1)
        return tokens + cast(Tensor, self.join(_merge(weights.to(value.dtype) @ value)))


def _split(y: Tensor, heads: int) -> Tensor:
    return y.unflatten(-1, (heads, -1)).transpose(1, 2)


def _merge(y: Tensor) -> Tensor:
    return y.transpose(1, 2).flatten(2)


def _channel_norm(x: Tensor, norm: nn.LayerNorm) -> Tensor:
    """A norm over the channels of (N, C, H, W), which lie last in memory."""
    return cast(Tensor, norm(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


def _modulated(x: Tensor, scale_shift: Tensor) -> Tensor:
    """Scale and shift the channels of (B·F, C, H, W) by (B, 2C)."""
    frames = x.shape[0] // scale_shift.shape[0]
    scale, shift = scale_shift.repeat_interleave(frames, 0)[..., None, None].chunk(2, 1)
    return x * (1 + scale) + shift


_PLACE = 10


def _place(height: int, width: int, device: torch.device) -> Tensor:
    """Coordinates as sines and cosines, (1, 10, height, width)."""
    ys = ((torch.arange(height, device=device) + 0.5) / height).view(1, 1, -1, 1).expand(1, 1, height, width)
    xs = ((torch.arange(width, device=device) + 0.5) / width).view(1, 1, 1, -1).expand(1, 1, height, width)
    both = torch.cat([xs, ys], 1)
    waves = [2 * both - 1]
    for octave in (1.0, 2.0):
        waves += [torch.sin(torch.pi * octave * both), torch.cos(torch.pi * octave * both)]
    return torch.cat(waves, 1)


def _waves(value: Tensor) -> Tensor:
    """A number in about [0, 1] as 8 sines and 8 cosines, (B, 16)."""
    frequencies = torch.pi * 2.0 ** torch.arange(-1.0, 7.0, device=value.device) * 0.5
    angles = value[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], 1)

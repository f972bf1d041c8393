"""The denoiser of `mini`: a flow from noise to one frame, given a text, a sketch, and what is known of the frame."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from receiver.generators.mini.layers import (
    PLACES,
    ResBlock,
    SelfAttention,
    TextInput,
    WordAttention,
    attend,
    channel_norm,
    enlarged,
    places,
    waves,
)
from receiver.generators.mini.network import Network, configured

TRUST_FROM_DB, TRUST_SPAN_DB = -6.0, 26.0


def trust_of(snr_db: float | None) -> float:
    """How far pictures from a channel of ``snr_db`` are to be trusted, as the painter was trained: 0 at -6 dB, 1 from
    20 dB on and for pictures that came through none."""
    if snr_db is None:
        return 1.0
    return min(1.0, max(0.0, (snr_db - TRUST_FROM_DB) / TRUST_SPAN_DB))


class Painter(Network):
    """Noisy latents of a frame and conditions to an estimate of its clean latents.

    Behind the channels of the picture the latents have some of its `outline`: where objects are, and their shape. Where
    that is known it is given without noise (from text alone it is empty: `layout` draws the objects), else it is
    painted along with the picture. Without it an object's words had no place to go to.

    A U-Net of three scales. Around it stands what is known without learning: the variance of each channel, from which
    follow the share of the noisy latents that an estimate keeps and the size of what is left to estimate, so that the
    network's task is of unit size at every noise level (Karras et al. 2022, section 5, by channel).
    """

    variance: Tensor

    @configured
    def __init__(
        self,
        channels: int = 24,
        outline: int = 6,
        patch: int = 16,
        widths: tuple[int, int, int] = (64, 128, 256),
        blocks: tuple[int, int, int] = (1, 2, 3),
        sketch_width: int = 64,
        heads: int = 4,
        text_width: int = 384,
        topics: int = 96,
    ) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.channels, self.outline, self.patch = channels, outline, patch
        self.register_buffer("variance", torch.ones(channels + outline))
        self.text = TextInput(text_width, topics)
        self.embed = nn.Sequential(nn.Linear(32 + topics, coarse), nn.SiLU(), nn.Linear(coarse, coarse))
        self.words = nn.Linear(text_width, coarse)
        self.trace = nn.Conv2d(patch * patch, sketch_width, 1)
        self.enter = nn.Conv2d(2 * channels + outline + 3 + sketch_width + PLACES, fine, 3, padding=1)
        self.fine_in = nn.ModuleList(ResBlock(fine, fine, coarse) for _ in range(blocks[0]))
        self.to_middle = nn.Conv2d(fine, middle, 3, stride=2, padding=1)
        self.middle_in = nn.ModuleList(ResBlock(middle, middle, coarse) for _ in range(blocks[1]))
        self.read_in = WordAttention(middle, coarse, heads)
        self.to_coarse = nn.Conv2d(middle, coarse, 3, stride=2, padding=1)
        self.coarse = nn.ModuleList(ResBlock(coarse, coarse, coarse) for _ in range(blocks[2]))
        self.read = nn.ModuleList(WordAttention(coarse, coarse, heads) for _ in range(blocks[2]))
        self.look = nn.ModuleList(SelfAttention(coarse, heads) for _ in range(blocks[2]))
        self.from_coarse = nn.Conv2d(coarse, middle, 3, padding=1)
        self.middle_join = ResBlock(2 * middle, middle, coarse)
        self.read_out = WordAttention(middle, coarse, heads)
        self.middle_out = nn.ModuleList(ResBlock(middle, middle, coarse) for _ in range(blocks[1] - 1))
        self.from_middle = nn.Conv2d(middle, fine, 3, padding=1)
        self.fine_join = ResBlock(2 * fine, fine, coarse)
        self.fine_out = nn.ModuleList(ResBlock(fine, fine, coarse) for _ in range(blocks[0] - 1))
        self.norm = nn.LayerNorm(fine)
        self.leave = nn.Conv2d(fine, channels + outline, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(cast(Tensor, self.leave.bias))

    def forward(
        self,
        noisy: Tensor,
        noise_level: Tensor,
        text: Tensor,
        text_mask: Tensor,
        time: Tensor,
        known: Tensor,
        trust: Tensor,
        sketch: Tensor,
        sketch_trust: Tensor,
    ) -> Tensor:
        """The estimate (B, C + O, h, w) of the clean latents, O channels of outline last.

        ``noisy`` (B, C + O, h, w) = (1 - t)·clean + t·noise with t = ``noise_level`` (B,) in (0, 1]; ``text`` (B,
        L, D) and ``text_mask`` (B, L) as from `text.embed`; ``time`` (B,) in [0, 1] where in the clip the frame
        is; ``known`` (B, C, h, w) latents of what is known of the frame, ``trust`` (B, 2, h, w) in [0, 1] how
        far it holds here, and how far it shows the clip at another time; ``sketch`` (B, 1, H, W) in [0, 1], and
        ``sketch_trust`` (B,) in [0, 1] how far it holds, 0 for none.
        """
        estimate, _ = self.parts(noisy, noise_level, text, text_mask, time, known, trust, sketch, sketch_trust)
        return estimate

    def parts(
        self,
        noisy: Tensor,
        noise_level: Tensor,
        text: Tensor,
        text_mask: Tensor,
        time: Tensor,
        known: Tensor,
        trust: Tensor,
        sketch: Tensor,
        sketch_trust: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """`forward`, and the deviation (B, C + O, 1, 1) of what a linear filter leaves open, the unit of the loss."""
        t = noise_level.view(-1, 1, 1, 1)
        variance = self.variance.view(1, -1, 1, 1)
        total = (1 - t) ** 2 * variance + t**2
        deviation = (variance * t**2 / total).sqrt()
        words, topics = self.text(text, text_mask)
        embedding = self.embed(torch.cat([waves(noise_level), waves(time), topics], 1))
        words = self.words(words)
        given = sketch_trust.view(-1, 1, 1, 1)
        height, width = noisy.shape[-2:]
        unit = variance[:, : self.channels].sqrt()
        inputs = [
            noisy / total.sqrt(),
            known / unit * (trust.amax(1, keepdim=True) > 0),
            trust,
            self.trace(functional.pixel_unshuffle(sketch, self.patch)) * given,
            given.expand(-1, 1, height, width),
            places(height, width, noisy.device).expand(len(noisy), -1, -1, -1),
        ]
        residual = self._network(torch.cat(inputs, 1), embedding, words, text_mask).float()
        return (1 - t) * variance / total * noisy + deviation * residual, deviation

    def _network(self, inputs: Tensor, embedding: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        fine = self.enter(inputs.contiguous(memory_format=torch.channels_last))
        for block in self.fine_in:
            fine = block(fine, embedding)
        middle = self.to_middle(fine)
        for block in self.middle_in:
            middle = block(middle, embedding)
        middle = attend(self.read_in, middle, words, mask)
        x = self.to_coarse(middle)
        for block, read, look in zip(self.coarse, self.read, self.look, strict=True):
            x = attend(look, attend(read, block(x, embedding), words, mask))
        x = self.middle_join(torch.cat([enlarged(self.from_coarse(x)), middle], 1), embedding)
        x = attend(self.read_out, x, words, mask)
        for block in self.middle_out:
            x = block(x, embedding)
        x = self.fine_join(torch.cat([enlarged(self.from_middle(x)), fine], 1), embedding)
        for block in self.fine_out:
            x = block(x, embedding)
        return cast(Tensor, self.leave(functional.silu(channel_norm(x, self.norm))))

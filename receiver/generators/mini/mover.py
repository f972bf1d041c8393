"""The network of `mini` that says how a frame moves on: which parts of it there are, and where each goes."""

from __future__ import annotations

from typing import NamedTuple, cast

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
    enlarged,
    places,
)
from receiver.generators.mini.network import Network, configured

SIDE = 128
"""Height and width of the picture that the mover looks at; it is made of the first frame, whatever its size."""

UNIT = 256.0
"""Motion is in units of which the picture's side has so many: pixels of a 256x256 clip."""


LEAST_SHARE = 1e-3
"""Of a part in a place, where it is known."""


class Motion(NamedTuple):
    """``logits`` (B, K, h, w): how likely each place of the first frame belongs to each moving part, against 0 of the
    background; the mover's are 64 by 64. ``fill`` (B, 3, h, w) in about [0, 1]: what is behind the parts. ``moves``
    (B, K + 1, F, 4), the background first: shift x (right), shift y (down), logarithm of the size, angle (radians
    clockwise) since the first frame. ``centres`` (B, K + 1, 2): the point (x, y) about which a part grows and turns."""

    logits: Tensor
    fill: Tensor
    moves: Tensor
    centres: Tensor


def evenly(raw: Tensor) -> Tensor:
    """Moves (..., F, 4) from raw numbers (..., F + 1, 4). Most motion is even: one number for all frames, and what a
    frame differs by; nothing has moved in the first one."""
    ramp = torch.linspace(0.0, 1.0, raw.shape[-2] - 1, device=raw.device)[:, None]
    unit = torch.tensor([64.0, 64.0, 0.5, 1.0], device=raw.device)
    return (raw[..., :1, :] * ramp + 0.5 * raw[..., 1:, :] * (ramp > 0)) * unit


class Mover(Network):
    """First frame and text to `Motion`."""

    @configured
    def __init__(
        self,
        parts: int = 2,
        frames: int = 8,
        widths: tuple[int, int, int] = (48, 96, 192),
        coarse_blocks: int = 3,
        heads: int = 4,
        text_width: int = 384,
        topics: int = 96,
    ) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.parts, self.frames = parts, frames
        self.text = TextInput(text_width, topics)
        self.embed = nn.Sequential(nn.Linear(topics, coarse), nn.SiLU(), nn.Linear(coarse, coarse))
        self.words = nn.Linear(text_width, coarse)
        self.enter = nn.Conv2d(48 + PLACES, fine, 3, padding=1)
        self.fine_in = ResBlock(fine, fine, coarse)
        self.to_middle = nn.Conv2d(fine, middle, 3, stride=2, padding=1)
        self.middle_in = ResBlock(middle, middle, coarse)
        self.read_in = WordAttention(middle, coarse, heads)
        self.to_coarse = nn.Conv2d(middle, coarse, 3, stride=2, padding=1)
        self.coarse = nn.ModuleList(ResBlock(coarse, coarse, coarse) for _ in range(coarse_blocks))
        self.read = nn.ModuleList(WordAttention(coarse, coarse, heads) for _ in range(coarse_blocks))
        self.look = nn.ModuleList(SelfAttention(coarse, heads) for _ in range(coarse_blocks))
        self.from_coarse = nn.Conv2d(coarse, middle, 3, padding=1)
        self.middle_out = ResBlock(2 * middle, middle, coarse)
        self.read_out = WordAttention(middle, coarse, heads)
        self.from_middle = nn.Conv2d(middle, fine, 3, padding=1)
        self.fine_out = ResBlock(2 * fine, fine, coarse)
        self.leave = nn.Conv2d(fine, 4 * (parts + 3), 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        with torch.no_grad():
            bias = cast(Tensor, self.leave.bias)
            bias.zero_()
            bias[: 4 * parts] = -4.0
        self.part = nn.Parameter(torch.randn(parts + 1, coarse) * 0.02)
        # without the norm, what is seen drowns the words: the direction was never learned
        self.gather = nn.Sequential(nn.LayerNorm(middle), nn.Linear(middle, coarse))
        self.told = nn.ModuleList(WordAttention(coarse, coarse, heads) for _ in range(2))
        self.mix = nn.ModuleList(SelfAttention(coarse, heads) for _ in range(2))
        self.think = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(coarse), nn.Linear(coarse, 2 * coarse), nn.SiLU(), nn.Linear(2 * coarse, coarse))
            for _ in range(2)
        )
        self.where = nn.Linear(3, coarse)
        self.settle = nn.Sequential(nn.LayerNorm(coarse), nn.Linear(coarse, (frames + 1) * 4))
        nn.init.zeros_(cast(nn.Linear, self.settle[1]).weight)
        nn.init.zeros_(cast(Tensor, cast(nn.Linear, self.settle[1]).bias))

    def forward(self, frame: Tensor, text: Tensor, text_mask: Tensor) -> Motion:
        """``frame`` (B, 3, SIDE, SIDE) in [0, 1]; ``text`` (B, L, D) and ``text_mask`` (B, L) as from `text.embed`."""
        words, topics = self.text(text, text_mask)
        embedding = self.embed(topics)
        words = self.words(words)
        x = functional.pixel_unshuffle(frame - 0.5, 4)
        where = places(x.shape[-2], x.shape[-1], x.device).expand(len(x), -1, -1, -1)
        x = self.enter(torch.cat([4 * x, where], 1).contiguous(memory_format=torch.channels_last))
        fine = self.fine_in(x, embedding)
        middle = attend(self.read_in, self.middle_in(self.to_middle(fine), embedding), words, text_mask)
        x = self.to_coarse(middle)
        for block, read, look in zip(self.coarse, self.read, self.look, strict=True):
            x = attend(look, attend(read, block(x, embedding), words, text_mask))
        middle = self.middle_out(torch.cat([enlarged(self.from_coarse(x)), middle], 1), embedding)
        middle = attend(self.read_out, middle, words, text_mask)
        x = self.fine_out(torch.cat([enlarged(self.from_middle(middle)), fine], 1), embedding)
        shown = functional.pixel_shuffle(self.leave(functional.silu(x)).float(), 2)
        logits, fill = shown[:, : self.parts], shown[:, self.parts :] + 0.5
        moves, centres = self._moves(logits, middle.float(), words, text_mask, embedding)
        return Motion(logits, fill, moves, centres)

    def _moves(
        self, logits: Tensor, features: Tensor, words: Tensor, mask: Tensor, embedding: Tensor
    ) -> tuple[Tensor, Tensor]:
        share = belongs(logits)
        coarse = functional.adaptive_avg_pool2d(share, (features.shape[-2], features.shape[-1])).flatten(2)
        size = coarse.sum(2, keepdim=True)
        tokens = self.gather((coarse / (size + 1e-3)) @ features.flatten(2).transpose(1, 2))
        centres = _centres(share)
        area = share.mean((2, 3))[..., None]
        tokens = tokens + self.part + embedding[:, None] + self.where(torch.cat([centres / (UNIT / 2) - 1, area], 2))
        for told, mix, think in zip(self.told, self.mix, self.think, strict=True):
            tokens = mix(told(tokens, words, mask))
            tokens = tokens + think(tokens)
        return evenly(self.settle(tokens).float().unflatten(2, (self.frames + 1, 4))), centres


def belongs(logits: Tensor) -> Tensor:
    """The shares (B, K + 1, H, W) of background and parts in each place, from logits (B, K, H, W)."""
    return functional.pad(logits, (0, 0, 0, 0, 1, 0)).softmax(1)


def _centres(share: Tensor) -> Tensor:
    """The middle (B, K + 1, 2) of each part; that of the picture for the background."""
    ys, xs = (((torch.arange(n, device=share.device) + 0.5) * (UNIT / n)) for n in share.shape[-2:])
    total = share.sum((2, 3)) + 1e-3
    x, y = (share.sum(2) @ xs) / total, (share.sum(3) @ ys) / total
    middle = torch.full_like(x[:, :1], UNIT / 2)
    return torch.stack([torch.cat([middle, x[:, 1:]], 1), torch.cat([middle, y[:, 1:]], 1)], 2)

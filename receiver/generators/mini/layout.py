"""The network of `mini` that says which pattern is behind a text's objects, where these are in the first frame, how all
of it looks and how it moves."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from receiver.generators.mini.layers import SelfAttention, TextInput, WordAttention, waves
from receiver.generators.mini.mover import UNIT, evenly
from receiver.generators.mini.network import Network, configured

NUMBERS = 6
"""Of an object: there (1) or not (-1); x and y from -1 to 1 over the picture; 2·ln(radius/RADIUS); 6·angle in
radians, clockwise; 1, or -1 for the mirror image. Of the pattern behind: the same of one of its cells, with half a side
as its radius; TURN·angle; 0."""

RADIUS = 40.0
"""The radius whose logarithm counts as 0, in pixels of a picture of 256."""

TURN = 2.0
"""Times a pattern's angle in radians, which is within a quarter turn to either side."""

REACH = 1.6
"""No object reaches further, in radii."""
_FREQUENCIES = (1.0, 2.0, 3.0, 4.0, 8.0, 16.0, 32.0)


class Slots(NamedTuple):
    """What the slots hold, first the background, then K objects: ``numbers`` (B, K + 1, NUMBERS), and of how each is
    drawn, a ``code`` (B, K + 1, D) of what tone is where, and the ``colours`` (B, K + 1, T, 3) of the tones, in about
    [0, 1]; and the ``moves`` (B, K + 1, F, 4), as in `mover.Motion`."""

    numbers: Tensor
    code: Tensor
    colours: Tensor
    moves: Tensor


class Layout(Network):
    """A flow over a few numbers for each slot, given a text; and how what is in a slot is drawn.

    The slots are the background, of use where it is a regular pattern, and objects from back to front. What is drawn
    is a function of the place, as sharp as is asked: which of so many `tones` is there, seen from the object's centre,
    upright, in units of its radius, facing right; or from that of a cell of the pattern.
    """

    @configured
    def __init__(
        self,
        slots: int = 2,
        width: int = 192,
        layers: int = 3,
        heads: int = 4,
        shape_width: int = 96,
        tones: int = 17,
        frames: int = 8,
        text_width: int = 384,
        topics: int = 96,
    ) -> None:
        super().__init__()
        self.slots, self.tone_count = slots, tones
        self.text = TextInput(text_width, topics)
        self.words = nn.Linear(text_width, width)
        self.embed = nn.Sequential(nn.Linear(16 + topics, width), nn.SiLU(), nn.Linear(width, width))
        self.enter = nn.Linear(NUMBERS, width)
        self.enter_behind = nn.Linear(NUMBERS, width)
        self.background = nn.Parameter(torch.zeros(1, width))
        self.slot = nn.Parameter(torch.randn(slots, width) * 0.02)
        self.read = nn.ModuleList(WordAttention(width, width, heads) for _ in range(layers))
        self.mix = nn.ModuleList(SelfAttention(width, heads) for _ in range(layers))
        self.think = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, width))
            for _ in range(layers)
        )
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, NUMBERS))
        self.leave_behind = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, NUMBERS))
        self.shape = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 3 * 2 * shape_width))
        self.place = nn.Linear(2 + 4 * len(_FREQUENCIES), shape_width)
        self.bend = nn.ModuleList(nn.Linear(shape_width, shape_width) for _ in range(3))
        self.tone = nn.Linear(shape_width, 1 + tones)
        self.motion = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 4 * (frames + 1))
        )
        self.colour = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 3 * tones)
        )

    def forward(self, noisy: Tensor, noise_level: Tensor, text: Tensor, text_mask: Tensor) -> Slots:
        """The estimate of the clean numbers, and how things look and move: of use where the numbers are clean, level 0.

        ``noisy`` (B, K + 1, NUMBERS) = (1 - t)·clean + t·noise with t = ``noise_level`` (B,); ``text`` (B, L, D) and
        ``text_mask`` (B, L) as from `text.embed`.
        """
        words, topics = self.text(text, text_mask)
        words = self.words(words)
        embedding = self.embed(torch.cat([waves(noise_level), topics], 1))
        behind, objects = noisy.split([1, self.slots], 1)
        x = torch.cat([self.enter_behind(behind) + self.background, self.enter(objects) + self.slot], 1)
        x = x + embedding[:, None]
        for read, mix, think in zip(self.read, self.mix, self.think, strict=True):
            x = mix(read(x, words, text_mask))
            x = x + think(x)
        moves = evenly(self.motion(x).unflatten(2, (-1, 4)))
        numbers = torch.cat([self.leave_behind(x[:, :1]), self.leave(x[:, 1:])], 1)
        return Slots(numbers, self.shape(x), self.colour(x).unflatten(2, (-1, 3)) + 0.5, moves)

    def tones(self, code: Tensor, places: Tensor) -> Tensor:
        """Logits (B, K, N, 1 + T) of which tone is at ``places`` (B, K, N, 2) of what is in K slots, as `upright` or
        `repeated` has them, within REACH; the first is of none, where nothing is covered."""
        waves_of = [places]
        for frequency in _FREQUENCIES:
            waves_of += [torch.sin(frequency * places), torch.cos(frequency * places)]
        h = self.place(torch.cat(waves_of, 3))
        for bend, (scale, shift) in zip(self.bend, _pairs(code), strict=True):
            h = h + bend(nn.functional.silu(h * (1 + scale) + shift))
        return cast(Tensor, self.tone(h))


def upright(numbers: Tensor, places: Tensor) -> Tensor:
    """``places`` (B, K, N, 2), from -1 to 1 over the picture, as seen from objects (B, K, NUMBERS)."""
    seen = _seen_from(numbers, numbers[..., 4] / 6, places)
    return seen * torch.where(numbers[..., None, 5:] < 0, torch.tensor([-1.0, 1.0]), 1.0)


def standing(numbers: Tensor, points: Tensor) -> Tensor:
    """Where the ``points`` (N, 2) or (M, N, 2) of upright things are that stand so, (M, NUMBERS): (M, N, 2), from -1 to
    1 over the picture."""
    _, x, y, _, angle, mirror = numbers[:, None].unbind(2)
    size = radius(numbers)[:, None]
    cos, sin = torch.cos(angle / 6) * size, torch.sin(angle / 6) * size
    across, down = points[..., 0] * torch.where(mirror < 0, -1.0, 1.0), points[..., 1]
    return torch.stack([x + across * cos - down * sin, y + across * sin + down * cos], 2)


def repeated(numbers: Tensor, places: Tensor) -> Tensor:
    """``places`` (B, 1, N, 2), from -1 to 1 over the picture, as seen from the cells that they are in, from -1 to 1, of
    patterns (B, 1, NUMBERS)."""
    return (_seen_from(numbers, numbers[..., 4] / TURN, places) + 1) % 2 - 1


def carried(numbers: Tensor, moves: Tensor) -> Tensor:
    """A pattern's ``numbers`` (B, 1, NUMBERS) when the background has moved by ``moves`` (B, 1, 4), as in
    `mover.Motion`."""
    there, x, y, size, angle, last = numbers.unbind(-1)
    right, down, larger, turn = moves.unbind(-1)
    cos, sin = torch.cos(turn) * torch.exp(larger), torch.sin(turn) * torch.exp(larger)
    x, y = cos * x - sin * y + right * (2 / UNIT), sin * x + cos * y + down * (2 / UNIT)
    return torch.stack([there, x, y, size + 2 * larger, angle + TURN * turn, last], -1)


def _seen_from(numbers: Tensor, angle: Tensor, places: Tensor) -> Tensor:
    right, down = ((places[..., axis] - numbers[..., None, 1 + axis]) / radius(numbers)[..., None] for axis in (0, 1))
    cos, sin = torch.cos(angle)[..., None], torch.sin(angle)[..., None]
    return torch.stack([cos * right + sin * down, cos * down - sin * right], 3)


def radius(numbers: Tensor) -> Tensor:
    """Of what is in the slots (B, K, NUMBERS), in the units of x and y: (B, K)."""
    return RADIUS / 128 * torch.exp(numbers[..., 3] / 2)


def _pairs(code: Tensor) -> list[tuple[Tensor, Tensor]]:
    parts = code.unsqueeze(2).chunk(6, 3)
    return [(parts[n], parts[n + 1]) for n in (0, 2, 4)]

"""What the layout makes of one text: its objects and pattern, sampled or found in sketches; how they look and move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from receiver.generators.mini import fit
from receiver.generators.mini.colours import two_colours
from receiver.generators.mini.drawn import drawn
from receiver.generators.mini.layout import NUMBERS, REACH, Layout, Slots, carried, repeated, upright
from receiver.generators.mini.mover import LEAST_SHARE, UNIT, Motion

SAMPLES: Final = 24
"""Of the layout: the most usual of them is taken, or what a sketch shows is as large and turned as any of them."""

HIDDEN: Final = 4
"""Pixels around a thing within which a sketch's lines are its own."""

_ALIKE: Final = (1 / 64, 1 / 64, 2.0, 1.0)
"""What counts as much in two moves: 64 pixels, a factor of √e, a radian."""

_PLACES_AT_ONCE: Final = 2048
"""That the layout is asked about, never more or fewer: torch keeps what it compiles for each number it meets."""


class Frame(NamedTuple):
    """A picture as large as is painted, height H and width W, of which the upper left part is asked for."""

    height: int
    width: int
    asked_height: int
    asked_width: int

    @property
    def square(self) -> int:
        """A side of the largest square in the middle of what is asked for. The layout's numbers count from -1 to 1 over
        it."""
        return min(self.asked_height, self.asked_width)

    def places(self) -> Tensor:
        """Of all pixels, in the layout's numbers: (1, 1, H·W, 2)."""
        down = (2 * torch.arange(self.height) + 1 - self.asked_height) / self.square
        across = (2 * torch.arange(self.width) + 1 - self.asked_width) / self.square
        both = across.expand(self.height, self.width), down[:, None].expand(self.height, self.width)
        return torch.stack(both, 2).view(1, 1, -1, 2)

    def middle(self, pictures: Tensor) -> Tensor:
        """The square of pictures (..., H, W)."""
        top, left = ((side - self.square) // 2 for side in (self.asked_height, self.asked_width))
        return pictures[..., top : top + self.square, left : left + self.square]


class Shown:
    """What a text names, as it is to be seen: in the slots of the layout, the pattern behind first."""

    def __init__(self, things: Things, numbers: Sequence[Tensor], look: Slots) -> None:
        """``numbers`` (S, NUMBERS) of the first or of all frames, the layout's, the first of each at most 0 where there
        is nothing; how that looks and moves, ``look``."""
        self._things, self._numbers, self._look = things, numbers, look

    @property
    def patterned(self) -> bool:
        """Whether there is a pattern behind."""
        return float(self._numbers[0][0, 0]) > 0

    @property
    def objects(self) -> bool:
        """Whether there is any."""
        return bool((self._numbers[0][1:, 0] > 0).any())

    def coloured(self, painted: Tensor) -> Shown:
        """The same with the pattern in the two colours of a painted picture (1, 3, H, W) of it: the painter's are off
        by 0.05 (14 held-out patterns), the layout's by 0.16 (54)."""
        numbers, look = self._numbers[0], self._look
        first, other = self._things.pattern_tones(numbers, look).sum((0, 2, 3)).topk(2).indices.tolist()
        colours, found = look.colours.clone(), two_colours(painted)
        told = colours[0, 0, [first, other]]
        if (found - told).square().sum() > (found.flip(0) - told).square().sum():
            found = found.flip(0)
        colours[0, 0, first], colours[0, 0, other] = found
        return Shown(self._things, self._numbers, look._replace(colours=colours))

    def pattern(self, times: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) of the pattern at ``times`` (B,) from 0 to 1."""
        last = self._look.moves.shape[2] - 1
        return torch.cat([self._things.pattern(self._at(round(float(time) * last)), self._look) for time in times])

    def before(self, background: Tensor, frame: int) -> Tensor:
        """A frame, its background (1, 3, H, W) with the objects before it."""
        return drawn(background, self._things.tones(self._at(frame), self._look), self._look.colours[0, 1:])

    def hidden(self) -> Tensor:
        """Where a sketch's lines are those of objects, for each frame that has numbers: (F, 1, H, W) in [0, 1]."""
        return torch.cat([self._things.hidden(numbers, self._look) for numbers in self._numbers])

    def motion(self, background: Tensor) -> Motion:
        """Of the first frame before that background (1, 3, H, W)."""
        return self._things.motion(background, self._numbers[0], self._look)

    def camera(self, background: Tensor) -> Motion:
        """Of that background (1, 3, H, W) of the first frame alone."""
        nothing = torch.full_like(self._numbers[0], -1.0)
        return self._things.motion(background, nothing, self._look)

    def _at(self, frame: int) -> Tensor:
        if frame < len(self._numbers):
            return self._numbers[frame]
        return self._things.moved(self._numbers[0], self._look, frame)


class Things:
    """The layout of one text. ``numbers`` (S, NUMBERS) everywhere are as `Shown` has them."""

    def __init__(self, layout: Layout, text: Tensor, mask: Tensor, frame: Frame) -> None:
        """``text`` (1, L, D) and ``mask`` (1, L) are the words."""
        self.layout, self.text, self.mask, self.frame = layout, text, mask, frame

    def told(self, steps: int, generator: torch.Generator | None) -> Shown:
        """As the layout thinks, by the most usual of some samples."""
        numbers = self.usual(self.sampled(SAMPLES, steps, generator))
        return Shown(self, [numbers], self.look(numbers))

    def usual(self, samples: Tensor) -> Tensor:
        """Of samples (M, S, NUMBERS) the one that moves most like the others, where as much is there as in most.

        Where a thing starts is sampled before it moves, and a few start where they cannot go as they are told.
        """
        text, mask = self.text.expand(len(samples), -1, -1), self.mask.expand(len(samples), -1)
        moves = self.layout(samples, torch.zeros(len(samples)), text, mask).moves * torch.tensor(_ALIKE)
        there = samples[:, :, 0] > 0
        most = (there == (there.float().mean(0) > 0.5)).all(1)
        if bool(most.any()):
            samples, moves = samples[most], moves[most]
        return samples[int((moves - moves.median(0).values).square().sum((1, 2, 3)).argmin())]

    def sampled(self, count: int, steps: int, generator: torch.Generator | None) -> Tensor:
        """Numbers (count, S, NUMBERS), each by so many steps from noise."""
        text, mask = self.text.expand(count, -1, -1), self.mask.expand(count, -1)
        numbers = torch.randn((count, 1 + self.layout.slots, NUMBERS), generator=generator)
        for level, after in pairwise(torch.linspace(1.0, 0.0, steps + 1)):
            clean = self.layout(numbers, level.expand(count), text, mask).numbers
            numbers = clean + (numbers - clean) * (after / level)
        return numbers

    def look(self, numbers: Tensor) -> Slots:
        """How what stands so looks and moves."""
        made: Slots = self.layout(numbers[None], torch.zeros(1), self.text, self.mask)
        return made._replace(colours=made.colours.clamp(0, 1))

    def pattern(self, numbers: Tensor, look: Slots) -> Tensor:
        """A picture (1, 3, H, W) of the pattern."""
        return drawn(torch.zeros(1, 3, 1, 1), self.pattern_tones(numbers, look), look.colours[0, :1])

    def pattern_tones(self, numbers: Tensor, look: Slots) -> Tensor:
        """How much of each pixel each tone of the pattern covers, (1, T, H, W)."""
        frame = self.frame
        made = torch.zeros(1, self.layout.tone_count, frame.height * frame.width)
        for some, share in self._shares(look.code[:, :1], repeated(numbers[None, :1], frame.places())):
            made[0][:, some] = share[:, 1:].T / share[:, 1:].sum(1).clamp_min(1e-6)
        return made.unflatten(2, (frame.height, frame.width))

    def tones(self, numbers: Tensor, look: Slots) -> Tensor:
        """How much of each pixel each tone of each object covers, less what is behind another one, (K, T, H, W)."""
        made = torch.zeros(self.layout.slots, self.layout.tone_count, self.frame.height * self.frame.width)
        for slot in range(self.layout.slots):
            own = slice(1 + slot, 2 + slot)
            if float(numbers[1 + slot, 0]) > 0:
                for some, share in self._shares(look.code[:, own], upright(numbers[None, own], self.frame.places())):
                    made[:slot, :, some] *= share[:, 0]  # of what is behind it, what it leaves to be seen
                    made[slot][:, some] = share[:, 1:].T
        return made.unflatten(2, (self.frame.height, self.frame.width))

    def motion(self, background: Tensor, numbers: Tensor, look: Slots) -> Motion:
        """Of a first frame that shows the objects so, before that background (1, 3, H, W); in units of which a side of
        it has UNIT."""
        covers = self.tones(numbers, look).sum(1)[None].clamp(0, 1)
        frame, whole = self.frame, torch.tensor([self.frame.width, self.frame.height])
        moves = torch.cat([look.moves[..., :2] * (frame.square / whole), look.moves[..., 2:]], 3)
        at = functional.pad(numbers[None, 1:, 1:3], (0, 0, 1, 0))  # the background grows about the middle
        asked = torch.tensor([float(frame.asked_width), float(frame.asked_height)])
        return Motion(covers.logit(LEAST_SHARE), background, moves, (at * frame.square + asked) / whole * (UNIT / 2))

    def moved(self, numbers: Tensor, look: Slots, frame: int) -> Tensor:
        """The numbers in another frame of the clip, as the layout thinks."""
        moves = look.moves[0, :, frame]
        objects = numbers[1:].clone()
        objects[:, 1:3] += moves[1:, :2] * (2 / UNIT)
        objects[:, 3] += 2 * moves[1:, 2]
        objects[:, 4] += 6 * moves[1:, 3]
        return torch.cat([carried(numbers[None, :1], moves[None, :1])[0], objects])

    def found(self, sketches: Tensor, steps: int, generator: torch.Generator | None) -> Shown:
        """What sketches (1 or F, 1, H, W) show of what the text names, where they do."""
        samples = self.sampled(SAMPLES, steps, generator)
        there = samples[:, :, 0] > 0
        named = there.float().mean(0) > 0.5
        usual = self.usual(samples)
        look = self.look(usual)
        shapes = {slot: self._shape(look, slot) for slot in range(len(named)) if named[slot]}
        shapes = {slot: shape for slot, shape in shapes.items() if len(shape[0])}  # some things have no outline
        soft = fit.softened(self.frame.middle(sketches[:1]))
        numbers = usual.clone()
        numbers[:, 0] = -1.0
        if 0 in shapes:
            pattern = fit.found(soft, samples[there[:, 0], 0], shapes[0], generator)
            if pattern.score > fit.LEAST:
                numbers[0] = pattern.numbers
                soft = fit.without(soft, pattern.numbers, shapes[0])
        left = {slot: samples[there[:, slot], slot] for slot in shapes if slot}
        while left:  # the clearest first; its lines are then taken away
            fits = {slot: fit.found(soft, ways, shapes[slot], generator) for slot, ways in left.items()}
            slot = max(fits, key=lambda slot: fits[slot].score)
            del left[slot]
            if fits[slot].score > fit.LEAST:
                numbers[slot] = fits[slot].numbers
                soft = soft * (1 - self.frame.middle(self.hidden(numbers, look)))
        look = self.look(numbers)
        return Shown(self, [numbers, *self._followed(sketches[1:], numbers, look, shapes, generator)], look)

    def _followed(
        self,
        sketches: Tensor,
        first: Tensor,
        look: Slots,
        shapes: dict[int, fit.Shape],
        generator: torch.Generator | None,
    ) -> Iterator[Tensor]:
        """Numbers for the sketches (F - 1, 1, H, W) after the first, where what the text names is at ``first``."""
        numbers, thought = first, first
        for time, sketch in enumerate(sketches, 1):
            soft = fit.softened(self.frame.middle(sketch[None]))
            before, thought = thought, self.moved(first, look, time)
            ahead = numbers + thought - before  # as it is thought to go on from where it was
            now = ahead.clone()
            for slot in sorted(shapes):  # the pattern first
                if float(first[slot, 0]) > 0:
                    kept, tried = numbers[slot], torch.stack([numbers[slot], ahead[slot]])
                    now[slot] = fit.followed(soft, kept, tried, shapes[slot], generator)
                    if slot == 0:
                        soft = fit.without(soft, now[0], shapes[0])
            numbers = now
            yield numbers

    def _shape(self, look: Slots, slot: int) -> fit.Shape:
        """The edges of what is in a slot."""
        places = fit.grid() * (REACH if slot else 1.0)
        tones = self.layout.tones(look.code[:, slot, None], places.view(1, 1, -1, 2)).argmax(3)
        return (fit.edges if slot else fit.cell)(tones.view(fit.GRID, fit.GRID))

    def hidden(self, numbers: Tensor, look: Slots) -> Tensor:
        """Where a sketch's lines are those of objects, (1, 1, H, W) in [0, 1]."""
        covers = self.tones(numbers, look).sum((0, 1))[None, None].clamp(0, 1)
        return functional.max_pool2d(covers, 2 * HIDDEN + 1, 1, HIDDEN)

    def _shares(self, code: Tensor, seen: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Numbers (n,) of those places (1, 1, N, 2) that are within reach of what is in a slot, by and by, and how much
        each tone has of them, (n, 1 + T), the first of them none."""
        within = (seen.abs().amax(3) < REACH)[0, 0].nonzero()[:, 0]
        for some in within.split(_PLACES_AT_ONCE):
            asked = functional.pad(seen[:, :, some], (0, 0, 0, _PLACES_AT_ONCE - len(some)))
            yield some, self.layout.tones(code, asked).softmax(3)[0, 0, : len(some)]

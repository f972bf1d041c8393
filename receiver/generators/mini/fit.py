"""Where a sketch shows what a text names: what the layout draws, moved until its edges lie on the sketch's lines."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from receiver.generators.mini.layout import REACH, radius, repeated, standing

GRID: Final = 96
"""Places a side at which what is in a slot is asked for its edges, within REACH."""
LEAST: Final = 0.2
"""Score below which a thing or a pattern is not found. Of the things in 50 rendered frames received at 10 dB 97 % of
those above it are within 8 pixels of their place, in 40 at 0 dB 92 %."""

_POINTS: Final = 128
"""Of the outline of a thing, and as many of the edges within it."""
_BESIDE: Final = (0.82, 1.22)
"""Where no lines should be: the outline made smaller, and larger."""
_SOFT: Final = 2.0
"""Pixels of 256 by which a line is softened."""
_SPOTS: Final = 36
"""Across the picture, that things are tried at."""
_SIZES, _ANGLE = (-2.2, 1.0, 0.07), math.pi / 8
"""Sizes of patterns that are tried, as numbers of the layout, and steps of their angles: over many cells both have to
be right more closely than samples are dense."""
_PHASES: Final = 8
"""Across a cell, that a pattern is tried at."""
_BEST, _BEST_PATTERNS = 48, 12
"""So many of all that was tried are set right."""
_COARSE, _FINE = 40, 96
"""Places a side at which a pattern is compared with lines, at first and in the end."""
_AWAY: Final = 0.2
"""So far, half pictures, a thing may be from where it was looked for."""
_AT_ONCE: Final = 1 << 17
"""Places that are looked up: all at once take tens of megabytes that nothing else needs."""
_TREMBLE: Final = 0.02
"""Score by which a move must pay."""
_ROUNDS: Final = (1.0, 0.5, 0.25, 0.12)
_TRIES: Final = 48
_CHANGES: Final = (0.0, 0.04, 0.04, 0.1, 0.25, 0.0)
"""By how much the numbers of what is tried are changed at random, in the first round."""


class Fit(NamedTuple):
    """The ``numbers`` (NUMBERS,) that fit best, and how well, ``score``: about 0 by chance, 1 at most."""

    numbers: Tensor
    score: float


class Edges(NamedTuple):
    """Of a thing as it stands upright: points (N, 2) of its ``outline`` and of the edges ``within``, maybe none."""

    outline: Tensor
    within: Tensor


Shape = Edges | Tensor
"""A thing's edges, or the lines (1, 1, GRID, GRID) in a pattern's cell."""


def grid() -> Tensor:
    """The places (GRID, GRID, 2) that are asked about, from -1 to 1."""
    steps = (torch.arange(GRID) + 0.5) / GRID * 2 - 1
    return torch.stack([steps.expand(GRID, GRID), steps[:, None].expand(GRID, GRID)], 2)


def edges(tones: Tensor) -> Edges:
    """Of a thing whose tones, by number, 0 for none, are ``tones`` (GRID, GRID) within REACH."""
    covered = tones > 0
    inside = -functional.max_pool2d(-covered[None, None].float(), 3, 1, 1)[0, 0] > 0
    places = grid() * REACH
    return Edges(_some(places[covered & ~inside]), _some(places[inside & _changes(tones)]))


def softened(lines: Tensor) -> Tensor:
    """Lines (1, 1, H, W) in [0, 1] as wide as edges may be off, at most 1."""
    sigma = _SOFT * min(lines.shape[-2:]) / 256
    reach = int(3 * sigma) + 1
    bell = torch.exp(-((torch.arange(-reach, reach + 1) / sigma) ** 2) / 2)
    across = functional.conv2d(lines, bell.view(1, 1, 1, -1) / bell.sum(), padding=(0, reach))
    made = functional.conv2d(across, bell.view(1, 1, -1, 1) / bell.sum(), padding=(reach, 0))
    return made / made.amax().clamp_min(1e-6)


def scores(soft: Tensor, numbers: Tensor, thing: Edges) -> Tensor:
    """How well lines (1, 1, H, W) lie on the edges of a thing that stands so (M, NUMBERS), and not beside: (M,)."""
    outline = thing.outline
    asked = torch.cat([outline, *(outline * part for part in _BESIDE), thing.within])
    made = []
    for some in numbers.split(max(1, _AT_ONCE // len(asked))):
        at = standing(some, asked)[None]
        made.append(functional.grid_sample(soft, at, padding_mode="zeros", align_corners=False)[0, 0])
    values = torch.cat(made)
    on, smaller, larger, within = values.split([len(outline)] * 3 + [len(thing.within)], 1)
    score = on.mean(1) - 0.5 * (smaller.mean(1) + larger.mean(1))
    return score + 0.3 * (within.mean(1) - smaller.mean(1)) if len(thing.within) else score


def found(soft: Tensor, samples: Tensor, shape: Shape, generator: torch.Generator | None) -> Fit:
    """The best place for a thing as large and turned as any of ``samples`` (M, NUMBERS), or for a pattern turned about
    as they are and as large as may be. ``soft`` (1, 1, H, W) are softened lines."""
    tried = _things(soft, samples, shape) if isinstance(shape, Edges) else _patterns(soft, samples, shape)
    return _set_right(_for(soft, shape), tried, shape, generator)


def followed(soft: Tensor, kept: Tensor, tried: Tensor, shape: Shape, generator: torch.Generator | None) -> Tensor:
    """The best numbers about some (M, NUMBERS); those that are ``kept`` (NUMBERS,) if they are hardly worse: what rests
    must not tremble."""
    soft = _for(soft, shape)
    if isinstance(shape, Edges):
        steps = torch.linspace(-_AWAY, _AWAY, _SPOTS // 4)
        away = functional.pad(torch.cartesian_prod(steps, steps), (1, 3))
        near = (tried[:, None] + away).flatten(0, 1)
        tried = torch.cat([tried, near[_scores(soft, near, shape).topk(_BEST).indices]])
    best = _set_right(soft, tried, shape, generator)
    return kept if best.score < float(_scores(soft, kept[None], shape)) + _TREMBLE else best.numbers


def without(soft: Tensor, numbers: Tensor, pattern: Shape) -> Tensor:
    """Lines (1, 1, H, W) less those of a pattern that lies so, (NUMBERS,)."""
    assert isinstance(pattern, Tensor)
    return soft * (1 - 1.5 * pattern_lines(numbers[None], pattern, *soft.shape[-2:])).clamp(0, 1)


def _for(soft: Tensor, shape: Shape) -> Tensor:
    """Lines as fine as they need be: a pattern is compared over the whole picture."""
    return soft if isinstance(shape, Edges) else functional.interpolate(soft, (_FINE, _FINE), mode="area")


def _things(soft: Tensor, samples: Tensor, thing: Edges) -> Tensor:
    """The best of all samples in all places."""
    steps = (torch.arange(_SPOTS) + 0.5) / _SPOTS * 2 - 1
    spots = torch.cartesian_prod(steps, steps)
    few = Edges(thing.outline[::2], thing.within[::2])
    values, tried = [], []
    for sample in samples:
        near = sample.repeat(len(spots), 1)
        near[:, 1:3] = spots
        best = scores(soft, near, few).topk(8)
        values.append(best.values)
        tried.append(near[best.indices])
    return torch.cat(tried)[torch.cat(values).topk(_BEST).indices]


def _patterns(soft: Tensor, samples: Tensor, pattern: Tensor) -> Tensor:
    """The best of patterns of all sizes, with their cells everywhere."""
    steps = torch.arange(_PHASES) / _PHASES * 2 - 1
    phases = torch.cartesian_prod(steps, steps)
    angles = (samples[:, 4] / _ANGLE).round().unique() * _ANGLE
    size_turn = torch.cartesian_prod(torch.arange(*_SIZES), angles).repeat_interleave(len(phases), 0)
    tried = torch.zeros(len(size_turn), samples.shape[1])
    tried[:, 0], tried[:, 3:5] = 1.0, size_turn
    tried[:, 1:3] = phases.repeat(len(tried) // len(phases), 1) * radius(tried)[:, None]
    coarse = functional.interpolate(soft, (_COARSE, _COARSE), mode="area")
    return tried[pattern_scores(coarse, tried, pattern).topk(_BEST_PATTERNS).indices]


def _set_right(soft: Tensor, tried: Tensor, shape: Shape, generator: torch.Generator | None) -> Fit:
    """The best of some (M, NUMBERS), each changed at random, ever less."""
    for part in _ROUNDS:
        changes = torch.randn((len(tried), _TRIES, len(_CHANGES)), generator=generator) * torch.tensor(_CHANGES) * part
        changes[:, 0] = 0.0
        near = tried[:, None] + changes
        best = _scores(soft, near.flatten(0, 1), shape).view(len(tried), _TRIES).argmax(1)
        tried = near[torch.arange(len(tried)), best]
    final = _scores(soft, tried, shape)
    return Fit(tried[int(final.argmax())], float(final.max()))


def _scores(soft: Tensor, numbers: Tensor, shape: Shape) -> Tensor:
    return scores(soft, numbers, shape) if isinstance(shape, Edges) else pattern_scores(soft, numbers, shape)


def cell(tones: Tensor) -> Tensor:
    """Where the edges of a pattern are in its cell: (1, 1, n, n), of its tones (n, n) from -1 to 1."""
    # the cell goes on beyond its sides
    lines = _changes(tones.repeat(3, 3)).float()[None, None]
    return softened(lines)[:, :, len(tones) : 2 * len(tones), len(tones) : 2 * len(tones)]


def pattern_scores(soft: Tensor, numbers: Tensor, edges: Tensor) -> Tensor:
    """The correlation of lines (1, 1, n, n) with those of a pattern that lies so (M, NUMBERS): (M,)."""
    made, lines = [], soft.flatten() - soft.mean()
    for some in numbers.split(max(1, _AT_ONCE // soft.numel())):
        drawn = pattern_lines(some, edges, *soft.shape[-2:]).flatten(1)
        off = drawn - drawn.mean(1, keepdim=True)
        made.append((off @ lines) / (off.norm(dim=1) * lines.norm()).clamp_min(1e-6))
    return torch.cat(made)


def pattern_lines(numbers: Tensor, edges: Tensor, height: int, width: int) -> Tensor:
    """The lines (M, height, width) of a pattern that lies so, (M, NUMBERS)."""
    across, down = ((torch.arange(side) + 0.5) / side * 2 - 1 for side in (width, height))
    places = torch.stack([across.expand(height, width), down[:, None].expand(height, width)], 2).view(1, 1, -1, 2)
    cells = repeated(numbers[:, None], places.expand(len(numbers), -1, -1, -1))
    cells = cells.view(1, len(numbers), height * width, 2)
    made = functional.grid_sample(edges, cells, padding_mode="border", align_corners=False)
    return made[0, 0].view(len(numbers), height, width)


def _changes(tones: Tensor) -> Tensor:
    """Where a place has another tone than that to its right or below it: bool, like ``tones`` (h, w)."""
    made = torch.zeros_like(tones, dtype=torch.bool)
    made[:, :-1] |= tones[:, :-1] != tones[:, 1:]
    made[:-1] |= tones[:-1] != tones[1:]
    return made


def _some(points: Tensor) -> Tensor:
    return points[torch.linspace(0, len(points) - 1, min(_POINTS, len(points))).long()] if len(points) else points

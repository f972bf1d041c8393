"""What a clip shows, as exactly as the classifier is sure of it and no more exactly.

The classes form a tree: kinds (an animal), families (a cat), names (a tabby cat). The probability of a node is that of
all classes below it. The most exact node that is likely enough is named (after Deng et al., Hedging your bets, CVPR
2012); where none is, nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

LEAST: Final = 0.6
"""Least probability of what is said, and ``LEAST_FOR_ALL`` times the part of all classes that belong to it more, as a
picture of something else is shared out among many; at most ``LEAST_AT_MOST``."""

LEAST_FOR_ALL: Final = 1.7
LEAST_AT_MOST: Final = 0.85

LEAST_MISTAKABLE: Final = 0.9
"""Least probability of a name that is marked as easily mistaken. Such a class never counts for a family or kind."""

PERSON: Final = "a person"


@dataclass(frozen=True)
class _Level:
    """Names of nodes, (nodes, 1000) with 1 where a class belongs to a node, and the least probability of each node."""

    names: tuple[str, ...]
    members: NDArray[np.float64]
    least: NDArray[np.float64]


@cache
def _tree() -> tuple[_Level, ...]:
    lines = resources.files(__package__).joinpath("classes.txt").read_text(encoding="utf-8").splitlines()
    rows = [[field.strip() for field in line.split(";")] for line in lines if not line.startswith("#")]
    levels = []
    for depth in range(3):
        of_class = [row[depth] if depth < len(row) and not (depth and row[0].startswith("~")) else "" for row in rows]
        names = tuple(dict.fromkeys(name for name in of_class if name))
        members = np.array([[float(name == other) for other in of_class] for name in names])
        least = np.minimum(LEAST + LEAST_FOR_ALL * members.mean(1), LEAST_AT_MOST)
        least[[name.startswith("~") for name in names]] = LEAST_MISTAKABLE
        levels.append(_Level(tuple(name.removeprefix("~") for name in names), members, least))
    return tuple(levels)


def name(probabilities: NDArray[np.floating]) -> str:
    """What to call that which has these ``probabilities`` (1000,) of the classes, with its article; "" for not sure."""
    for level in _tree():
        sums = level.members @ probabilities
        best = int((sums - level.least).argmax())
        if sums[best] >= level.least[best]:
            return level.names[best]
    return ""


def likeliest(probabilities: NDArray[np.floating], count: int) -> list[str]:
    """The ``count`` likeliest names, sure or not, the likeliest first."""
    names, *_ = _tree()
    return [names.names[i] for i in np.argsort(-(names.members @ probabilities), kind="stable")[:count]]


def is_scenery(name: str) -> bool:
    """Whether what is called so fills the picture: a landscape, a building. Then it has no background."""
    *_, kinds = _tree()
    classes = sum(level.members[level.names.index(name)] for level in _tree() if name in level.names)
    return any(kinds.members[kinds.names.index(kind)] @ classes for kind in ("a landscape", "a building"))

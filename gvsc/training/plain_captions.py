"""Captions of clips that show nothing of what the rendered world has, as people write them.

`mini`'s layout learns from them that a text may name nothing that it could draw. None names a thing of the world's.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

import numpy as np

_WHO: Final = (
    "a man", "a woman", "a boy", "a girl", "an old man", "a young woman", "a child", "a baby", "a cook", "a farmer",
    "a worker in a helmet", "a man in a suit", "a woman in a red dress", "a woman with glasses", "a man with a beard",
    "a girl with long hair", "a boy in a yellow coat", "a dancer", "a singer", "a guitarist", "a runner",
    "a football player", "a cyclist", "a skier", "a surfer", "a teacher", "a news presenter", "a doctor",
    "a policeman", "a soldier", "a robot", "a person", "somebody", "a couple", "a crowd of people",
    "a group of children", "a family",
)  # fmt: skip
_ANIMALS: Final = (
    "a brown dog", "a small white dog", "a horse", "a black horse", "a cow", "a sheep", "a goat", "a rabbit",
    "a squirrel", "a monkey", "an elephant", "a giraffe", "a lion", "a bear", "a deer", "a snake", "a frog", "a bee",
    "a butterfly",
)  # fmt: skip
_DOES: Final = (
    "walks", "runs", "stands", "sits", "dances", "jumps", "waits", "sleeps", "eats", "drinks", "looks around",
    "looks into the camera", "turns the head", "climbs up", "lies down", "comes closer", "goes away", "walks slowly",
    "runs fast", "walks from left to right", "walks to the left", "runs to the right", "moves to the left", "falls",
    "plays", "rests", "stands still", "turns around", "moves slowly", "gets up",
)  # fmt: skip
_SAYS: Final = (
    "talks", "talks to the camera", "reads a book", "writes a letter", "plays the guitar", "plays the piano", "sings",
    "smiles", "laughs", "waves a hand", "cuts vegetables", "cooks a meal", "pours coffee into a cup",
    "drinks a glass of water", "opens a door", "carries a bag", "paints a wall", "types on a keyboard",
    "holds a phone", "rides a bicycle", "throws stones", "digs a hole", "puts on a jacket", "reads the news",
    "shows a map", "lifts a box",
)  # fmt: skip
_WHERE: Final = (
    "in a room", "in a kitchen", "in an office", "in a street", "in a busy street", "on a bridge", "in a park",
    "in a garden", "in a forest", "on a beach", "on a meadow", "on a mountain", "in the snow", "in the rain",
    "by a lake", "at a river", "by the sea", "in a field", "in a desert", "at a station", "on a platform",
    "in a train", "in a shop", "on a stage", "on a market", "in a stadium", "on a table", "at a desk",
    "in front of a wall", "in front of a window", "on a sofa", "in a classroom", "in a hall", "on a road", "on a farm",
    "in a workshop", "under a bridge", "on a stairway",
)  # fmt: skip
_WHEN: Final = (
    "", "", "", "", "", "", "at night", "at sunset", "in the morning", "by day", "in slow motion", "seen from above",
    "close up", "black and white", "drawn", "in bright light", "in the dark", "out of focus",
)  # fmt: skip
_SIGHTS: Final = (
    "waves break on a rocky coast", "a river flows through a valley", "snow falls on a dark street",
    "rain runs down a window", "smoke rises from a chimney", "leaves move in the wind", "a flag waves in the wind",
    "a candle burns in the dark", "a fire burns in a fireplace", "lightning over a city", "fog over a lake",
    "traffic on a motorway", "a train passes a station", "a train drives over a bridge",
    "an empty street in the morning", "a skyline of tall buildings", "a waterfall in a forest",
    "the moon behind thin clouds", "the sun goes down behind hills", "a field of wheat in the wind",
    "water drips from a tap", "coffee is poured into a white cup", "soup boils in a pot", "a hand writes on paper",
    "hands knead dough", "a clock on a wall", "a wheel turns in a mill", "a crane lifts steel",
    "an aeroplane takes off", "a helicopter over a city", "a ship in a harbour", "a bus stops at a crossing",
    "bicycles stand at a fence", "books on a shelf", "a bowl of fruit on a table", "a glass of water",
    "a cup and a spoon on a table", "a lamp swings from a ceiling", "a door opens slowly",
    "a curtain moves at an open window", "a test card with coloured bars", "a title in white letters",
    "letters on a screen", "a face, close up", "two faces, close up", "hands on a keyboard", "a pen rolls over paper",
    "a coin spins on a table", "cards are dealt on a table", "a chess board", "a microscope picture of cells",
    "an x-ray of a hand", "a map of a city", "a plan of a building", "a game of tennis",
    "a game of football in a stadium", "a race of horses", "a parade in a street", "fireworks over a river",
    "a concert with many lights", "rocks on a beach", "a path through a forest", "mountains with snow",
    "a desert with dunes", "an aloe plant in a pot", "branches without leaves", "green bushes at a stream",
    "mud and stones", "a cave with icicles", "a stone wall with ivy", "a stairway of stone", "a row of windows",
    "an old factory", "a garage with tools", "a laboratory with bottles",
)  # fmt: skip


def plain_captions(count: int, seed: int) -> list[str]:
    """So many different ones, at most some ten thousand."""
    return list(islice(dict.fromkeys(_drawn(np.random.default_rng(seed), 20 * count)), count))


def _drawn(rng: np.random.Generator, most: int) -> Iterator[str]:
    for _ in range(most):
        told = _pick(rng, _SIGHTS)
        if rng.random() < 0.8:
            who = _pick(rng, _ANIMALS if rng.random() < 0.3 else _WHO)
            told = f"{who} {_pick(rng, _SAYS if who in _WHO and rng.random() < 0.5 else _DOES)}"
            if rng.random() < 0.8:
                told = f"{told} {_pick(rng, _WHERE)}"
        when = _pick(rng, _WHEN)
        told = f"{told}, {when}" if when else told
        yield f"{told[0].upper()}{told[1:]}." if rng.random() < 0.3 else told


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]

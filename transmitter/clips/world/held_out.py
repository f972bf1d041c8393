"""Combinations that never occur in the training split: what a generator makes of them, it has not seen."""

from __future__ import annotations

from transmitter.clips.world.scene import Scene, Shape

HELD_OUT: frozenset[tuple[str, str, str]] = frozenset(
    {
        ("red", "star", "left"),
        ("blue", "circle", "up"),
        ("green", "square", "right"),
        ("yellow", "triangle", "down"),
        ("purple", "heart", "left"),
        ("orange", "cross", "right"),
        ("pink", "circle", "growing"),
        ("white", "square", "rotating"),
        ("cyan", "star", "up"),
        ("black", "triangle", "right"),
        ("blue", "star", "bouncing"),
        ("red", "car", "left"),
        ("blue", "fish", "right"),
        ("yellow", "bird", "left"),
        ("green", "boat", "right"),
        ("orange", "cat", "bouncing"),
        ("white", "rocket", "up"),
        ("cyan", "balloon", "up"),
        ("purple", "ball", "right"),
        ("pink", "mushroom", "growing"),
        ("black", "house", "shrinking"),
        ("orange", "flower", "still"),
    }
)
"""Colour, kind and motion of an object."""

HELD_OUT_PAIRS: frozenset[tuple[str, str]] = frozenset(
    {
        ("boat", "sunset"),
        ("cat", "night"),
        ("bird", "clouds"),
        ("tree", "bricks"),
        ("house", "white snow"),
        ("star", "wood"),
    }
)
"""Kind of an object, and the light, the texture or the landscape around it."""


def held_out(shape: Shape, scene: Scene) -> bool:
    """Whether an object, or it in these surroundings, is one of the combinations."""
    around = (scene.light, scene.background, *(scene.detail if scene.background == "ground" else ()))
    return (shape.colour, shape.form, shape.motion) in HELD_OUT or any(
        (shape.form, s) in HELD_OUT_PAIRS for s in around
    )

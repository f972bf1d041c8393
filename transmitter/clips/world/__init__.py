"""A rendered world: endless, seeded clips whose captions say exactly what is to be seen.

A scene is a background, objects with a motion each, a camera and a light. It is drawn as data (`Scene`), and from that
follow its caption, its pixels and what is known of each of them: masks, outlines, flow. Combinations in `HELD_OUT` and
`HELD_OUT_PAIRS` never occur in the training split and are in every clip of the held-out one. See docs/world.md.
"""

from __future__ import annotations

from transmitter.clips.world.caption import describe
from transmitter.clips.world.draw import draw_scene
from transmitter.clips.world.facts import facts
from transmitter.clips.world.ground_truth import FLOW_GRID, contours, flow, labels, parts, visible_at_start
from transmitter.clips.world.held_out import HELD_OUT, HELD_OUT_PAIRS
from transmitter.clips.world.palette import COLOURS
from transmitter.clips.world.render import render
from transmitter.clips.world.scene import Photo, Scene, Shape
from transmitter.clips.world.world import World, WorldClip

__all__ = [
    "COLOURS",
    "FLOW_GRID",
    "HELD_OUT",
    "HELD_OUT_PAIRS",
    "Photo",
    "Scene",
    "Shape",
    "World",
    "WorldClip",
    "contours",
    "describe",
    "draw_scene",
    "facts",
    "flow",
    "labels",
    "parts",
    "render",
    "visible_at_start",
]

"""What part of the canvas the camera sees in each frame.

The canvas is the background as far as the camera comes. A pan goes by whole pixels, so its frames are windows of the
canvas; a zoom scales about the canvas' middle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from common.conventions import SIZE
from transmitter.clips.world.motion import FRAMES, Pose
from transmitter.clips.world.scene import DIRECTIONS, Scene

ZOOM_REACH = 200.0
"""Pixels of `Scene.reach` that double the size."""


@dataclass(frozen=True)
class View:
    """The window of a frame: its corner on the canvas in pixels, and how many canvas pixels a screen pixel spans."""

    left: float
    top: float
    scale: float

    def to_canvas(self, x: float, y: float) -> tuple[float, float]:
        return self.left + self.scale * x, self.top + self.scale * y

    def to_screen(self, x: float, y: float) -> tuple[float, float]:
        return (x - self.left) / self.scale, (y - self.top) / self.scale


def canvas_size(scene: Scene) -> tuple[int, int]:
    """Height and width of the canvas in pixels."""
    reach = round(scene.reach)
    if scene.camera in ("in", "out"):
        side = int(np.ceil(SIZE * (1 + scene.reach / ZOOM_REACH)))
        return side, side
    step_x, step_y = DIRECTIONS.get(scene.camera, (0, 0))
    return SIZE + abs(step_y) * reach, SIZE + abs(step_x) * reach


def views(scene: Scene) -> list[View]:
    """The view of each of the 8 frames."""
    height, width = canvas_size(scene)
    made = []
    for frame in range(FRAMES):
        progress = frame / (FRAMES - 1)
        if scene.camera in ("in", "out"):
            away = progress if scene.camera == "out" else 1 - progress
            scale = (1 + scene.reach / ZOOM_REACH) ** away
            made.append(View((width - SIZE * scale) / 2, (height - SIZE * scale) / 2, scale))
        else:
            gone = float(np.rint(progress * round(scene.reach)))
            step_x, step_y = DIRECTIONS.get(scene.camera, (0, 0))
            left, top = (start if step < 0 else 0 for step, start in ((step_x, width - SIZE), (step_y, height - SIZE)))
            made.append(View(left + step_x * gone, top + step_y * gone, 1.0))
    return made


def seen(pose: Pose, first: View, view: View) -> Pose:
    """A pose of the first frame's screen on the screen of another view: objects live on the canvas."""
    x, y = view.to_screen(*first.to_canvas(pose.x, pose.y))
    return Pose(x, y, pose.radius * first.scale / view.scale, pose.angle, pose.mirrored)

"""What is known of each pixel of a clip: which object it shows, where outlines are, and where it came from."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from common.conventions import SIZE
from transmitter.clips.world.camera import seen, views
from transmitter.clips.world.motion import FRAMES, pose
from transmitter.clips.world.raster import drawn_parts, patches
from transmitter.clips.world.scene import Scene

PARTS = 32
"""In `parts`, part k of object n is ``PARTS`` · n + k."""

FLOW_GRID = 32


def labels(scene: Scene) -> NDArray[np.uint8]:
    """What each pixel shows: uint8 (8, 256, 256), 0 the background, n the scene's n-th object.

    A pixel belongs to the object that covers at least half of it; the later one hides the earlier ones.
    """
    made = np.zeros((FRAMES, SIZE, SIZE), np.uint8)
    for number, over_time in enumerate(patches(scene), 1):
        for frame, patch in zip(made, over_time, strict=True):
            there, own = patch.window(SIZE, SIZE)
            frame[there][patch.alpha[own] >= 128] = number
    return made


def parts(scene: Scene) -> NDArray[np.uint8]:
    """As `labels`, by the parts of the objects (a wheel, a window): uint8 (8, 256, 256), see `PARTS`."""
    made = np.zeros((FRAMES, SIZE, SIZE), np.uint8)
    seen_from = views(scene)
    for number, (shape, over_time) in enumerate(zip(scene.shapes, patches(scene), strict=True), 1):
        for f, patch in enumerate(over_time):
            there, own = patch.window(SIZE, SIZE)
            shown = drawn_parts(shape.form, seen(pose(shape, f), seen_from[0], seen_from[f]))[2]
            covered = patch.alpha[own] >= 128
            # what is covered but for its middle belongs to the rearmost part
            made[f][there][covered] = PARTS * number + np.maximum(shown[own], 1)[covered]
    return made


def contours(shown: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The outlines, one pixel wide, of the regions of `labels` or `parts` (..., H, W), as bool of that shape.

    A pixel is on an outline if one of its four neighbours shows something farther back: the outline lies on what is in
    front. The edge of the picture is none.
    """
    made = np.zeros(shown.shape, bool)
    made[..., 1:, :] |= shown[..., :-1, :] < shown[..., 1:, :]
    made[..., :-1, :] |= shown[..., 1:, :] < shown[..., :-1, :]
    made[..., :, 1:] |= shown[..., :, :-1] < shown[..., :, 1:]
    made[..., :, :-1] |= shown[..., :, 1:] < shown[..., :, :-1]
    return made


def flow(scene: Scene, shown: NDArray[np.uint8], grid: int = SIZE) -> NDArray[np.float32]:
    """Backward flow float32 (8, grid, grid, 2), in pixels (x right, y down): from each place to where that point of the
    object or of the background was in the first frame, be it hidden or outside the picture there.

    ``shown`` is `labels` of the scene. The places are the middles of ``grid`` by ``grid`` equal squares: with 256, the
    pixels; coarser, the square belongs to what the pixel right below its middle shows.
    """
    step = SIZE // grid
    along = (np.arange(grid, dtype=np.float32) + np.float32(0.5)) * np.float32(step)
    x, y = np.broadcast_to(along, (grid, grid)), np.broadcast_to(along[:, None], (grid, grid))
    sampled = shown[:, step // 2 :: step, step // 2 :: step]
    made = np.empty((FRAMES, grid, grid, 2), np.float32)
    seen_from = views(scene)
    first = seen_from[0]
    for f, view in enumerate(seen_from):
        source_x, source_y = first.to_screen(*view.to_canvas(x, y))  # type: ignore[arg-type]
        made[f, ..., 0], made[f, ..., 1] = source_x - x, source_y - y
        for number, shape in enumerate(scene.shapes, 1):
            now, then = seen(pose(shape, f), first, view), pose(shape, 0)
            turn, size = then.angle - now.angle, then.radius / now.radius
            cos, sin = np.float32(size * math.cos(turn)), np.float32(size * math.sin(turn))
            mine = sampled[f] == number
            dx, dy = x[mine] - np.float32(now.x), y[mine] - np.float32(now.y)
            made[f, mine, 0] = cos * dx - sin * dy + np.float32(then.x) - x[mine]
            made[f, mine, 1] = sin * dx + cos * dy + np.float32(then.y) - y[mine]
    return made


def visible_at_start(shown: NDArray[np.uint8], backward: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where the flow (8, 256, 256, 2) leads to a pixel of the first frame showing the same object: bool (8, 256, 256).

    Elsewhere what is seen now was hidden or outside the picture, and no pixel of the first frame shows it.
    """
    rows, columns = np.indices((SIZE, SIZE))
    x = np.floor(columns + 0.5 + backward[..., 0]).astype(int)
    y = np.floor(rows + 0.5 + backward[..., 1]).astype(int)
    inside = (x >= 0) & (x < SIZE) & (y >= 0) & (y < SIZE)
    return np.asarray(inside & (shown[0][y.clip(0, SIZE - 1), x.clip(0, SIZE - 1)] == shown))

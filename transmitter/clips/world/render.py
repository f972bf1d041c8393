"""A scene to pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common.conventions import SIZE
from transmitter.clips.world import background
from transmitter.clips.world.camera import views
from transmitter.clips.world.motion import FRAMES
from transmitter.clips.world.raster import paste, patches
from transmitter.clips.world.scene import Photo, Scene


def render(scene: Scene, photo: Photo | None = None) -> NDArray[np.uint8]:
    """The video uint8 (8, 256, 256, 3) RGB. The same scene and photo give the same pixels.

    Raises SettingError where the scene has a photo behind it and none is given.
    """
    canvas = background.draw(scene, photo)
    whole = Image.fromarray(canvas)
    video = np.empty((FRAMES, SIZE, SIZE, 3), np.uint8)
    for f, view in enumerate(views(scene)):
        if scene.camera in ("in", "out"):
            box = (view.left, view.top, view.left + SIZE * view.scale, view.top + SIZE * view.scale)
            video[f] = np.asarray(whole.resize((SIZE, SIZE), Image.Resampling.BILINEAR, box))
        else:
            left, top = int(view.left), int(view.top)
            video[f] = canvas[top : top + SIZE, left : left + SIZE]
    for over_time in patches(scene):
        for frame, patch in zip(video, over_time, strict=True):
            paste(frame, patch)
    return video

"""Motion of clips made here: the camera over a photo, things before a resting or a plain background."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from transmitter.extract.description.tags import motion

PHOTOS = {
    "coffee": skimage.data.coffee,
    "chelsea": skimage.data.chelsea,
    "astronaut": skimage.data.astronaut,
}
STEP = 8
"""Pixels between two frames."""


def canvas(name: str) -> Image.Image:
    return Image.fromarray(PHOTOS[name]()[..., :3]).resize((512, 512), Image.Resampling.BICUBIC)


def seen(photo: Image.Image, x: float, y: float, scale: float = 1.0) -> NDArray[np.uint8]:
    """256×256 of the photo about (256 + x, 256 + y), with ``scale`` of its pixels to one."""
    affine = (scale, 0, 256 + x - 128 * scale, 0, scale, 256 + y - 128 * scale)
    return np.asarray(photo.transform((256, 256), Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC))


def filmed(name: str, camera: str) -> NDArray[np.uint8]:
    """Eight frames from a camera that moves as it is told."""
    photo, frames = canvas(name), []
    x, y = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}.get(camera, (0, 0))
    growth = {"in": 0.96, "out": 1 / 0.96}.get(camera, 1.0)
    for number in range(8):
        way = STEP * (number - 3.5)
        frames.append(seen(photo, x * way, y * way, 1.2 * growth ** (number - 3.5)))
    return np.stack(frames)


def with_square(video: NDArray[np.uint8], x: float, y: float) -> NDArray[np.uint8]:
    """A yellow square on its way, (x, y) pixels from frame to frame."""
    out = video.copy()
    for number, frame in enumerate(out):
        left, top = (int(104 + step * (number - 3.5)) for step in (x, y))
        frame[top : top + 48, left : left + 48] = (240, 220, 40)
    return out


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("camera", ["left", "right", "up", "down", "in", "out", "still"])
def test_what_the_camera_does(name: str, camera: str) -> None:
    assert motion.find(filmed(name, camera)).camera == camera


@pytest.mark.parametrize("name", PHOTOS)
def test_a_camera_that_stands_still_in_noise(name: str) -> None:
    noise = np.random.default_rng(1).normal(0, 6, (8, 256, 256, 3))
    noisy = np.clip(filmed(name, "still") + noise, 0, 255).astype(np.uint8)
    assert motion.find(noisy) == motion.Motion("still", "nothing")


@pytest.mark.parametrize("background", ["coffee", "chelsea", "plain"])
@pytest.mark.parametrize(("towards", "x", "y"), [("left", -16, 0), ("right", 16, 0), ("up", 0, -16), ("down", 0, 16)])
def test_where_something_moves_before_a_resting_background(
    background: str, towards: motion.Moving, x: int, y: int
) -> None:
    video = np.full((8, 256, 256, 3), (30, 60, 120), np.uint8) if background == "plain" else filmed(background, "still")
    assert motion.find(with_square(video, x, y)) == motion.Motion("still", towards)


def test_something_that_goes_to_and_fro_has_no_direction() -> None:
    video = filmed("coffee", "still")
    video = np.stack([with_square(video, 16, 0)[i] for i in (0, 3, 6, 3, 0, 3, 6, 3)])
    assert motion.find(video) == motion.Motion("still", "something")


def test_something_moves_while_the_camera_does() -> None:
    found = motion.find(with_square(filmed("coffee", "right"), 0, 20))
    assert found == motion.Motion("right", "something")


def test_a_change_of_everything_is_no_motion_of_the_camera() -> None:
    video = np.random.default_rng(2).integers(0, 256, (8, 4, 4, 3)).astype(np.uint8).repeat(64, 1).repeat(64, 2)
    assert motion.find(video) == motion.Motion("still", "everything")


@pytest.mark.parametrize("shape", [(1, 256, 256, 3), (2, 32, 32, 3), (4, 512, 256, 3), (32, 64, 64, 3)])
def test_every_shape_of_clip_has_a_motion(shape: tuple[int, ...]) -> None:
    assert motion.find(np.full(shape, 90, np.uint8)) == motion.Motion("still", "nothing")

"""How a clip moves: the camera, and what moves in front of it.

The camera: between neighbouring frames a shift and a zoom are fitted to the picture, coarse to fine, with weights
that leave out what moves by itself (after Odobez and Bouthemy, Robust multiresolution estimation of parametric motion
models, 1995). What that does not explain moves in front of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Camera = Literal["still", "left", "right", "up", "down", "in", "out", "moves"]
Moving = Literal["nothing", "something", "left", "right", "up", "down", "everything"]
Frame = NDArray[np.float32]
Fit = tuple[float, float, float]

SIDE: Final = 64
"""Frames are looked at with this many pixels a side."""

LEAST_PAN: Final = 0.006
"""Shift of the picture between two frames from which on the camera pans: part of the picture's width."""

LEAST_ZOOM: Final = 0.006
"""Growth between two frames from which on the camera zooms."""

LEAST_AGREEMENT: Final = 0.7
"""The shifts must add up to this part of their lengths, or the camera only moves about."""

UNEXPLAINED: Final = 10.0
"""Grey levels (0 … 255) of difference from which on a pixel is not explained by the camera."""

LEAST_MOVING: Final = 0.006
"""Part of the picture that must be unexplained, so that something moves."""

MOST_MOVING: Final = 0.5
"""Beyond this part nothing can be said about the camera: the fit does not hold."""

LEAST_WAY: Final = 0.08
"""What moves must get so far, as part of the picture's width, that its direction is told."""

TEXTURE: Final = 1.5
"""Grey levels from a pixel to its neighbours, on average, from which on there is something to see."""

LEAST_PARTS: Final = 6
"""In so many of 16 parts of the picture there must be something to see, or what moves is not the camera."""

LEAST_VOTES: Final = 0.75
"""So many of these parts must be explained better by a camera that moves than by one that stands still."""

_LEVELS: Final = (4, 2, 1)
_ITERATIONS: Final = 6


@dataclass(frozen=True)
class Motion:
    """What the camera does and what moves in front of it. ``still`` and ``nothing`` are the words for not at all."""

    camera: Camera
    moving: Moving


def find(video: NDArray[np.uint8]) -> Motion:
    """The motion in a clip, uint8 (F, H, W, 3)."""
    if len(video) < 2:
        return Motion("still", "nothing")
    frames = _contrasts(video)
    pairs = list(itertools.pairwise(frames))
    fits = [_fit(*pair) for pair in pairs]
    if not _hold(pairs, fits):
        fits = [(0.0, 0.0, 0.0)] * len(pairs)
    shifts = np.array([fit[:2] for fit in fits]) / SIDE
    zooms = np.array([fit[2] for fit in fits])
    share = np.mean([_unexplained(one, _moved(other, *fit)) for (one, other), fit in zip(pairs, fits, strict=True)])
    if share > MOST_MOVING:
        return Motion("still", "everything")
    camera = _camera(shifts, zooms)
    if share < LEAST_MOVING:
        return Motion(camera, "nothing")
    return Motion(camera, _direction(frames) if camera == "still" else "something")


def _contrasts(video: NDArray[np.uint8]) -> Frame:
    """The clip as float32 (F, SIDE, SIDE) along the axis of RGB in which it differs most, so that red on equally bright
    blue is seen. A step of n grey levels stays n. A little blurred, so that edges have a slope.
    """
    scaled = (Image.fromarray(frame).resize((SIDE, SIDE), Image.Resampling.BOX) for frame in video)
    small = np.stack([np.asarray(frame) for frame in scaled])
    pixels = small.reshape(-1, 3).astype(np.float64)
    axis = np.linalg.eigh(np.cov(pixels.T))[1][:, -1]
    along = (pixels @ axis / np.sqrt(3)).reshape(small.shape[:3])
    return ndimage.gaussian_filter(along, (0, 0.7, 0.7)).astype(np.float32)


def _moved(frame: Frame, x: float, y: float, zoom: float) -> Frame:
    """``frame`` where each pixel has gone by a shift of (x, y) pixels and growth about the middle; NaN outside."""
    middle = (np.array(frame.shape) - 1) / 2
    offset = np.array([y, x]) - zoom * middle
    moved = ndimage.affine_transform(frame, np.full(2, 1 + zoom), offset, order=1, mode="constant", cval=np.nan)
    return np.asarray(moved, np.float32)


def _fit(one: Frame, other: Frame) -> Fit:
    """(x, y, zoom) that take ``one`` to ``other``: the picture's shift in pixels and its growth."""
    starts = {(0.0, 0.0), _correlated(one, other)}
    found = [_refined(one, other, *start) for start in sorted(starts, key=lambda start: np.hypot(*start))]
    return min(found, key=lambda fit: _unexplained(one, _moved(other, *fit)))


def _refined(one: Frame, other: Frame, x: float, y: float) -> Fit:
    """The fit that is found from a shift to begin with, by reweighted Gauss-Newton steps."""
    zoom = 0.0
    for level in _LEVELS:
        small, large = _reduced(one, level), _reduced(other, level)
        gradient_y, gradient_x = np.gradient(small)
        v, u = (np.arange(n) - (n - 1) / 2 for n in small.shape)
        slopes = np.stack([gradient_x, gradient_y, gradient_x * u + gradient_y * v[:, None]], axis=-1)
        for _ in range(_ITERATIONS):
            error = _moved(large, x / level, y / level, zoom) - small
            seen = np.isfinite(error)
            residual, slope = error[seen], slopes[seen]
            spread = 4.0 * max(float(np.median(np.abs(residual))), 1.0)
            weighted = slope / (1.0 + (residual / spread) ** 2)[:, None] ** 2
            step = np.linalg.solve(weighted.T @ slope + 1e-3 * np.eye(3), -weighted.T @ residual)
            x, y = (float(np.clip(t + level * d, -SIDE / 3, SIDE / 3)) for t, d in ((x, step[0]), (y, step[1])))
            zoom = float(np.clip(zoom + step[2], -0.2, 0.2))
    return x, y, zoom


def _reduced(frame: Frame, factor: int) -> Frame:
    """Means over blocks of ``factor`` times ``factor``."""
    side = SIDE // factor
    return frame.reshape(side, factor, side, factor).mean((1, 3))


def _correlated(one: Frame, other: Frame) -> tuple[float, float]:
    """The shift (x, y) in whole pixels by phase correlation."""
    window = np.hanning(SIDE)[:, None] * np.hanning(SIDE)
    a, b = (np.fft.rfft2((frame - frame.mean()) * window) for frame in (one, other))
    cross = b * a.conj()
    peak = np.fft.irfft2(cross / (np.abs(cross) + 1e-3 * np.abs(cross).max() + 1e-9), s=one.shape)
    y, x = divmod(int(peak.argmax()), SIDE)
    return float((x + SIDE // 2) % SIDE - SIDE // 2), float((y + SIDE // 2) % SIDE - SIDE // 2)


def _unexplained(one: Frame, moved: Frame) -> float:
    """Of what is known of ``moved``, the part that is not as ``one``."""
    return float((np.abs(moved - one) > UNEXPLAINED).sum() / max(np.isfinite(moved).sum(), 1))


def _hold(pairs: Sequence[tuple[Frame, Frame]], fits: Sequence[Fit]) -> bool:
    """Whether what was fitted is the camera's motion, and not that of one thing before a plain or resting background.

    There must be something to see in many parts of the picture, and most of these must agree with the fit, more than
    with a camera that stands still.
    """
    textured = np.stack([_parts(_steepness(one)) > TEXTURE for one, _ in pairs])
    if np.median(textured.sum((1, 2))) < LEAST_PARTS:
        return False
    still = np.stack([_parts(np.abs(other - one)) for one, other in pairs])
    fitted = np.stack(
        [
            _parts(np.nan_to_num(np.abs(_moved(other, *fit) - one)))
            for (one, other), fit in zip(pairs, fits, strict=True)
        ]
    )
    return bool((fitted < 0.8 * still)[textured].mean() > LEAST_VOTES)


def _steepness(frame: Frame) -> Frame:
    """Difference from each pixel to the ones before it, as (SIDE, SIDE)."""
    steps = np.abs(np.diff(frame, axis=0))[:, 1:] + np.abs(np.diff(frame, axis=1))[1:]
    return np.pad(steps, ((1, 0), (1, 0)))


def _parts(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Means over the (4, 4) parts of the picture."""
    return _reduced(values, SIDE // 4)


def _camera(shifts: NDArray[np.float64], zooms: NDArray[np.float64]) -> Camera:
    """``shifts`` (F - 1, 2) of the picture as parts of its width, ``zooms`` (F - 1,) its growth."""
    x, y = shifts.mean(0)
    zoom = float(zooms.mean())
    length = float(np.hypot(*shifts.T).mean())
    # A point half way to the border goes a quarter of the picture's width times the growth.
    if abs(zoom) >= LEAST_ZOOM and 0.25 * abs(zoom) > np.hypot(x, y) and _agree(zooms):
        return "in" if zoom > 0 else "out"
    if np.hypot(x, y) >= LEAST_PAN and np.hypot(x, y) >= LEAST_AGREEMENT * length:
        # The picture goes where the camera does not.
        if abs(x) >= abs(y):
            return "left" if x > 0 else "right"
        return "up" if y > 0 else "down"
    return "moves" if length >= 2 * LEAST_PAN else "still"


def _agree(values: NDArray[np.float64]) -> bool:
    return bool(abs(values.sum()) >= LEAST_AGREEMENT * np.abs(values).sum())


def _direction(frames: Frame) -> Moving:
    """Where that goes which is not as the picture mostly is; "something" where it does not go one way."""
    background = np.median(frames, axis=0)
    weight = np.maximum(np.abs(frames - background) - UNEXPLAINED, 0.0)
    mass = weight.sum((1, 2))
    there = np.flatnonzero(mass > 0.1 * mass.max())
    if len(there) < 3:
        return "something"
    place = np.arange(SIDE) / SIDE
    x, y = (weight.sum(axis) @ place / np.maximum(mass, 1e-9) for axis in (1, 2))
    ways = np.diff(np.stack([x, y], axis=-1)[there], axis=0)
    way = ways.sum(0)
    length = float(np.hypot(*way))
    if length < LEAST_WAY or length < LEAST_AGREEMENT * float(np.hypot(*ways.T).sum()) or abs(way).min() > length / 2:
        return "something"
    if abs(way[0]) >= abs(way[1]):
        return "right" if way[0] > 0 else "left"
    return "down" if way[1] > 0 else "up"

"""Shots of a video: where the cuts are, and which frames make clips of a few frames a second inside one shot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from transmitter.clips.cuts import THUMBNAIL, cuts


@dataclass(frozen=True)
class Shot:
    """Frames ``start`` to ``stop`` (exclusive) of a video, in decoding order."""

    number: int
    start: int
    stop: int


def frames_of(video: Path) -> Iterator[av.VideoFrame]:
    """Every frame of the first video stream. Raises av.FFmpegError on a file that is no video."""
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        yield from container.decode(stream)


def rate_of(video: Path) -> float:
    """Mean frames per second of the first video stream."""
    with av.open(str(video)) as container:
        return float(container.streams.video[0].average_rate or 25)


def thumbnails(video: Path) -> NDArray[np.uint8]:
    """All frames as tiny pictures, uint8 (N, 18, 32, 3): enough to see a cut."""
    width, height = THUMBNAIL
    return np.stack([frame.to_ndarray(width=width, height=height, format="rgb24") for frame in frames_of(video)])


def shots(pictures: NDArray[np.uint8]) -> list[Shot]:
    """The shots between the cuts, in order."""
    edges = [0, *cuts(pictures), len(pictures)]
    return [Shot(number, start, stop) for number, (start, stop) in enumerate(pairwise(edges))]


def windows(shot: Shot, *, rate: float, fps: float, frames: int, hop: int, margin: int = 2) -> list[list[int]]:
    """Frame numbers of clips inside a shot: ``frames`` at ``fps``, each clip ``hop`` clip frames after the last.

    ``margin`` frames at either end of the shot are left out, where a fade or a late cut may lie.
    """
    first, last = shot.start + margin, shot.stop - 1 - margin
    step = rate / fps
    count = int((last - first) / step) + 1 if last >= first else 0
    grid = [first + round(index * step) for index in range(count)]
    return [grid[begin : begin + frames] for begin in range(0, count - frames + 1, hop)]

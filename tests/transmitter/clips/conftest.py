"""Videos made for a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest


def _make_video(
    path: Path,
    pictures: Sequence[np.ndarray],
    *,
    fps: int = 25,
    times_s: Sequence[float] | None = None,
    codec: str = "ffv1",
    pixels: str = "bgr0",
    turn: int = 0,
    movflags: str = "",
    options: Mapping[str, str] | None = None,
    cut_in: int | None = None,
) -> Path:
    """A video of the pictures; the default codec keeps every pixel. ``times_s`` makes its frame rate vary.

    ``options`` are the encoder's. ``cut_in`` ends the file midway in the packet of that number: the size of a packet is
    not the same on every processor (FFmpeg and x264 round differently with other instruction sets), so a place in bytes
    would fall into different frames.
    """
    with av.open(str(path), "w", options={"movflags": movflags} if movflags else {}) as container:
        stream = container.add_stream(codec, rate=fps, options=dict(options or {}))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.thread_count = 1
        base = Fraction(1, 90000) if times_s is not None else Fraction(1, fps)
        stream.codec_context.time_base = base
        if turn:
            stream.set_display_rotation(turn)
        for k, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixels, threads=1)
            frame.time_base = base
            frame.pts = k if times_s is None else round(times_s[k] / base)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    if cut_in is not None:
        with av.open(str(path)) as whole:
            packet = [packet for packet in whole.demux(video=0) if packet.size][cut_in]
            assert packet.pos
            end = packet.pos + packet.size // 2
        path.write_bytes(path.read_bytes()[:end])
    return path


@pytest.fixture(scope="session")
def make_video() -> Callable[..., Path]:
    """See ``_make_video``."""
    return _make_video

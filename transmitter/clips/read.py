"""One clip of a video file."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path

from common.clip import Clip
from common.conventions import FPS, FRAMES, SIZE
from transmitter.clips.stream import read_stream
from transmitter.clips.wanted import Wanted


def read_clip(
    path: str | Path,
    *,
    frames: int = FRAMES,
    size: tuple[int, int] = (SIZE, SIZE),
    fps: float = FPS,
    start_s: float = 0.0,
    caption: str | None = None,
    name: str | None = None,
    number: int = 0,
) -> Clip:
    """``frames`` frames at ``fps`` from a video file, the first at ``start_s`` seconds, as a clip of ``size`` = (H, W).

    For each moment ``start_s + k / fps`` the frame with the nearest timestamp is taken (of two equally near ones the
    earlier), whatever the file's own frame rate and however it varies; where there is a cut among them, as in
    ``transmitter.clips.stream``. Rotation flags and pixel aspect are honoured; the centre is cropped to the wanted
    aspect and scaled, up where the video is smaller (and that is logged when drastic).

    A video that ends early repeats its last frame, and a still picture is its one frame throughout; both are logged.
    Damaged packets are skipped and counted in the log. Decoding streams: memory is a few frames, not the video.

    ``caption`` None looks for a text file of the same name beside the video; where there is none the caption is empty.
    ``name`` defaults to the file's name without its suffix.

    Raises ClipError (one line) where the file is missing, empty, no video, too large, without a frame that can be
    decoded, or over before ``start_s``; SettingError where an argument makes no sense.
    """
    path = Path(path)
    wanted = Wanted(frames, size, fps, start_s)
    called = path.stem if name is None else name
    with closing(read_stream(path, wanted, caption=caption, name=called, start_s=start_s)) as clips:
        return dataclasses.replace(next(clips), number=number)

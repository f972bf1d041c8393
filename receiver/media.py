"""Videos and pictures to files. A file appears complete or not at all, and replaces the one of its name."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from common.errors import GvscError, SettingError

CRF = "12"
"""x264's quality: for looking at, one does not see what this encoder did. Metrics are measured on the frames."""


class OutputError(GvscError):
    """A result cannot be written."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path``, renamed to it at the end; gone after an error. Folders are made as needed.

    Raises OutputError, one line, where the folder cannot be written to or the disk is full.
    """
    temporary = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, av.error.FFmpegError) as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error


def write_mp4(path: str | Path, video: NDArray[np.uint8], fps: float) -> None:
    """An H.264 file (yuv420p, BT.709, limited range, index in front) that browsers play, each frame 1 / fps seconds.

    ``video`` is uint8 (F, H, W, 3), H and W even. Equal input gives equal bytes. Raises SettingError, OutputError.
    """
    _check_video(video)
    frames, height, width, _ = video.shape
    if height % 2 or width % 2:
        raise SettingError(f"an mp4 needs an even height and width, not {width}×{height}")
    if not 0.01 <= fps <= 1000:
        raise SettingError(f"an mp4 needs a frame rate within 0.01 … 1000 fps, not {fps!r}")
    rate = Fraction(fps).limit_denominator(1001)
    with (
        replacing(Path(path)) as temporary,
        av.open(str(temporary.absolute()), "w", format="mp4", options={"movflags": "+faststart"}) as container,
    ):
        stream = add_h264(container, rate, (height, width), {"preset": "medium"})
        for k in range(frames):
            container.mux(stream.encode(h264_frame(video[k], k, rate)))
        container.mux(stream.encode(None))


def add_h264(
    container: OutputContainer, rate: Fraction, size: tuple[int, int], options: Mapping[str, str]
) -> VideoStream:
    """A stream for ``h264_frame``s (yuv420p, BT.709, limited range) of ``size`` = (H, W), both even."""
    stream = container.add_stream("libx264", rate=rate, options={"crf": CRF, **options})
    stream.height, stream.width = size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = 1 / rate
    context.thread_count = 1
    context.color_range = int(ColorRange.MPEG)
    context.colorspace = int(Colorspace.ITU709)
    context.color_primaries = int(ColorPrimaries.BT709)
    context.color_trc = int(ColorTrc.BT709)
    return stream


def h264_frame(
    picture: NDArray[np.uint8], number: int, rate: Fraction, size: tuple[int, int] | None = None
) -> av.VideoFrame:
    """Frame ``number`` of a stream that ``add_h264`` made: uint8 (H, W, 3), scaled where ``size`` = (H, W) differs."""
    height, width = size or picture.shape[:2]
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(
        width=width,
        height=height,
        format="yuv420p",
        dst_colorspace=int(Colorspace.ITU709),
        src_color_range=int(ColorRange.JPEG),
        dst_color_range=int(ColorRange.MPEG),
        interpolation="BICUBIC",
        threads=1,
    )
    frame.pts, frame.time_base = number, 1 / rate
    return frame


def write_frames(folder: str | Path, video: NDArray[np.uint8]) -> list[Path]:
    """The frames as lossless 000.png, 001.png … in the folder; numbered frames of an earlier, longer video are removed.

    ``video`` is uint8 (F, H, W, 3). Returns the paths in order. Raises SettingError, OutputError.
    """
    _check_video(video)
    folder = Path(folder)
    paths = [folder / f"{k:03d}.png" for k in range(video.shape[0])]
    for path, picture in zip(paths, video, strict=True):
        write_png(path, picture)
    try:
        for old in folder.iterdir():
            if re.fullmatch(r"\d{3,}\.png", old.name) and old not in paths:
                old.unlink()
    except OSError as error:
        raise OutputError(f"old frames in {folder} cannot be removed: {error.strerror}") from error
    return paths


def write_png(path: str | Path, picture: Image.Image | NDArray[np.uint8]) -> None:
    """A lossless PNG of a picture, or of uint8 (H, W, 3). Raises SettingError, OutputError."""
    if not isinstance(picture, Image.Image):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
            raise SettingError(f"a picture must be uint8 (H, W, 3), not {picture.dtype} {picture.shape}")
        picture = Image.fromarray(picture)
    with replacing(Path(path)) as temporary:
        picture.save(temporary, format="PNG")


def _check_video(video: NDArray[np.uint8]) -> None:
    if video.dtype != np.uint8 or video.ndim != 4 or video.shape[3] != 3 or video.size == 0:
        raise SettingError(f"a video must be uint8 (F, H, W, 3), not {video.dtype} {video.shape}")

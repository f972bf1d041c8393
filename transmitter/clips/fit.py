"""One decoded frame to one RGB picture of the wanted size: colours, rotation, centre crop, antialiased resize."""

from __future__ import annotations

import logging
from typing import Any

import av.error
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray
from PIL import Image

from common.errors import ClipError
from transmitter.clips.decode import TimedFrame

log = logging.getLogger(__name__)

# ITU-T H.273 matrix coefficients, as FFmpeg's AVColorSpace names them. What is not listed is 0 (RGB) or unspecified.
MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.SMPTE170M,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}

HD_HEIGHT = 720
"""From this height on, a video that does not name its colour matrix is taken to be BT.709, as players do."""


def fit(frame: VideoFrame, size: tuple[int, int], pixel_aspect: float = 1.0) -> NDArray[np.uint8]:
    """The frame as uint8 (H, W, 3) RGB, full range, for ``size`` = (H, W).

    Turned upright as its display matrix says; the largest centred part with the aspect ratio of ``size`` is kept and
    scaled, up or down, with an antialiased bicubic filter. ``pixel_aspect`` is a stored pixel's width over its height.
    """
    height, width = size
    picture = _rgb(frame)
    # The display matrix tells the counterclockwise turn that puts the picture upright.
    quarter_turns = round(frame.rotation / 90) % 4
    if quarter_turns:
        picture = np.rot90(picture, quarter_turns)
        if quarter_turns % 2:
            pixel_aspect = 1.0 / pixel_aspect
    rows, columns = picture.shape[:2]
    # The crop in stored pixels: its shown width over its height must be width / height.
    wanted = width / height / pixel_aspect
    crop_rows = min(float(rows), columns / wanted)
    crop_columns = min(float(columns), rows * wanted)
    top, left = (rows - crop_rows) / 2, (columns - crop_columns) / 2
    # Only what the crop touches goes to Pillow, which keeps a second copy of what it is given.
    first_row, first_column = int(top), int(left)
    last_row, last_column = int(np.ceil(top + crop_rows)), int(np.ceil(left + crop_columns))
    part = np.ascontiguousarray(picture[first_row:last_row, first_column:last_column])
    box = (left - first_column, top - first_row, left - first_column + crop_columns, top - first_row + crop_rows)
    box = (box[0], box[1], min(box[2], float(part.shape[1])), min(box[3], float(part.shape[0])))
    scaled = Image.fromarray(part).resize((width, height), Image.Resampling.BICUBIC, box=box)
    return np.asarray(scaled, dtype=np.uint8)


def picture_of(source: str, timed: TimedFrame, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A decoded frame as ``fit`` makes it. Raises ClipError, naming ``source``, where it cannot be converted."""
    try:
        return fit(timed.frame, size, timed.pixel_aspect)
    except (av.error.FFmpegError, ValueError) as error:
        raise ClipError(f"{source}: its pictures cannot be converted to RGB ({error})") from None


def tell_scale(source: str, frame: VideoFrame, size: tuple[int, int]) -> None:
    """Logs that the pictures are far smaller than wanted."""
    if 2 * min(frame.width, frame.height) < min(size):
        held, wanted = f"{frame.width}×{frame.height}", f"{size[1]}×{size[0]}"
        log.warning("%s: only %s pixels, scaled up to %s", source, held, wanted)


def _rgb(frame: VideoFrame) -> NDArray[np.uint8]:
    """The whole frame as uint8 (rows, columns, 3), with the matrix and the range that the frame was made with."""
    matrix = MATRICES.get(int(frame.colorspace))
    if matrix is None:
        matrix = Colorspace.ITU709 if frame.height >= HD_HEIGHT else Colorspace.ITU601
    source: dict[str, Any] = {"src_colorspace": int(matrix)}
    if int(frame.color_range) in (ColorRange.MPEG, ColorRange.JPEG):
        source["src_color_range"] = int(frame.color_range)
    picture = frame.reformat(
        format="rgb24", interpolation="BICUBIC", dst_color_range=int(ColorRange.JPEG), threads=1, **source
    ).to_ndarray()
    return np.asarray(picture, dtype=np.uint8)

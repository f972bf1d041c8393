"""Pictures in messages: payloads as arrays of the shape that their header states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from common import wire
from common.errors import ProtocolError


def video(message: wire.Message) -> NDArray[np.uint8]:
    """The first payload as uint8 (F, H, W, 3). Raises ProtocolError for any other shape."""
    return picture(message, 0, message.header["shape"], "video", (4,))


def picture(
    message: wire.Message, index: int, shape: Sequence[int], what: str, dimensions: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Payload ``index`` as uint8 of ``shape``; where it has four dimensions, the last one is 3.

    ``what`` names the picture in errors. Raises ProtocolError unless it has one of the numbers of ``dimensions``, and
    at least one pixel.
    """
    if len(shape) not in dimensions or 0 in shape or (len(shape) == 4 and shape[3] != 3):
        raise ProtocolError(f"{message.kind}: a {what} cannot have the shape {list(shape)}")
    return np.frombuffer(message.payloads[index], dtype=np.uint8).reshape(shape)

"""Pictures in messages: payloads as arrays of the shape that their header states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from common import wire
from common.errors import ProtocolError


def video(message: wire.Message) -> NDArray[np.uint8]:
    """The video of a preview or a result, uint8 (F, H, W, 3). Raises ProtocolError for any other shape."""
    found = message.video()
    if found is None or found.ndim != 4 or found.shape[3] != 3 or not found.size:
        raise _wrong(message, "video", message.header["shape"])
    return found


def of_sections(message: wire.Message) -> dict[str, NDArray[np.uint8]]:
    """The picture of each section of a result that has one, uint8 (H, W) or (H, W, 3), by the section's name.

    Raises ProtocolError for any other shape, and where two sections have one name.
    """
    names = [about["name"] for about in message.header["sections"]]
    if len(set(names)) < len(names):
        raise ProtocolError("result: two sections have the same name")
    found = message.section_pictures()
    for name, picture in found.items():
        if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] != 3):
            raise _wrong(message, name, picture.shape)
    return found


def _wrong(message: wire.Message, what: str, shape: Sequence[int]) -> ProtocolError:
    return ProtocolError(f"{message.kind}: a {what} cannot have the shape {list(shape)}")

"""The description that comes with a video file."""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)

MAX_BYTES = 65536
"""How much of a caption file is read. What the air carries is far shorter, and is cut where it is coded."""


def clean(text: str) -> str:
    """The text on one line: runs of white space become one space, control characters go."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def sidecar_caption(video: Path) -> str:
    """The text file of the same name beside the video, as one line; empty where there is none or it cannot be read."""
    path = video.with_suffix(".txt")
    if path == video or not path.is_file():
        return ""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES)
    except OSError as error:
        log.warning("%s: cannot be read (%s); the caption is empty", path, error.strerror)
        return ""
    return clean(data.decode("utf-8-sig", errors="replace"))


def caption_of(video: Path, given: str | None) -> str:
    """``given``, or the text file beside the video; where there is neither it is empty, and that is logged."""
    caption = sidecar_caption(video) if given is None else given
    if given is None and not caption:
        log.warning("%s: no caption", video)
    return caption

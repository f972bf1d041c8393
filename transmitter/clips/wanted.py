"""What clips a reader is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from common.conventions import FPS, FRAMES, SIZE
from common.errors import SettingError


@dataclass(frozen=True)
class Wanted:
    """``frames`` frames at ``fps`` of ``size`` = (H, W) a clip. Raises SettingError where one makes no sense.

    ``clip_at`` None: all of a video, clip after clip; else the one clip of each video that starts so many seconds in.
    Sources without an end (a camera, the rendered world) do not look at it. ``caption`` takes the place of each clip's
    own.
    """

    frames: int = FRAMES
    size: tuple[int, int] = (SIZE, SIZE)
    fps: float = FPS
    clip_at: float | None = None
    caption: str | None = None

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise SettingError(f"a clip needs at least one frame, not {self.frames}")
        if len(self.size) != 2 or min(self.size) < 1:
            raise SettingError(f"a clip's size is (height, width) in pixels, not {self.size!r}")
        if not math.isfinite(self.fps) or self.fps <= 0:
            raise SettingError(f"fps must be a positive number, not {self.fps!r}")
        if self.clip_at is not None and (not math.isfinite(self.clip_at) or self.clip_at < 0):
            raise SettingError(f"a clip's start must be a number of seconds from 0 on, not {self.clip_at!r}")

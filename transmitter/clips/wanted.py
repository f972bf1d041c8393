"""What clips a reader is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass

from common.conventions import FPS, FRAMES, SIZE
from common.errors import SettingError


@dataclass(frozen=True)
class Wanted:
    """``frames`` frames at ``fps`` of ``size`` = (H, W) a clip. Raises SettingError where one makes no sense.

    Of each video either all, clip after clip, from ``start_s`` seconds in (None: its beginning), or only the one clip
    that starts at ``clip_at`` seconds. Sources without an end (a camera, the rendered world) take neither.
    ``caption`` takes the place of each clip's own.
    """

    frames: int = FRAMES
    size: tuple[int, int] = (SIZE, SIZE)
    fps: float = FPS
    clip_at: float | None = None
    caption: str | None = None
    start_s: float | None = None

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise SettingError(f"a clip needs at least one frame, not {self.frames}")
        if len(self.size) != 2 or min(self.size) < 1:
            raise SettingError(f"a clip's size is (height, width) in pixels, not {self.size!r}")
        if not math.isfinite(self.fps) or self.fps <= 0:
            raise SettingError(f"fps must be a positive number, not {self.fps!r}")
        for at_s in (self.clip_at, self.start_s):
            if at_s is not None and (not math.isfinite(at_s) or at_s < 0):
                raise SettingError(f"a clip's start must be a number of seconds from 0 on, not {at_s!r}")
        if self.clip_at is not None and self.start_s is not None:
            raise SettingError("either one clip of each video is wanted or all from somewhere on, not both")

"""What every metric requires of the two clips that it compares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from common.errors import SettingError


def check_clips(source: NDArray[np.uint8], received: NDArray[np.uint8]) -> None:
    """Raises SettingError unless both are uint8 (F, H, W, 3) of one shape with at least one pixel."""
    for role, video in (("source", source), ("reconstruction", received)):
        if not isinstance(video, np.ndarray) or video.dtype != np.uint8:
            kind = video.dtype if isinstance(video, np.ndarray) else type(video).__name__
            raise SettingError(f"a metric compares uint8 clips, but the {role} is {kind}")
        if video.ndim != 4 or video.shape[3] != 3 or video.size == 0:
            raise SettingError(f"a metric compares clips (F, H, W, 3), but the {role} has shape {video.shape}")
    if source.shape != received.shape:
        raise SettingError(f"a metric compares clips of one shape, not {source.shape} and {received.shape}")

"""The received first frame, moved as the received motion says."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from common.codecs.motion.warp import warp
from common.errors import SettingError
from receiver.generators.base import Conditions

MOTION: Final = "motion"
"""What motion is called among conditions."""


def warped(conditions: Conditions) -> NDArray[np.float32] | None:
    """The clip, float32 (F, 3, H, W) in [0, 1], its first frame as it was received; None without frame or motion.

    Between pixels the frame is bicubic; beyond its border the nearest pixel is held. Raises SettingError for fields
    that do not fit the clip.
    """
    frame, fields = conditions.first_frame, conditions.get(MOTION)
    if frame is None or fields is None:
        return None
    wanted = (conditions.frames - 1, 2, conditions.height, conditions.width)
    if fields.shape != wanted:
        raise SettingError(f"the motion is {fields.shape}, but {wanted} is wanted")
    first = torch.from_numpy(frame.copy())
    with torch.inference_mode():
        others = warp(first, torch.from_numpy(fields.copy()), "bicubic").clamp(0.0, 1.0)
        return torch.cat([first[None], others]).numpy()

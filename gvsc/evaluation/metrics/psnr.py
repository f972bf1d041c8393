"""Peak signal-to-noise ratio."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gvsc.evaluation.metrics.base import METRICS
from gvsc.evaluation.metrics.clips import check_clips

CAP_DB = 100.0
"""PSNR of a frame that is identical; without a cap one such frame would make the mean infinite."""


@METRICS.register(
    "psnr",
    "peak signal-to-noise ratio",
    of="clip",
    better="higher",
    unit="dB",
    label="PSNR",
    digits=2,
    headline=True,
)
def psnr(source: NDArray[np.uint8], received: NDArray[np.uint8]) -> float:
    """Mean over the frames of 10·log10(255² / MSE), MSE over a frame's pixels and channels, in dB.

    Both clips uint8 (F, H, W, 3). A frame counts for at most ``CAP_DB``. Raises SettingError for other input.
    """
    check_clips(source, received)
    per_frame = [_frame_db(a, b) for a, b in zip(source, received, strict=True)]
    return float(np.mean(per_frame))


def _frame_db(source: NDArray[np.uint8], received: NDArray[np.uint8]) -> float:
    difference = source.astype(np.float64) - received
    mse = float(np.mean(np.square(difference)))
    return CAP_DB if mse == 0.0 else min(CAP_DB, 10.0 * float(np.log10(255.0**2 / mse)))

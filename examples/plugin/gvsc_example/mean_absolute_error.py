"""The metric ``mean-absolute-error``: how far pixels are off, in grey levels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gvsc.evaluation.metrics.base import METRICS
from gvsc.evaluation.metrics.clips import check_clips


@METRICS.register(
    "mean-absolute-error",
    "mean absolute error of pixels (example)",
    of="clip",
    better="lower",
    unit="levels",
    label="MAE",
    digits=2,
)
def mean_absolute_error(source: NDArray[np.uint8], received: NDArray[np.uint8]) -> float:
    """Mean |source − received| over all frames, pixels and channels, in levels of 0 … 255.

    Both clips uint8 (F, H, W, 3). Raises SettingError for other input.
    """
    check_clips(source, received)
    return float(np.mean(np.abs(source.astype(np.int16) - received)))

"""Structural similarity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from common.errors import SettingError
from common.needs import Package
from gvsc.evaluation.metrics.base import METRICS
from gvsc.evaluation.metrics.clips import check_clips

WINDOW = 11
"""Side of the Gaussian window of standard deviation 1.5 pixels."""


@METRICS.register(
    "ssim",
    "structural similarity",
    needs=(Package("scikit-image", "skimage"),),
    of="clip",
    better="higher",
    label="SSIM",
    headline=True,
)
def ssim(source: NDArray[np.uint8], received: NDArray[np.uint8]) -> float:
    """SSIM of Wang et al., "Image quality assessment: from error visibility to structural similarity" (2004).

    Gaussian window 11×11 of σ = 1.5, K1 = 0.01, K2 = 0.03, L = 255, population covariance, only where the window lies
    wholly inside; each of R, G and B by itself, then the mean over channels, places and frames. 1 for identical clips.

    Both clips uint8 (F, H, W, 3), H and W at least 11. Raises SettingError for other input.
    """
    # here, so that listing the metrics does not cost the import
    from skimage.metrics import structural_similarity

    check_clips(source, received)
    if min(source.shape[1:3]) < WINDOW:
        raise SettingError(f"ssim needs frames of at least {WINDOW}×{WINDOW} pixels, not {source.shape[1:3]}")
    per_frame = [
        structural_similarity(
            a, b, data_range=255, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        for a, b in zip(source, received, strict=True)
    ]
    return float(np.mean(per_frame))

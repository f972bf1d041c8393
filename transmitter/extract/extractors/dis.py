"""`dis`: dense optical flow by DIS, OpenCV's, tracked from frame to frame: a first guess of a clip's motion."""

from __future__ import annotations

from typing import Any

from common.needs import Package
from transmitter.extract.base import EXTRACTORS, MOTION_ESTIMATOR


@EXTRACTORS.register(
    "dis",
    "dense optical flow by DIS, of OpenCV",
    kind=MOTION_ESTIMATOR,
    needs=(Package("opencv-python-headless", "cv2"),),
    default=True,
)
def load() -> Any:
    """Raises PackageError without OpenCV."""
    from transmitter.extract.motion.dis import DisFlow

    return DisFlow()

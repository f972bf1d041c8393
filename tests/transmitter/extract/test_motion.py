"""Dense optical flow towards the first frame."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from transmitter.extract.motion.dis import DisFlow

pytest.importorskip("cv2")


def test_a_pan_is_found() -> None:
    noise = np.random.default_rng(5).standard_normal((160, 200))
    picture = gaussian_filter(noise, 3)
    grey = np.clip(128 + 50 * picture / picture.std(), 0, 255).astype(np.uint8)
    video = np.stack([grey[10:138, 10 + 5 * t : 138 + 5 * t] for t in range(8)])[..., None].repeat(3, axis=3)
    fields = DisFlow().extract(video)
    assert fields.shape == (7, 2, 128, 128)
    assert fields.dtype == np.float32
    inside = fields[:, :, 32:96, 16:64]
    for t in range(7):
        assert np.median(inside[t, 0]) == pytest.approx(5.0 * (t + 1), abs=0.3)
        assert np.median(inside[t, 1]) == pytest.approx(0.0, abs=0.3)


@pytest.mark.parametrize("shape", [(8, 32, 32, 3), (8, 32, 512, 3), (1, 64, 64, 3), (2, 64, 64, 3)])
def test_any_clip_has_bounded_fields_the_same_each_time(shape: tuple[int, int, int, int]) -> None:
    for video in (np.full(shape, 90, np.uint8), np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)):
        first, second = (DisFlow().extract(video) for _ in range(2))
        assert first.shape == (shape[0] - 1, 2, *shape[1:3])
        assert np.isfinite(first).all()
        assert np.abs(first).max(initial=0.0) <= max(shape[1:3])
        assert first.tobytes() == second.tobytes()

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import convolve2d

from common.errors import SettingError
from gvsc.evaluation.metrics import METRICS
from gvsc.evaluation.metrics.psnr import psnr
from gvsc.evaluation.metrics.ssim import ssim


def clip(frames: int = 2, size: int = 32, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = rng.integers(0, 255, (frames, size // 8, size // 8, 3)).repeat(8, 1).repeat(8, 2)
    return np.clip(smooth + rng.normal(0, 6, (frames, size, size, 3)), 0, 255).astype(np.uint8)


def test_psnr_of_a_constant_difference():
    source = np.full((3, 16, 16, 3), 100, np.uint8)
    for step in (1, 5, 50):
        assert psnr(source, source + np.uint8(step)) == pytest.approx(20 * np.log10(255 / step))
    # below zero too: unsigned bytes must not wrap round
    assert psnr(source, source - np.uint8(100)) == pytest.approx(20 * np.log10(2.55))


def test_psnr_is_the_mean_over_frames_and_caps_identical_ones():
    source = np.zeros((2, 16, 16, 3), np.uint8)
    received = source.copy()
    assert psnr(source, received) == 100.0
    received[1] = 255
    assert psnr(source, received) == pytest.approx(50.0)
    received[0] = 51
    assert psnr(source, received) == pytest.approx((20 * np.log10(5) + 0) / 2)


def test_psnr_of_noise():
    rng = np.random.default_rng(5)
    source = np.full((4, 64, 64, 3), 128, np.uint8)
    received = np.rint(source + rng.normal(0, 10, source.shape)).astype(np.uint8)
    # rounding adds 1/12
    assert psnr(source, received) == pytest.approx(10 * np.log10(255**2 / (100 + 1 / 12)), abs=0.05)


def reference_ssim(source: np.ndarray, received: np.ndarray) -> float:
    """The paper's formula, written out: an explicit 11×11 window, only where it fits."""
    offset = np.arange(-5, 6)
    window = np.exp(-(offset[:, None] ** 2 + offset[None, :] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

    def local_mean(plane: np.ndarray) -> np.ndarray:
        return convolve2d(plane, window, mode="valid")

    values = []
    for a, b in zip(source.astype(float), received.astype(float), strict=True):
        for x, y in zip(np.moveaxis(a, 2, 0), np.moveaxis(b, 2, 0), strict=True):
            mx, my = local_mean(x), local_mean(y)
            vx, vy = local_mean(x * x) - mx**2, local_mean(y * y) - my**2
            cov = local_mean(x * y) - mx * my
            values.append(np.mean((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))))
    return float(np.mean(values))


def test_ssim_is_the_papers_formula():
    source = clip()
    rng = np.random.default_rng(1)
    for sigma in (2, 20, 80):
        received = np.clip(source + rng.normal(0, sigma, source.shape), 0, 255).astype(np.uint8)
        assert ssim(source, received) == pytest.approx(reference_ssim(source, received), abs=1e-6)


def test_ssim_of_identical_and_of_inverted_clips():
    source = clip()
    assert ssim(source, source) == pytest.approx(1.0)
    assert ssim(source, 255 - source) < 0.2


@pytest.mark.parametrize("name", ["psnr", "ssim"])
def test_what_cannot_be_compared_is_refused(name):
    good = clip()
    for bad, what in [
        (good.astype(np.float32), "reconstruction is float32"),
        (good[0], "reconstruction has shape"),
        (good[..., :1], "reconstruction has shape"),
        (good[:0], "reconstruction has shape"),
        (good[:1], "of one shape"),
        (None, "reconstruction is NoneType"),
    ]:
        with pytest.raises(SettingError, match=what):
            METRICS[name](good, bad)
    with pytest.raises(SettingError, match="source is int64"):
        METRICS[name](good.astype(np.int64), good)


def test_ssim_needs_room_for_its_window():
    small = np.zeros((1, 10, 32, 3), np.uint8)
    with pytest.raises(SettingError, match="at least 11×11"):
        ssim(small, small)

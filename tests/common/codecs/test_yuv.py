from __future__ import annotations

import numpy as np
import pytest

from common.codecs import yuv


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


def test_a_smooth_picture_comes_back():
    y, x = np.mgrid[0:64, 0:96]
    video = np.stack([60 + x, 90 + y, 200 - x // 2], axis=2).astype(np.uint8)[None]
    planes = yuv.from_rgb(video)
    assert planes.shape == (1, 64 * 96 * 3 // 2)
    assert psnr(yuv.to_rgb(planes, 64, 96), video) > 45


def test_grey_is_grey_exactly():
    for level in (0, 16, 128, 255):
        video = np.full((2, 16, 32, 3), level, np.uint8)
        planes = yuv.from_rgb(video)
        assert (planes[:, : 16 * 32] == level).all()
        assert (planes[:, 16 * 32 :] == 128).all()
        np.testing.assert_array_equal(yuv.to_rgb(planes, 16, 32), video)


@pytest.mark.parametrize(
    ("rgb", "expected"),
    # BT.709 by hand: Y = 0.2126 R + 0.7152 G + 0.0722 B, Cb = (B − Y) / 1.8556 + 128, Cr = (R − Y) / 1.5748 + 128
    [((255, 0, 0), (54, 99, 255)), ((0, 255, 0), (182, 30, 12)), ((0, 0, 255), (18, 255, 116))],
)
def test_primaries_are_those_of_bt709(rgb: tuple[int, ...], expected: tuple[int, ...]):
    planes = yuv.from_rgb(np.full((1, 16, 16, 3), rgb, np.uint8))[0]
    assert (planes[0], planes[256], planes[256 + 64]) == expected


def test_chroma_stands_in_the_middle_of_its_pixels():
    """A colour edge between pixels 2k and 2k + 1 stays where it was; mirrored, it comes back mirrored."""
    video = np.full((1, 16, 32, 3), 100, np.uint8)
    video[:, :, 16:, 2] = 160
    there = yuv.to_rgb(yuv.from_rgb(video), 16, 32)
    mirrored = yuv.to_rgb(yuv.from_rgb(video[:, :, ::-1]), 16, 32)
    np.testing.assert_array_equal(there[:, :, ::-1], mirrored)

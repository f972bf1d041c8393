from __future__ import annotations

import numpy as np
import pytest

from receiver.generators.large import visuals


@pytest.mark.parametrize(
    ("given", "side", "multiple", "size"),
    [
        ((256, 256), 480, 16, (480, 480)),
        ((128, 512), 480, 16, (240, 960)),
        ((64, 96), 64, 16, (48, 80)),
        ((32, 512), 32, 16, (16, 128)),
        ((256, 256), 512, 64, (512, 512)),
    ],
)
def test_the_working_size_has_the_area_and_nearly_the_shape(given, side, multiple, size):
    assert visuals.working_size(*given, side, multiple) == size


def test_resizing_keeps_range_and_mean_and_what_fits_is_left_alone():
    pictures = np.random.default_rng(1).random((2, 3, 64, 96), np.float32)
    small = visuals.resized(pictures, (32, 48))
    assert (small.shape, small.dtype) == ((2, 3, 32, 48), np.float32)
    assert small.min() >= 0.0
    assert small.max() <= 1.0
    assert small.mean() == pytest.approx(pictures.mean(), abs=0.01)
    assert small.std() < 0.6 * pictures.std(), "noise is smoothed, not sampled"
    assert visuals.resized(pictures, (64, 96)) is pictures


def test_broad_soft_lines_become_lines_of_one_pixel():
    sketch = np.zeros((1, 32, 32), np.float32)
    sketch[0, :, 10:15] = [0.2, 0.5, 1.0, 0.5, 0.2]
    sketch[0, :, 25] = 0.25
    lines = visuals.thinned(sketch)
    assert set(np.unique(lines)) == {0.0, 1.0}
    assert np.nonzero(lines[0, 4:-4].all(axis=0))[0].tolist() == [12]
    assert lines[0, :, 25].sum() == 0, "too dark to be a line"


def test_of_29_frames_those_that_are_kept_show_the_eight_pictures():
    pictures = np.arange(8, dtype=np.float32)[:, None, None, None]
    spread = visuals.held(pictures, 4)
    assert len(spread) == visuals.spread(8, 4) == 29
    assert spread[::4].ravel().tolist() == list(range(8))
    for latent in range(1, 8):
        assert np.unique(spread[4 * latent - 3 : 4 * latent + 1]).tolist() == [latent]
    assert visuals.held(pictures, 1).shape == pictures.shape


def test_images_are_rounded_to_eight_bits():
    (image,) = visuals.images(np.full((1, 3, 4, 6), 0.5, np.float32))
    assert image.size == (6, 4)
    assert image.getpixel((0, 0)) == (128, 128, 128)

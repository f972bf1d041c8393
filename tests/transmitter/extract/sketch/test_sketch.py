"""Edge extractors by name: all have one interface, and the default draws thin, closed contours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from common.errors import ClipError, SettingError
from common.weights import Registry
from transmitter.extract import sketch
from transmitter.extract.sketch.base import EdgeExtractor

SIDE = 96


def disc(side: int = SIDE, radius: float = 24.0) -> np.ndarray:
    """A dark disc before a bright ground: uint8 (side, side, 3)."""
    rows, columns = np.indices((side, side)) - (side - 1) / 2
    picture = np.full((side, side, 3), (205, 190, 160), np.uint8)
    picture[np.hypot(rows, columns) < radius] = (40, 60, 110)
    return picture


def from_rim(side: int = SIDE, radius: float = 24.0) -> np.ndarray:
    rows, columns = np.indices((side, side)) - (side - 1) / 2
    return np.abs(np.hypot(rows, columns) - radius)


@pytest.fixture(scope="module")
def default() -> EdgeExtractor:
    return sketch.load()


def available(name: str) -> EdgeExtractor:
    if name == "hed":
        pytest.importorskip("h5py")
        if not Registry().locate("hed").exists():
            pytest.skip("HED's weights are not in the cache: gvsc models get hed")
    return sketch.load(name)


@pytest.mark.parametrize("name", ["pidinet-tiny-gvsc", "canny", "hed"])
def test_a_disc_becomes_its_rim(name: str) -> None:
    extractor = available(name)
    assert extractor.name == name
    (made,) = extractor.extract(disc()[None])
    assert made.dtype == np.float32
    assert 0 <= made.min() <= made.max() <= 1
    width = 5.0 if name == "hed" else 2.5
    assert (made[from_rim() > width] < 0.3).mean() > 0.98
    # nowhere is the rim open: a bright pixel is at most two pixels away
    assert ndimage.distance_transform_edt(made < 0.5)[from_rim() < 0.5].max() <= 2.0


def test_the_default_draws_thin_lines(default: EdgeExtractor) -> None:
    (made,) = default.extract(disc()[None])
    circumference = 2 * np.pi * 24
    assert (made >= 0.5).sum() < 4.5 * circumference


def test_the_sketch_of_a_frame_does_not_depend_on_the_others(default: EdgeExtractor) -> None:
    video = np.random.default_rng(0).integers(0, 256, (3, 64, 96, 3), np.uint8)
    video[1] = disc()[16:80]
    made = default.extract(video)
    assert made.shape == (3, 64, 96)
    for number in range(3):
        assert made[number].tobytes() == default.extract(video[number : number + 1]).tobytes()


def test_it_reads_frames_that_cannot_be_written(default: EdgeExtractor) -> None:
    video = disc()[None, ::-1]
    video.flags.writeable = False
    assert default.extract(video).shape == (1, SIDE, SIDE)


@pytest.mark.parametrize("name", ["pidinet-tiny-gvsc", "canny"])
@pytest.mark.parametrize(
    ("video", "told"),
    [
        (np.zeros((1, 32, 32, 3), np.float32), "uint8"),
        (np.zeros((32, 32, 3), np.uint8), "uint8"),
        (np.zeros((1, 32, 32, 4), np.uint8), "uint8"),
        (np.zeros((1, 8, 32, 3), np.uint8), "32×8 are too small"),
    ],
)
def test_what_is_no_video_is_refused(name: str, video: np.ndarray, told: str) -> None:
    with pytest.raises(ClipError, match=told):
        sketch.load(name).extract(video)


@pytest.mark.parametrize("name", ["pidinet-tiny-gvsc", "canny"])
def test_no_frames_give_no_sketches(name: str) -> None:
    assert sketch.load(name).extract(np.zeros((0, 32, 48, 3), np.uint8)).shape == (0, 32, 48)


def test_an_unknown_name_is_told_with_the_known_ones() -> None:
    with pytest.raises(SettingError, match="'sobel'; there are: pidinet-tiny-gvsc, canny, hed, pidinet"):
        sketch.load("sobel")


def test_the_names_cost_no_torch() -> None:
    program = "import sys, gvsc.commands.extract; print('torch' in sys.modules)"
    root = Path(__file__).resolve().parents[4]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

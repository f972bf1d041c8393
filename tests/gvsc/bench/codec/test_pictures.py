"""Pictures of any size and kind become squares; what is broken is told and left out."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from common.conventions import SIZE
from common.errors import ClipError
from gvsc.bench.codec import pictures
from receiver.media import write_mp4


@pytest.fixture
def folder(tmp_path):
    """Three good pictures, each red on the left and blue on the right of its centred square, and three bad ones."""
    halves = np.zeros((300, 400, 3), np.uint8)
    halves[:, :200, 0] = halves[:, 200:, 2] = 250
    Image.fromarray(halves).save(tmp_path / "wide.png")
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(halves)))
    exif = turned.getexif()
    exif[0x0112] = 6  # shown turned clockwise
    turned.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    Image.fromarray(halves[::20, ::20]).save(tmp_path / "wide.gif")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.jpg").touch()
    whole = (tmp_path / "wide.png").read_bytes()
    (tmp_path / "torn.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "notes.txt").write_text("not looked at")
    (tmp_path / "...png").write_bytes(whole)  # hidden; and its stem would lead out of a folder
    return tmp_path


def test_pictures_become_squares_and_broken_ones_are_told(folder):
    told: list[str] = []
    found = pictures.from_folder(folder, told.append)
    assert [picture.name for picture in found] == ["turned", "wide", "wide-2"]
    for picture in found:
        assert picture.pixels.shape == (SIZE, SIZE, 3)
        assert picture.pixels.dtype == np.uint8
        left, right = picture.pixels[:, :100].mean(axis=(0, 1)), picture.pixels[:, -100:].mean(axis=(0, 1))
        assert left[0] > 200 > 40 > left[2]
        assert right[2] > 200 > 40 > right[0]
    assert len(told) == 3
    assert all(any(name in line for line in told) for name in ("text.png", "empty.jpg", "torn.png"))


def test_the_centre_is_taken(tmp_path):
    tall = np.zeros((900, 300, 3), np.uint8)
    tall[300:600] = 255
    Image.fromarray(tall).save(tmp_path / "tall.png")
    assert pictures.read(tmp_path / "tall.png")[2:-2].min() > 250


def test_sixteen_bits_and_transparency(tmp_path):
    Image.fromarray(np.full((64, 64), 0x8000, np.uint16)).save(tmp_path / "deep.png")
    assert np.all(pictures.read(tmp_path / "deep.png") == 128)
    clear = np.full((64, 64, 4), 200, np.uint8)
    clear[..., 3] = 0
    Image.fromarray(clear).save(tmp_path / "clear.png")
    assert np.all(pictures.read(tmp_path / "clear.png") == 0)


def test_nothing_to_read(tmp_path):
    with pytest.raises(ClipError, match="no such file"):
        pictures.from_folder(tmp_path / "nowhere", print)
    with pytest.raises(ClipError, match="no picture that can be read"):
        pictures.from_folder(tmp_path, print)


def test_bombs_are_refused(tmp_path, monkeypatch):
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "large.png")
    for most in (3000, 1000):  # Pillow warns, and then raises
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
        with pytest.raises(ClipError, match="more than"):
            pictures.read(tmp_path / "large.png")


def test_photos_come_with_scikit_image():
    found = pictures.packaged(print)
    assert len(found) >= 3
    assert all(picture.pixels.std() > 20 for picture in found)


def test_frames_of_videos(tmp_path):
    lighter = np.arange(20, 180, 20, np.uint8)[:, None, None, None] * np.ones((64, 96, 3), np.uint8)
    write_mp4(tmp_path / "film.mp4", lighter, fps=4.0)
    (tmp_path / "torn.mp4").write_bytes(b"not a video")
    found = pictures.from_clips(tmp_path)
    assert [picture.name for picture in found] == ["film-0-0", "film-0-4"]
    assert [picture.pixels.shape for picture in found] == [(SIZE, SIZE, 3)] * 2
    assert [picture.pixels.mean() for picture in found] == pytest.approx([20, 100], abs=4)
    with pytest.raises(ClipError, match="no such file"):
        pictures.from_clips(tmp_path / "nowhere")

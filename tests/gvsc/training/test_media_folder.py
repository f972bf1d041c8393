"""Any folder of photos and clips: sources, what is held out, and how crops are drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gvsc.training import data, media_folder
from gvsc.training.prepared import PreparedError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photos = tmp_path / "photos"
    photos.mkdir()
    for source, grey, count in (("sea", 40, 30), ("hills", 200, 3)):
        for number in range(count):
            Image.fromarray(np.full((256, 300, 3), grey, np.uint8)).save(photos / f"{source}_{number:03}.png")
    return tmp_path


def test_a_tenth_or_so_is_held_out_by_name_alone() -> None:
    held = sum(media_folder.held_out(f"picture_{number}.jpg") for number in range(1000))
    assert 70 < held < 130


def test_sources_count_by_the_root_of_their_pictures(folder: Path) -> None:
    pool = media_folder.pool(folder)
    names = [file.name for file in sorted((folder / "photos").iterdir())]
    assert pool.count == sum(not media_folder.held_out(name) for name in names)
    assert set(pool.pictures) == {"photos sea", "photos hills"}
    rng = np.random.default_rng(0)
    greys = [int(pool.draw(128, rng)[0, 0, 0]) for _ in range(300)]
    share = greys.count(200) / 300
    expected = pool.weights[list(pool.pictures).index("photos hills")]
    assert expected > 3 / 33
    assert share == pytest.approx(expected, abs=0.1)


def test_held_out_pictures_are_not_in_the_pool(folder: Path) -> None:
    for file in (folder / "photos").iterdir():
        if media_folder.held_out(file.name):
            Image.fromarray(np.full((256, 256, 3), 255, np.uint8)).save(file)
    held = media_folder.held_out_pictures(folder)
    assert held.shape[1:] == (3, 256, 256)
    assert bool((held == 1.0).all())
    pool = media_folder.pool(folder)
    assert all(picture.max() < 255 for source in pool.pictures.values() for picture in source)


def test_the_kind_of_folder_is_seen(folder: Path, tmp_path: Path) -> None:
    made, digest = data.load(folder)
    assert isinstance(made, data.Media)
    assert digest == ""
    assert made.pictures().count > 0
    with pytest.raises(PreparedError, match="djscc-frame-2"):
        made.crops()
    joined, _ = data.load(Path(f"{folder}:{folder}"))
    assert isinstance(joined, data.Joined)
    assert joined.pictures().count == 2 * made.pictures().count
    assert joined.pictures().draw(64, np.random.default_rng(1)).shape == (64, 64, 3)
    empty = tmp_path / "empty"
    (empty / "photos").mkdir(parents=True)
    with pytest.raises(PreparedError, match="no photos and no clips"):
        data.load(empty)[0].pictures()


def test_a_small_photo_is_told(folder: Path) -> None:
    Image.fromarray(np.zeros((100, 300, 3), np.uint8)).save(folder / "photos" / "sea_small.png")
    name = "sea_small.png"
    with pytest.raises(PreparedError, match="smaller"):
        media_folder.held_out_pictures(folder) if media_folder.held_out(name) else media_folder.pool(folder)

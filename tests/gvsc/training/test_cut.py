from __future__ import annotations

import json
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from gvsc.training import cut
from gvsc.training.contents import PHOTOS, VIDEOS
from gvsc.training.cut import Video, split_of
from gvsc.training.fetch import FetchError
from gvsc.training.shots import Shot


def video(path, seconds, rate=8):
    wide = np.random.default_rng(0).integers(0, 256, size=(24, 60, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(rate))
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 256, 192, "yuv420p", 4_000_000
        for index in range(int(seconds * rate)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(wide[:, index % 200 : index % 200 + 256]))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture
def media(tmp_path):
    folder = tmp_path / "media"
    folder.mkdir()
    coin = next(medium for medium in VIDEOS if medium.name == "coin")
    path = cut.path_of(coin, folder)
    video(path.with_suffix(".mp4"), 16)
    path.with_suffix(".mp4").rename(path)
    return folder


def ignore(done, total):
    """Progress that nobody looks at."""


def test_clips_are_cut_from_what_is_there(media, tmp_path):
    told = []
    counts = cut.cut_clips(media, tmp_path, lambda done, total: told.append((done, total)))
    assert counts["train"] > 5
    assert counts["val"] > 0
    assert told[-1][0] == told[-1][1] == 8 * sum(counts.values())
    for split in ("train", "val"):
        names = json.loads((tmp_path / f"clips-{split}.json").read_text())
        clips = np.load(tmp_path / f"clips-{split}.npy", mmap_mode="r")
        assert clips.shape == (counts[split], 8, 256, 256, 3)
        assert len(set(names)) == len(names)
        assert all(clip.std() > 8 for clip in clips)
        # the picture moves, and no frame was left empty
        assert all((clip[0] != clip[7]).mean() > 0.1 for clip in clips)
    held_out = {name.split("-")[2] for name in json.loads((tmp_path / "clips-val.json").read_text())}
    trained_on = {name.split("-")[2] for name in json.loads((tmp_path / "clips-train.json").read_text())}
    # whoever was held out begins after the last frame of all others
    assert int(max(trained_on)) + 7 * 2 < int(min(held_out))


def test_clips_that_are_there_are_kept_and_half_written_ones_made_again(media, tmp_path):
    counts = cut.cut_clips(media, tmp_path, ignore)
    made = np.load(tmp_path / "clips-train.npy")
    time = (tmp_path / "clips-train.npy").stat().st_mtime_ns
    assert cut.cut_clips(media, tmp_path, ignore) == counts
    assert (tmp_path / "clips-train.npy").stat().st_mtime_ns == time
    (tmp_path / "clips-val.json").unlink()
    cut.cut_clips(media, tmp_path, ignore)
    assert (tmp_path / "clips-train.npy").stat().st_mtime_ns > time
    assert np.array_equal(np.load(tmp_path / "clips-train.npy"), made)


def test_clips_of_a_video_that_is_held_out_as_a_whole_are_kept_too(media, tmp_path):
    (path,) = media.iterdir()
    video(path.with_suffix(".mp4"), 5)
    path.with_suffix(".mp4").rename(path)
    counts = cut.cut_clips(media, tmp_path, ignore)
    assert counts["train"] == 0
    assert counts["val"] > 0
    time = (tmp_path / "clips-val.npy").stat().st_mtime_ns
    assert cut.cut_clips(media, tmp_path, ignore) == counts
    assert (tmp_path / "clips-val.npy").stat().st_mtime_ns == time


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(media, tmp_path, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cut.os, "posix_fallocate", full)
    with pytest.raises(FetchError, match="No space left on device"):
        cut.cut_clips(media, tmp_path, ignore)
    assert not list(tmp_path.glob(".partial*"))


def test_a_broken_video_is_one_clear_error(media, tmp_path):
    next(media.iterdir()).write_bytes(b"no video")
    with pytest.raises(FetchError, match="cannot read the video"):
        cut.cut_clips(media, tmp_path, ignore)


def test_photos_are_cut_at_every_size_and_held_out_ones_apart(tmp_path):
    media = tmp_path / "media"
    media.mkdir()
    for name, size in (("Aqua", (700, 420)), ("Garden", (260, 300))):
        medium = next(medium for medium in PHOTOS if medium.name == name)
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).save(
            cut.path_of(medium, media)
        )
    cut.cut_photos(media, tmp_path, ignore)
    made = {str(path.relative_to(tmp_path / "photos")) for path in (tmp_path / "photos").rglob("*.npy")}
    assert made == {"train/Aqua.256.npy", "train/Aqua.320.npy", "train/Aqua.400.npy", "val/Garden.256.npy"}
    assert np.load(tmp_path / "photos/train/Aqua.320.npy").shape == (320, 533, 3)
    (tmp_path / "photos/train/Aqua.400.npy").unlink()
    time = (tmp_path / "photos/train/Aqua.320.npy").stat().st_mtime_ns
    cut.cut_photos(media, tmp_path, ignore)
    assert (tmp_path / "photos/train/Aqua.400.npy").exists()
    assert (tmp_path / "photos/train/Aqua.320.npy").stat().st_mtime_ns == time


def test_the_demonstration_part_of_the_film_and_held_out_shots_are_never_trained_on(tmp_path):
    film = Video("film", tmp_path, hop=2, crops=1, film=True)
    faces = Video("faces", tmp_path, hop=2, crops=1)

    def split(video, shot, start, total=14000):
        return split_of(video, Shot(shot, start, start + 48), list(range(start, start + 48, 6)), rate=24.0, total=total)

    assert split(film, 6, 24 * 50) is None
    assert split(film, 6, 24 * 45) is None
    assert split(film, 6, 24 * 100) == "train"
    assert split(film, 7, 24 * 100) == "val"
    assert split(film, 6, 24 * 500) is None
    assert split(faces, 0, 0) == "train"
    assert split(faces, 0, 13900) == "val"
    assert split(faces, 0, 13800 - 24) is None

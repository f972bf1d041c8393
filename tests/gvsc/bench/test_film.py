"""A long video is read clip by clip, and memory stays where it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gvsc.bench.film import measure
from gvsc.cli import main
from receiver.media import write_mp4

SECONDS = 40


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """400 frames of 640×360 that move: 276 MB once decoded to RGB."""
    wall = np.kron(np.random.default_rng(0).integers(0, 255, (30, 80, 3)), np.ones((12, 12, 1))).astype(np.uint8)
    path = tmp_path_factory.mktemp("film") / "wall.mp4"
    write_mp4(path, np.stack([wall[:, 2 * (k % 100) : 2 * (k % 100) + 640] for k in range(10 * SECONDS)]), 10)
    path.with_suffix(".txt").write_text("A wall of coloured stones.")
    return path


@pytest.mark.slow
def test_memory_does_not_grow_with_the_film(film: Path) -> None:
    told: list[str] = []
    made = measure(str(film), "captions", "canny", told.append)
    assert made["clips"] == SECONDS // 2
    assert [words["clip"] for words in made["described"]][:3] == ["wall", "wall@2s", "wall@4s"]
    assert {words["text"] for words in made["described"]} == {"A wall of coloured stones."}
    assert set(made["rss_mb"]) == {"10", "50", "100"}
    # the whole film would be 276 MB, one decoded frame is 0.35
    assert made["rss_mb"]["100"] - made["rss_mb"]["10"] < 40
    assert sum(made["seconds_by_stage"].values()) == pytest.approx(made["seconds"], abs=0.5)
    assert len(told) == 1


def test_a_film_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no film")
    words = ["bench", "film", str(tmp_path / "a.mp4"), "--describe", "captions", "--sketch", "canny", "--json"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    assert "a.mp4: not a video that can be read" in result.stderr
    with pytest.raises(ValueError):
        json.loads(result.stdout)

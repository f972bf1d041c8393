"""A video longer than a clip: all of its clips, through every command that takes one, and played as one."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner

from gvsc.cli import main
from gvsc.services import Services, private_addresses
from receiver.media import write_mp4
from transmitter.clips import read_clips

CAPTION = "A bright disc moves to the right over a wall."


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds at 8 fps: a disc over one wall, and from 2.5 s on over another."""
    walls = [np.kron(np.random.default_rng(k).integers(0, 255, (16, 16)), np.ones((16, 16))) for k in range(2)]
    y, x = np.mgrid[:256, :256]
    frames = []
    for k in range(48):
        disc = (x - 20 - 4 * k) ** 2 + (y - 128) ** 2 < 40**2
        frames.append(np.where(disc[..., None], (240, 200, 40), walls[k >= 20][..., None]).astype(np.uint8))
    path = tmp_path_factory.mktemp("clips") / "walls.mp4"
    write_mp4(path, np.stack(frames), 8)
    path.with_suffix(".txt").write_text(CAPTION)
    return path


def frames_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_extract_all_writes_each_clip_into_a_folder(video: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["extract", str(video), "--all", "--sketch", "canny", "--describe", "captions", "--out", str(out)]
    result = CliRunner().invoke(main, [*words, "--json"])
    assert result.exit_code == 0, result.output
    summaries = json.loads(result.stdout)["clips"]
    assert [summary["clip"] for summary in summaries] == ["walls", "walls@2s", "walls@4s"]
    for number, (summary, clip) in enumerate(zip(summaries, read_clips(video), strict=True)):
        folder = out / f"{number:06d}"
        assert summary == json.loads((folder / "extract.json").read_text())
        assert (folder / "description.txt").read_text() == CAPTION + "\n"
        np.testing.assert_array_equal(frames_of(folder / "first_frame.png")[0], clip.video[0])
    result = CliRunner().invoke(main, words)
    assert [line.split("  ")[0] for line in result.stdout.splitlines()] == ["walls", "walls@2s", "walls@4s"]


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_a_video_through_three_processes_and_through_one_is_the_same_film(video: Path, tmp_path: Path) -> None:
    common = ("--scheme", "desc-only", "--tx-snr-db", "6", "--threads", "1")
    film = tmp_path / "films" / "{name}.mp4"
    with Services(tmp_path / "logs", private_addresses(tmp_path)) as services:
        services.start("channel", "--snr-db", "6")
        services.start("receiver", "--name", "viewer", "--film", str(film), "--steps", "1", "--threads", "1")
        services.start("transmitter", str(video), *common)
        until = time.monotonic() + 200
        while services.exit_code("transmitter") is None:
            assert time.monotonic() < until
            services.check_alive(("channel", "receiver"))
            time.sleep(0.2)
        assert services.exit_code("transmitter") == 0
        # while the receiver still runs, all but the last frame are there
        assert len(frames_of(tmp_path / "films" / "viewer.mp4")) >= 23
    received = frames_of(tmp_path / "films" / "viewer.mp4")
    program = [sys.executable, "-c", "from gvsc.cli import main; main()", "simulate", str(video), "--all", *common]
    options = ["--snr-db", "6", "--steps", "1", "--out", str(tmp_path / "out"), "--json"]
    done = subprocess.run([*program, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert [(clip["clip"], clip["number"], clip["sequence"]) for clip in summary["clips"]] == [
        ("walls", 0, 0),
        ("walls@2s", 1, 1),
        ("walls@4s", 2, 2),
    ]
    assert all((tmp_path / "out" / f"{k:06d}" / "reconstruction.mp4").is_file() for k in range(3))
    simulated = frames_of(Path(summary["files"]["reconstruction"]))
    assert len(received) == len(simulated) == 24
    np.testing.assert_array_equal(np.stack(received), np.stack(simulated))
    # the cut is at the border of two clips
    source = np.stack(frames_of(Path(summary["files"]["source"]))).astype(float)
    changes = np.abs(np.diff(source, axis=0)).mean((1, 2, 3))
    assert np.flatnonzero(changes > 20).tolist() == [7]

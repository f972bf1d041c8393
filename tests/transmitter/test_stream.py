"""Which clips a transmitter sends, round after round."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from common.clip import Clip
from common.errors import ClipError
from receiver.media import write_mp4
from transmitter.clips import Wanted, samples
from transmitter.command import _stream, command


def clip(name: str, number: int = 0) -> Clip:
    return Clip(name=name, caption=name, video=np.zeros((8, 32, 32, 3), np.uint8), number=number)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of clips; its videos and the sample clips are stand-ins that cost no decoding."""
    monkeypatch.setattr(samples, "read", lambda: [clip("sample a", 0), clip("sample b", 1)])

    def read_clips(source: str, wanted: Wanted) -> list[Clip]:
        if not (found := sorted(Path(source).glob("*.mp4"))):
            raise ClipError(f"{source}: no video")
        return [clip(path.stem) for path in found]

    monkeypatch.setattr("transmitter.clips.read_clips", read_clips)
    return tmp_path


def names(clips: itertools.islice[Clip]) -> list[tuple[str, int]]:
    return [(clip.name, clip.number) for clip in clips]


def test_samples_as_long_as_there_is_no_clip(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream = _stream([str(folder)], Wanted(), 0, or_samples=True)
    assert names(itertools.islice(stream, 3)) == [("sample a", 0), ("sample b", 1), ("sample a", 0)]
    (folder / "mine.mp4").touch()
    assert names(itertools.islice(stream, 3)) == [("sample b", 1), ("mine", 0), ("mine", 0)]
    (folder / "mine.mp4").unlink()
    assert names(itertools.islice(stream, 1)) == [("sample a", 0)]
    # told once for each time that it begins, not in every round
    assert capsys.readouterr().err.count("no video") == 2


def test_without_samples_a_round_without_clips_is_the_end(folder: Path) -> None:
    with pytest.raises(ClipError, match="there is no clip to send"):
        next(_stream([str(folder)], Wanted(), 0, or_samples=False))


def test_a_camera_that_is_not_there_is_one_line_before_anything_is_loaded() -> None:
    for words in (["--camera", "987"], ["camera:987"]):
        result = CliRunner().invoke(command, words)
        assert result.exit_code == 1
        (line,) = result.stderr.splitlines()
        assert "camera 987: " in line
    result = CliRunner().invoke(command, ["world:everything"])
    assert result.exit_code == 1
    assert "world:SEED:held_out" in result.stderr
    result = CliRunner().invoke(command, ["--clip-at", "nan"])
    assert result.exit_code == 1
    assert "a clip's start must be a number of seconds from 0 on, not nan" in result.stderr


def test_of_each_video_all_clips_or_the_one_at_a_second(tmp_path: Path) -> None:
    for name in ("a", "b"):
        frames = np.stack([np.full((64, 64, 3), 3 * k, np.uint8) for k in range(40)])
        write_mp4(tmp_path / f"{name}.mp4", frames, 8)
    every = [("a", 0), ("a@2s", 1), ("a@4s", 2), ("b", 3), ("b@2s", 4), ("b@4s", 5)]
    assert names(itertools.islice(_stream([str(tmp_path)], Wanted(caption=""), 2, or_samples=False), 7)) == [
        *every,
        ("a", 0),
    ]
    one = list(_stream([str(tmp_path)], Wanted(clip_at=2.5), 1, or_samples=False))
    assert [(clip.name, clip.number, round(float(clip.video[0].mean()) / 3)) for clip in one] == [
        ("a", 0, 20),
        ("b", 1, 20),
    ]

"""Which clips a transmitter sends, round after round."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
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


def names(clips: Iterable[Clip]) -> list[tuple[str, int]]:
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


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Iterator[Clip]]:
    """The streams of the transmitters that were started; these bind nothing, load nothing and do not wait."""
    streams: list[Iterator[Clip]] = []

    class Process:
        def __init__(self, *_: object, **__: object) -> None:
            self.addresses = {"control": "nowhere"}

        def run(self, _: object, clips: Iterator[Clip]) -> None:
            streams.append(clips)

    monkeypatch.setattr("transmitter.process.TransmitterProcess", Process)
    return streams


def test_clips_that_are_not_there_end_it_before_it_waits(tmp_path: Path, started: list[Iterator[Clip]]) -> None:
    empty, nowhere = str(tmp_path), str(tmp_path / "nowhere")
    for words in ([nowhere], [empty], [nowhere, empty, "--repeat", "2"], [nowhere, "--clip-at", "1"]):
        result = CliRunner().invoke(command, words)
        assert result.exit_code == 1
        *told, last = result.stderr.splitlines()
        missing = [word for word in words if word in (empty, nowhere)]
        assert [line.split(": ")[:3] for line in told] == [["transmitter", "left out", word] for word in missing]
        assert last == "Error: there is no clip to send"
    assert started == []


@pytest.mark.parametrize("options", [["--or-samples"], ["--repeat", "0"], ["--or-samples", "--repeat", "0"]])
def test_a_folder_may_be_filled_later(folder: Path, started: list[Iterator[Clip]], options: list[str]) -> None:
    result = CliRunner().invoke(command, [str(folder), *options])
    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("left out") == 1
    (folder / "mine.mp4").touch()
    assert next(started[0]).name == "mine"


def test_what_is_missing_is_told_once_and_the_rest_is_sent(
    folder: Path, started: list[Iterator[Clip]], capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mine.mp4").write_bytes(b"x")
    result = CliRunner().invoke(command, [str(folder / "nowhere"), str(folder), "world:3"])
    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines()[0] == f"transmitter: left out: {folder / 'nowhere'}: no such file"
    line = f"left out: {folder / 'nowhere'}: no video"
    assert names(_stream([str(folder / "nowhere"), str(folder)], Wanted(), 2, False, [line])) == [("mine", 0)] * 2
    assert capsys.readouterr().err == ""


def test_a_start_in_seconds_is_refused_where_there_are_none(tmp_path: Path, started: list[Iterator[Clip]]) -> None:
    result = CliRunner().invoke(command, ["world:3", "--repeat", "0", "--or-samples", "--clip-at", "2"])
    assert result.exit_code == 1
    assert result.stderr == "Error: the rendered world: a start in seconds is only for videos\n"
    assert started == []


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

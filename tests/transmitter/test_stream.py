"""Which clips a transmitter sends, round after round."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from common.clip import Clip
from common.errors import ClipError
from transmitter.clips import samples
from transmitter.command import _stream


def clip(name: str, number: int = 0) -> Clip:
    return Clip(name=name, caption=name, video=np.zeros((8, 32, 32, 3), np.uint8), number=number)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of clips; its videos and the sample clips are stand-ins that cost no decoding."""
    monkeypatch.setattr(samples, "read", lambda: [clip("sample a", 0), clip("sample b", 1)])

    def read_clips(source: str, caption: str | None = None) -> list[Clip]:
        if not (found := sorted(Path(source).glob("*.mp4"))):
            raise ClipError(f"{source}: no video")
        return [clip(path.stem) for path in found]

    monkeypatch.setattr("transmitter.clips.read_clips", read_clips)
    return tmp_path


def names(clips: itertools.islice[Clip]) -> list[tuple[str, int]]:
    return [(clip.name, clip.number) for clip in clips]


def test_samples_as_long_as_there_is_no_clip(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream = _stream([str(folder)], None, 0, or_samples=True)
    assert names(itertools.islice(stream, 3)) == [("sample a", 0), ("sample b", 1), ("sample a", 0)]
    (folder / "mine.mp4").touch()
    assert names(itertools.islice(stream, 3)) == [("sample b", 1), ("mine", 0), ("mine", 0)]
    (folder / "mine.mp4").unlink()
    assert names(itertools.islice(stream, 1)) == [("sample a", 0)]
    # told once for each time that it begins, not in every round
    assert capsys.readouterr().err.count("no video") == 2


def test_without_samples_a_round_without_clips_is_the_end(folder: Path) -> None:
    with pytest.raises(ClipError, match="there is no clip to send"):
        next(_stream([str(folder)], None, 0, or_samples=False))

"""What ``--out`` leaves behind: whole bursts or none, and not more of them than asked for."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.sections import section
from receiver.media import OutputError
from receiver.output import Recorder
from receiver.receiver import Reconstruction


def made(value: int = 128, *, frame: bool = False) -> Reconstruction:
    rng = np.random.default_rng(value)
    video = rng.integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
    arrived = [section("description").arrived("a wall")]
    if frame:
        arrived.append(section("first_frame").arrived((video[0] / np.float32(255)).transpose(2, 0, 1), 3.0))
    return Reconstruction(video, None, 3.0, {one.section: one for one in arrived})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_burst_is_a_film_its_frames_and_its_facts(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out"
    Recorder(out)(7, made(frame=True))
    assert names(out) == ["000007", "000007.json", "000007.mp4"]
    assert names(out / "000007") == [*(f"{k:03d}.png" for k in range(8)), "received_first_frame.png"]
    facts = json.loads((out / "000007.json").read_text())
    assert facts["text_received"] == "a wall"
    assert facts["sections"] == {
        "description": {"modality": "text", "snr_db": None, "failed": False},
        "first_frame": {"modality": "frame", "snr_db": 3.0, "failed": False},
    }
    received = np.asarray(Image.open(out / "000007" / "received_first_frame.png"))
    np.testing.assert_array_equal(received, made().video[0])
    np.testing.assert_array_equal(np.asarray(Image.open(out / "000007" / "003.png")), made().video[3])


def test_received_sketches_lie_beside_them(tmp_path: Path) -> None:
    sketches = np.random.default_rng(0).integers(0, 256, (3, 32, 64), dtype=np.uint8)
    arrived = section("sketches").clean(sketches / np.float32(255))
    Recorder(tmp_path)(
        0, dataclasses.replace(made(), sections={"sketches": arrived}, generator="mini", task="sketches-text")
    )
    picture = Image.open(tmp_path / "000000" / "received_sketches.png")
    np.testing.assert_array_equal(np.asarray(picture), np.hstack(list(sketches)))
    assert json.loads((tmp_path / "000000.json").read_text())["task"] == "sketches-text"


def test_a_later_session_replaces_all_of_a_burst(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder(0, made(1, frame=True))
    recorder(0, made(2))
    assert not (tmp_path / "000000" / "received_first_frame.png").exists()
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "000000" / "000.png")), made(2).video[0])


def test_the_newest_are_kept_across_lives(tmp_path: Path) -> None:
    for recorder, seqs in ((Recorder(tmp_path, 3), range(5)), (Recorder(tmp_path, 3), (5, 0))):
        for seq in seqs:
            recorder(seq, made(seq))
    assert [name for name in names(tmp_path) if name.endswith(".json")] == ["000000.json", "000004.json", "000005.json"]
    assert len(names(tmp_path)) == 9


@pytest.mark.parametrize("limit", [500, 5000, 15000])
def test_a_disk_that_fills_up_leaves_what_was_there_and_nothing_half(tmp_path: Path, limit: int) -> None:
    """RLIMIT_FSIZE, in a child that can be lost: with 500 bytes the film breaks off, with more the frames do."""
    Recorder(tmp_path)(0, made(1))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert limit < max(map(len, before.values()))
    program = f"""
import numpy as np, resource, sys
from pathlib import Path
from common.sections import section
from receiver.media import OutputError
from receiver.output import Recorder
from receiver.receiver import Reconstruction
video = np.random.default_rng(2).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))
try:
    Recorder(Path(sys.argv[1]))(0, Reconstruction(video, None, 3.0))
except OutputError as error:
    print(error)
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).resolve().parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / '000000'} cannot be written: File too large\n"
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert names(tmp_path) == ["000000", "000000.json", "000000.mp4"]


def test_what_a_killed_receiver_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    for name in (".000003-0123abcd", ".git-stuff", "000009", "notes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "000.png").write_bytes(b"half")
    Recorder(tmp_path)(4, made())
    assert names(tmp_path) == [".git-stuff", "000004", "000004.json", "000004.mp4", "000009", "notes"]


def test_a_file_in_the_way_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("not a folder")
    with pytest.raises(OutputError, match="cannot be written") as caught:
        Recorder(tmp_path / "out")(0, made())
    assert "\n" not in str(caught.value)
    assert (tmp_path / "out").read_text() == "not a folder"


def test_what_cannot_be_written_costs_one_older_burst_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path, 3)
    for seq in range(3):
        recorder(seq, made(seq))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("receiver.output.write_frames", full)
        for seq in range(3, 9):
            with pytest.raises(OutputError, match=f"{seq:06d} cannot be written: No space left on device"):
                recorder(seq, made(seq))
    assert names(tmp_path) == [f"00000{k}{end}" for k in (1, 2) for end in ("", ".json", ".mp4")]
    recorder(9, made(9))
    assert len(names(tmp_path)) == 9


def test_what_somebody_else_keeps_in_the_folder_is_neither_counted_nor_deleted(tmp_path: Path) -> None:
    (tmp_path / "2024").mkdir()
    (tmp_path / "2024" / "holiday.txt").write_text("mine")
    (tmp_path / "123456").mkdir()
    (tmp_path / "2025.json").write_text('{"seq": 2025}')
    (tmp_path / "000077.json").write_text('{"seq": 78}')
    (tmp_path / "000078.json").write_text("[" * 50_000)
    (tmp_path / "000079.json").write_bytes(b"\xff")
    theirs = names(tmp_path)
    recorder = Recorder(tmp_path, keep=1)
    for seq in range(3):
        recorder(seq, made(seq))
    assert names(tmp_path) == sorted([*theirs, "000002", "000002.json", "000002.mp4"])
    assert (tmp_path / "2024" / "holiday.txt").read_text() == "mine"


def test_a_burst_that_could_not_be_replaced_is_still_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(tmp_path, keep=2)
    for seq in range(2):
        recorder(seq, made(seq))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("receiver.output.write_frames", full)
        with pytest.raises(OutputError, match="No space left"):
            recorder(0, made(7))
    recorder(2, made(2))
    assert [name for name in names(tmp_path) if name.endswith(".json")] == ["000001.json", "000002.json"]
    assert len(names(tmp_path)) == 6

"""Clips that arrive, as one film."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from receiver.film import MOST_HELD, Film
from receiver.media import OutputError
from receiver.output import to_all
from receiver.receiver import Reconstruction

ROOT = Path(__file__).resolve().parents[2]


def made(level: int, size: tuple[int, int] = (64, 64)) -> Reconstruction:
    """A clip of eight flat frames, each brighter by one."""
    video = np.stack([np.full((*size, 3), level + k, np.uint8) for k in range(8)])
    return Reconstruction(video, None, 3.0, "a wall", None)


def shown(path: Path) -> list[int]:
    """The grey level of each frame of the film; its times are checked on the way."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert [frame.time for frame in frames] == [k / 4 for k in range(len(frames))]
    return [round(float(frame.to_ndarray(format="rgb24").mean())) for frame in frames]


def near(found: list[int], due: list[int]) -> bool:
    return len(found) == len(due) and np.abs(np.subtract(found, due)).max() <= 1


def clip(level: int) -> list[int]:
    return [level + k for k in range(8)]


def test_clips_follow_each_other(tmp_path):
    film = Film(tmp_path / "new" / "film.mp4")
    assert not (tmp_path / "new").exists()
    for seq, level in ((4, 20), (5, 90), (6, 150)):
        film(seq, made(level))
    film.close()
    assert near(shown(tmp_path / "new" / "film.mp4"), clip(20) + clip(90) + clip(150))


def test_what_never_came_is_the_last_picture_held(tmp_path):
    film = Film(tmp_path / "film.mp4")
    for seq, level in ((0, 20), (3, 90), (0, 60)):  # then a new transmitter counts from 0 again
        film(seq, made(level))
    film.close()
    assert near(shown(tmp_path / "film.mp4"), clip(20) + [27] * 16 + clip(90) + clip(60))


def test_nobody_watches_hours_of_a_still(tmp_path):
    film = Film(tmp_path / "film.mp4")
    for seq in (0, 1 + MOST_HELD, 3 + 2 * MOST_HELD):
        film(seq, made(100))
    film.close()
    assert len(shown(tmp_path / "film.mp4")) == 8 * (3 + MOST_HELD)


def test_clips_of_another_size_are_scaled(tmp_path):
    film = Film(tmp_path / "film.mp4")
    film(0, made(20))
    film(1, made(90, (96, 32)))
    film.close()
    assert near(shown(tmp_path / "film.mp4"), clip(20) + clip(90))


def test_an_earlier_film_stays(tmp_path):
    for level in (20, 90, 150):
        film = Film(tmp_path / "film.mp4")
        film(0, made(level))
        film.close()
    for name, level in (("film.mp4", 20), ("film-2.mp4", 90), ("film-3.mp4", 150)):
        assert near(shown(tmp_path / name), clip(level))


def test_nothing_arrived_leaves_nothing(tmp_path):
    Film(tmp_path / "film.mp4").close()
    assert list(tmp_path.iterdir()) == []


def test_a_receiver_that_is_killed_leaves_all_but_the_last_frame(tmp_path):
    program = """
import numpy as np, os, signal, sys
from pathlib import Path
from receiver.film import Film
from receiver.receiver import Reconstruction
film = Film(Path(sys.argv[1]))
for seq in range(5):
    video = np.stack([np.full((64, 64, 3), 20 + 40 * seq + k, np.uint8) for k in range(8)])
    film(seq, Reconstruction(video, None, 3.0, "a wall", None))
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "film.mp4")], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    due = [level for seq in range(5) for level in clip(20 + 40 * seq)]
    assert near(shown(tmp_path / "film.mp4"), due[:-1])


def test_a_full_disk_is_one_line_and_the_film_before_it_stays(tmp_path):
    """RLIMIT_FSIZE, in a child that can be lost. With room again a second film begins."""
    program = """
import numpy as np, resource, sys
from pathlib import Path
from receiver.film import Film
from receiver.media import OutputError
from receiver.receiver import Reconstruction
rng = np.random.default_rng(2)
film = Film(Path(sys.argv[1]))
def send(seq):
    film(seq, Reconstruction(rng.integers(0, 256, (8, 64, 64, 3), dtype=np.uint8), None, 3.0, "a wall", None))
send(0)
resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1]).stat().st_size + 5000, resource.RLIM_INFINITY))
try:
    send(1)
except OutputError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
send(2)
film.close()
"""
    path = tmp_path / "film.mp4"
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{path} cannot be written: File too large\n"
    assert len(shown(path)) >= 7
    assert len(shown(tmp_path / "film-2.mp4")) == 8


def test_a_folder_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "out").write_text("not a folder")
    with pytest.raises(OutputError, match="cannot be written") as caught:
        Film(tmp_path / "out" / "film.mp4")(0, made(20))
    assert "\n" not in str(caught.value)


def test_what_one_output_cannot_write_the_others_get():
    got = []

    def broken(seq: int, _: Reconstruction) -> None:
        raise OutputError(f"{seq} cannot be written")

    assert to_all(None, None) is None
    both = to_all(None, broken, lambda seq, _: got.append(seq))
    assert both is not None
    with pytest.raises(OutputError, match="7 cannot be written"):
        both(7, made(20))
    assert got == [7]

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from common.errors import GvscError, SettingError
from gvsc.evaluation.metrics.psnr import psnr
from receiver.media import OutputError, replacing, write_frames, write_mp4, write_png
from transmitter.clips import read_clip


def scene(frames: int = 8, height: int = 64, width: int = 96) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    planes = [
        np.stack([128 + 90 * np.sin((x + 5 * k) / 17), 128 + 90 * np.cos(y / 13), 60 + x + 0 * y], axis=2)
        for k in range(frames)
    ]
    return np.clip(planes, 0, 255).astype(np.uint8)


def test_mp4_plays_in_browsers_and_lasts_as_long_as_the_clip(tmp_path):
    path = tmp_path / "new" / "a.mp4"
    write_mp4(path, scene(), 4.0)
    with av.open(str(path)) as container:
        (stream,) = container.streams
        context = stream.codec_context
        assert (context.name, context.pix_fmt, context.width, context.height) == ("h264", "yuv420p", 96, 64)
        assert (context.colorspace, context.color_range, stream.frames) == (1, 1, 8)
        assert container.duration == 2_000_000
        assert [float(f.pts * f.time_base) for f in container.decode(stream)] == [k / 4 for k in range(8)]
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert [p.name for p in path.parent.iterdir()] == ["a.mp4"]


def test_mp4_looks_like_the_clip(tmp_path):
    video = scene(height=64, width=64)
    write_mp4(tmp_path / "a.mp4", video, 4.0)
    found = read_clip(tmp_path / "a.mp4", size=(64, 64), caption="").video
    assert psnr(video, found) > 36
    assert np.abs(video.mean((0, 1, 2)) - found.mean((0, 1, 2))).max() < 1.5


def test_mp4_is_the_same_every_time(tmp_path):
    for name in "ab":
        write_mp4(tmp_path / f"{name}.mp4", scene(), 4.0)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize(
    ("video", "fps"),
    [
        (scene(2, 63, 96), 4.0),
        (scene(2), 0.0),
        (scene(2), float("nan")),
        (scene(2).astype(np.float32), 4.0),
        (scene(2)[0], 4.0),
        (scene(2)[:0], 4.0),
    ],
)
def test_mp4_of_what_is_no_video_is_refused(tmp_path, video, fps):
    with pytest.raises(SettingError):
        write_mp4(tmp_path / "a.mp4", video, fps)
    assert list(tmp_path.iterdir()) == []


def test_frames_are_lossless_and_old_ones_go(tmp_path):
    folder = tmp_path / "source"
    write_frames(folder, scene(5))
    (folder / "notes.png").write_bytes(b"mine")
    video = scene(3)[:, ::-1]
    paths = write_frames(folder, video)
    assert [p.name for p in paths] == ["000.png", "001.png", "002.png"]
    assert sorted(p.name for p in folder.iterdir()) == ["000.png", "001.png", "002.png", "notes.png"]
    np.testing.assert_array_equal(np.stack([np.asarray(Image.open(p)) for p in paths]), video)


def test_png_of_a_picture_and_of_an_array(tmp_path):
    picture = scene(1)[0]
    write_png(tmp_path / "a.png", picture)
    write_png(tmp_path / "b.png", Image.fromarray(picture))
    for name in "ab":
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / f"{name}.png")), picture)
    with pytest.raises(SettingError):
        write_png(tmp_path / "c.png", picture.astype(np.float32))


def test_writing_where_one_cannot_is_one_line(tmp_path):
    (tmp_path / "file").write_text("a file, not a folder")
    (tmp_path / "taken.png").mkdir()
    for write in (
        lambda: write_mp4(tmp_path / "file" / "a.mp4", scene(2), 4.0),
        lambda: write_png(tmp_path / "file" / "a.png", scene(1)[0]),
        lambda: write_frames(tmp_path / "file", scene(1)),
        lambda: write_png(tmp_path / "taken.png", scene(1)[0]),
        lambda: write_png(tmp_path / ("n" * 300 + ".png"), scene(1)[0]),
    ):
        with pytest.raises(OutputError, match="cannot be written") as caught:
            write()
        assert isinstance(caught.value, GvscError)
        assert "\n" not in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "taken.png"]


@pytest.mark.parametrize("what", ["mp4", "png"])
def test_full_disk_is_one_line_and_leaves_what_was_there(tmp_path, what):
    """A limit on file size fails a write as a full disk does."""
    path = tmp_path / f"a.{what}"
    path.write_bytes(b"the old one")
    code = f"""
import resource, sys
import numpy as np
from common.errors import GvscError
from receiver.media import write_mp4, write_png
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, {resource.RLIM_INFINITY}))
video = np.random.default_rng(0).integers(0, 255, (8, 64, 64, 3), np.uint8)
try:
    write_mp4(Path(sys.argv[1]), video, 4.0) if {what == "mp4"} else write_png(Path(sys.argv[1]), video[0])
except GvscError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert "cannot be written" in done.stdout
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_failed_writer_leaves_nothing(tmp_path: Path):
    def fail() -> None:
        with replacing(tmp_path / "a.bin") as temporary:
            temporary.write_bytes(b"half")
            raise RuntimeError("on the way")

    with pytest.raises(RuntimeError, match="on the way"):
        fail()
    assert list(tmp_path.iterdir()) == []

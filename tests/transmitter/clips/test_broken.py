"""Broken and odd media: one clear line each, and the next clip goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from transmitter.clips import Wanted, read_clips
from transmitter.command import _stream


def grey(level: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    return np.full((*size, 3), level, np.uint8)


def ramp(count: int, step: int = 1) -> list[np.ndarray]:
    return [grey(step * k) for k in range(count)]


Make = Callable[..., Path]


def truncated(make: Make, path: Path) -> None:
    """An mp4 whose index, at its end, is gone."""
    make(path, ramp(60, 4), codec="libx264", pixels="yuv420p", cut_in=30)


def noisy_ramp(count: int) -> list[np.ndarray]:
    """Noise that gets brighter by one a frame, frame 0 with a mean of 39.5."""
    rng = np.random.default_rng(1)
    return [np.clip(40 + k + rng.normal(0, 8, (48, 64, 3)), 0, 255).astype(np.uint8) for k in range(count)]


AS_FOR_THE_WEB = {"fps": 25, "codec": "libx264", "pixels": "yuv420p", "movflags": "+faststart", "options": {"bf": "0"}}
"""The index in front; without B frames packet k is frame k."""


def truncated_behind_its_index(make: Make, path: Path) -> None:
    """An mp4 with its index in front, as for the web, of which only 35 of 100 pictures came, and half of the next."""
    make(path, noisy_ramp(100), **AS_FOR_THE_WEB, cut_in=35)


def empty(_: Make, path: Path) -> None:
    path.touch()


def noise(_: Make, path: Path) -> None:
    path.write_bytes(np.random.default_rng(7).bytes(5000))


def audio_only(_: Make, path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        for k in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.rate, frame.pts = 48000, 1024 * k
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def one_pixel(make: Make, path: Path) -> None:
    make(path.with_suffix(".mkv"), [grey(77, (1, 1))] * 50).rename(path)


def eight_k(make: Make, path: Path) -> None:
    make(path, [grey(90, (4320, 7680))] * 2, fps=1, codec="mjpeg", pixels="yuvj420p")


def one_frame(make: Make, path: Path) -> None:
    make(path, [grey(99)], codec="mpeg4", pixels="yuv420p")


def ten_thousand_fps(make: Make, path: Path) -> None:
    make(path, [grey(k // 20, (16, 16)) for k in range(4000)], fps=10000, codec="mpeg4", pixels="yuv420p")


def varying_rate(make: Make, path: Path) -> None:
    times_s = [0.0, 0.01, 0.02, 0.03, 0.6, 1.4, 1.49, 1.8]
    make(path.with_suffix(".mkv"), ramp(8, 20), times_s=times_s).rename(path)


def rotated(make: Make, path: Path) -> None:
    picture = grey(20, (64, 96))
    picture[:, :16] = 255  # lies outside the centre, before and after the turn
    make(path, [picture] * 50, codec="libx264", pixels="yuv420p", turn=90)


CASES: list[tuple[Callable[[Make, Path], None], str, int]] = [
    (truncated, "left out: {}: not a video that can be read", 0),
    (truncated_behind_its_index, "{}: ends at 1.40 s; its last frame is repeated for 2 of 8 frames", 1),
    (empty, "left out: {}: the file is empty", 0),
    (noise, "left out: {}: not a video that can be read", 0),
    (audio_only, "left out: {}: holds no video (only audio)", 0),
    (one_pixel, "{}: only 1×1 pixels, scaled up to 256×256", 1),
    (eight_k, "", 1),
    (one_frame, "{}: a single picture; all 8 frames of the clip are the same", 1),
    (ten_thousand_fps, "{}: ends at 0.40 s; its last frame is repeated for 6 of 8 frames", 1),
    (varying_rate, "", 1),
    (rotated, "", 1),
]
"""What builds the file, what is said of it, and how many clips it gives."""


@pytest.mark.parametrize(("build", "said", "clips"), CASES, ids=[build.__name__ for build, _, _ in CASES])
def test_each_is_told_in_one_line_and_the_next_clip_goes_on(make_video, tmp_path, caplog, build, said, clips):
    caplog.set_level(logging.WARNING)
    path = tmp_path / "a.mp4"
    build(make_video, path)
    (tmp_path / "a.txt").write_text("Something")
    make_video(tmp_path / "b.mkv", [grey(k, (256, 256)) for k in range(50)])
    (tmp_path / "b.txt").write_text("It gets brighter")
    # the way of `gvsc transmit FOLDER`
    made = list(_stream([str(tmp_path)], Wanted(), 1, or_samples=False))
    assert [clip.name for clip in made] == [*["a"] * clips, "b"]
    assert [clip.number for clip in made] == list(range(clips + 1))
    assert made[-1].caption == "It gets brighter"
    messages = [record.getMessage() for record in caplog.records]
    assert all("\n" not in message and len(message) < 300 for message in messages)
    if said:
        assert any(message.startswith(said.format(path)) for message in messages), messages


@pytest.mark.parametrize("build", [truncated, empty, noise, audio_only])
def test_a_broken_file_by_itself_is_told_and_the_next_goes_on(make_video, tmp_path, capsys, build):
    build(make_video, tmp_path / "a.mp4")
    good = make_video(tmp_path / "b.mkv", ramp(50))
    made = list(_stream([str(tmp_path / "a.mp4"), str(good)], Wanted(), 1, or_samples=False))
    assert [(clip.name, clip.number) for clip in made] == [("b", 0)]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"transmitter: left out: {tmp_path / 'a.mp4'}: ")


def test_a_rotated_video_is_upright_and_cropped_after_the_turn(make_video, tmp_path):
    rotated(make_video, tmp_path / "a.mp4")
    (clip,) = read_clips(tmp_path / "a.mp4")
    assert clip.video.max() < 40


def test_eight_thousand_columns_are_all_there(make_video, tmp_path):
    eight_k(make_video, tmp_path / "a.mp4")
    (clip,) = read_clips(tmp_path / "a.mp4")
    assert np.abs(clip.video.astype(int) - 90).max() <= 2


def test_what_came_of_a_truncated_video_is_shown(make_video, tmp_path, caplog):
    truncated_behind_its_index(make_video, tmp_path / "a.mp4")
    (clip,) = read_clips(tmp_path / "a.mp4")
    means = [frame.mean() + 0.5 for frame in clip.video]
    # 25 fps: k/4 s lies at frame 6.25 k
    assert np.abs(np.subtract(means, [40 + min(round(6.25 * k), 34) for k in range(8)])).max() < 2
    assert "a.mp4: 1 damaged packets skipped" in caplog.text
    assert "a.mp4: breaks off at 1.40 s of 4.00 s; the frames up to there are used" in caplog.text


@pytest.mark.parametrize("came", [50, 90, 100])
def test_a_cut_between_two_packets_is_told_too_where_the_clips_are_whole(make_video, tmp_path, caplog, came):
    path = make_video(tmp_path / "a.mp4", noisy_ramp(100), **AS_FOR_THE_WEB)
    with av.open(str(path)) as whole:
        places = [packet.pos for packet in whole.demux(video=0) if packet.size]
    path.write_bytes(path.read_bytes()[: [*places, None][came]])
    made = list(read_clips(path, Wanted(caption="x")))
    assert len(made) == (came + 12) // 50
    told = [message for message in caplog.messages if "breaks off" in message]
    # what lacks less than a second is not told
    assert told == [f"{path}: breaks off at 2.00 s of 4.00 s; the frames up to there are used"] * (came == 50)
    assert "damaged" not in caplog.text


def test_missing_captions_are_told_once_a_file(make_video, tmp_path, caplog):
    make_video(tmp_path / "a.mkv", ramp(150))
    made = list(_stream([str(tmp_path / "a.mkv")], Wanted(), 1, or_samples=False))
    assert [clip.caption for clip in made] == [""] * 3
    assert caplog.text.count("a.mkv: no caption") == 1


def test_all_of_them_in_one_folder(make_video, tmp_path, caplog):
    for number, (build, _, _) in enumerate(CASES):
        build(make_video, tmp_path / f"{number:02d}.mp4")
    made = list(_stream([str(tmp_path)], Wanted(caption="x"), 1, or_samples=False))
    assert [clip.name for clip in made] == [f"{number:02d}" for number, (_, _, clips) in enumerate(CASES) if clips]

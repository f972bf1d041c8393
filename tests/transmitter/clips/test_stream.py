"""A long video as clips, one after the other."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from common.errors import ClipError
from transmitter.clips import Wanted, read_clip, stream
from transmitter.clips.decode import TimedFrame, decode
from transmitter.clips.stream import read_live, read_stream, shown

FPS = 20
"""Frame rate of the test videos: every fifth frame is a moment."""


def film(*shots: tuple[int, float]) -> list[np.ndarray]:
    """Shots of (grey level, seconds), each brighter by one a frame: flat pictures, told apart by their level."""
    levels = [level + k for level, seconds in shots for k in range(round(seconds * FPS))]
    return [np.full((48, 64, 3), level, np.uint8) for level in levels]


def levels(video: np.ndarray) -> list[int]:
    return [int(frame[100, 100, 1]) for frame in video]


def clips_of(path, **wanted) -> list:
    return list(read_stream(path, Wanted(**wanted), caption="", name="film"))


def test_every_moment_once_and_in_order(make_video, tmp_path, caplog):
    path = make_video(tmp_path / "film.mkv", film((0, 10.0)), fps=FPS)
    made = clips_of(path, size=(256, 256))
    assert [(clip.number, clip.name) for clip in made] == list(
        enumerate(["film", "film@2s", "film@4s", "film@6s", "film@8s"])
    )
    assert [level for clip in made for level in levels(clip.video)] == [5 * k for k in range(40)]
    assert "cut" not in caplog.text
    assert "repeated" not in caplog.text


def test_other_numbers_of_frames_and_rates(make_video, tmp_path):
    path = make_video(tmp_path / "film.mkv", film((0, 6.0)), fps=FPS)
    made = clips_of(path, frames=4, fps=2.0)
    assert [levels(clip.video) for clip in made] == [[0, 10, 20, 30], [40, 50, 60, 70], [80, 90, 100, 110]]
    assert [clip.fps for clip in made] == [2.0] * 3


def test_a_clip_shows_one_shot_and_time_does_not_run_away(make_video, tmp_path, caplog):
    # cuts at 2.5 s (early in clip 1) and at 5.5 s (late in clip 2)
    path = make_video(tmp_path / "film.mkv", film((0, 2.5), (150, 3.0), (60, 2.5)), fps=FPS)
    first, second, third, fourth = clips_of(path)
    assert levels(first.video) == [5 * k for k in range(8)]
    # the two moments before the cut show the first picture after it
    assert levels(second.video) == [150, 150, *[150 + 5 * k for k in range(6)]]
    assert levels(third.video) == [*[180 + 5 * k for k in range(6)], 205, 205]
    # 6 s into the film is 0.5 s into its third shot
    assert levels(fourth.video) == [70 + 5 * k for k in range(8)]
    assert "film.mkv: a cut fell into 2 of the clips; 4 frames there repeat one of the longer shot" in caplog.text


def test_a_shot_too_short_to_be_seen_does_not_get_into_a_clip(make_video, tmp_path):
    path = make_video(tmp_path / "film.mkv", film((0, 2.75), (200, 0.5), (100, 2.75)), fps=FPS)
    for clip in clips_of(path):
        assert max(levels(clip.video)) < 200
        shots = {level // 100 for level in levels(clip.video)}
        assert len(shots) == 1


@pytest.mark.parametrize(
    ("shots", "places"),
    [
        ([0] * 8, [0, 1, 2, 3, 4, 5, 6, 7]),
        ([3, 3, 3, 4, 4, 4, 4, 4], [3, 3, 3, 3, 4, 5, 6, 7]),
        ([3, 3, 3, 3, 4, 4, 4, 4], [0, 1, 2, 3, 3, 3, 3, 3]),
        ([1, 1, 2, 2, 2, 2, 3, 3], [2, 2, 2, 3, 4, 5, 5, 5]),
        ([7], [0]),
    ],
)
def test_which_moments_are_shown(shots, places):
    assert shown(shots) == places


@pytest.mark.parametrize(("seconds", "clips"), [(0.1, 1), (2.0, 1), (2.7, 1), (3.0, 2), (3.9, 2), (4.0, 2), (4.75, 2)])
def test_the_end_is_a_border_too(make_video, tmp_path, caplog, seconds, clips):
    path = make_video(tmp_path / "film.mkv", film((0, seconds)), fps=FPS)
    made = clips_of(path)
    assert len(made) == clips
    left_out = seconds - 2 * clips
    if left_out > 0:
        assert f"its last {np.ceil(left_out * 4) / 4:.2f} s, less than half a clip, are left out" in caplog.text
        assert "repeated" not in caplog.text
    elif left_out <= -0.25:
        assert levels(made[-1].video)[-1] == round(seconds * FPS) - 1
        assert f"ends at {seconds:.2f} s; its last frame is repeated for" in caplog.text


def test_the_clip_of_a_short_video_is_the_one_that_read_clip_gives(make_video, tmp_path):
    path = make_video(tmp_path / "film.mkv", film((0, 0.6), (100, 0.7)), fps=FPS)
    (clip,) = clips_of(path)
    np.testing.assert_array_equal(clip.video, read_clip(path, caption="").video)


def test_from_a_second_on(make_video, tmp_path):
    path = make_video(tmp_path / "film.mkv", film((0, 6.0)), fps=FPS)
    made = list(read_stream(path, Wanted(), caption="", name="film", start_s=1.5))
    assert [levels(clip.video)[0] for clip in made] == [30, 70]
    assert [clip.name for clip in made] == ["film", "film@2s"]
    with pytest.raises(ClipError, match=r"ends at 6\.00 s, before the clip's start at 9\.00 s"):
        list(read_stream(path, Wanted(), caption="", name="film", start_s=9.0))


def test_pauses_in_the_timestamps_are_shown_as_long_as_they_last(make_video, tmp_path):
    times_s = [0.0, 0.5, 30.0, 30.5]
    path = make_video(tmp_path / "slides.mkv", film((100, 0.2)), times_s=times_s)
    made = clips_of(path)
    assert len(made) == 15
    assert {level for clip in made[2:-1] for level in levels(clip.video)} <= {101, 102}


def test_a_timestamp_that_leaps_an_hour_does_not_make_an_hour_of_stills(make_video, tmp_path):
    times_s = [*(k / 20 for k in range(40)), *(3600 + k / 20 for k in range(40))]
    path = make_video(tmp_path / "leap.mkv", film((0, 4.0)), times_s=times_s, fps=FPS)
    assert [len(set(levels(clip.video))) for clip in clips_of(path)] == [8, 8]


def test_decoded_once_and_never_held(make_video, tmp_path, monkeypatch):
    path = make_video(tmp_path / "film.mkv", film((0, 12.0)), fps=FPS)
    alive: weakref.WeakSet[TimedFrame] = weakref.WeakSet()
    counts = []
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        for timed in decode(*arguments):
            alive.add(timed)
            counts.append(len(alive))
            yield timed

    monkeypatch.setattr(stream, "decode", counted)
    seen = [len(counts) for _ in read_stream(path, Wanted(), caption="", name="film")]
    assert len(calls) == 1
    assert len(counts) == 12 * FPS
    assert max(counts) <= 4
    # each clip comes when it is whole and its cuts are certain, not when the video is over
    assert seen[:5] == [2 * FPS * k + seen[0] for k in range(5)]
    assert seen[0] <= 2 * FPS + 20


def test_damage_midway_does_not_end_the_stream(make_video, tmp_path, caplog):
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 8, (120, 48, 64, 3))
    pictures = [np.clip(50 + k + noise[k], 0, 255).astype(np.uint8) for k in range(120)]
    path = make_video(tmp_path / "a.mov", pictures, fps=FPS, codec="png", pixels="rgb24")
    data = bytearray(path.read_bytes())
    places = [at for at in range(len(data) - 8) if data[at : at + 8] == b"\x89PNG\r\n\x1a\n"]
    for at in places[42:46]:
        data[at : at + 8] = b"\0" * 8
    path.write_bytes(data)
    made = clips_of(path)
    means = [frame.mean() for clip in made for frame in clip.video]
    assert len(made) == 3
    assert np.abs(np.subtract(means, [50 + 5 * k - 0.5 for k in range(24)])).max() < 2.5
    assert "4 damaged packets skipped" in caplog.text


def frames_of(path, pauses: dict[int, float]) -> list[TimedFrame]:
    """The frames of a video as a camera would give them that nobody listened to for some seconds before some frames."""
    made, late_s = [], 0.0
    for timed in decode(path):
        late_s += pauses.get(timed.number, 0.0)
        made.append(TimedFrame(timed.frame, timed.time_s + late_s, timed.step_s, timed.pixel_aspect, timed.number))
    return made


def live(frames: list[TimedFrame]) -> list:
    return list(read_live("camera", frames, Wanted(), caption="", name="camera"))


def test_live_pictures_follow_each_other_and_a_pause_begins_anew(make_video, tmp_path):
    path = make_video(tmp_path / "film.mkv", film((0, 10.0)), fps=FPS)
    assert [levels(clip.video)[0] for clip in live(frames_of(path, {}))] == [0, 40, 80, 120, 160]
    made = live(frames_of(path, {53: 7.0}))
    # the clip that was begun at frame 40 is dropped: no clip holds pictures from before and after the pause
    assert [levels(clip.video) for clip in made] == [[first + 5 * k for k in range(8)] for first in (0, 53, 93, 133)]
    assert [clip.number for clip in made] == [0, 1, 2, 3]


def test_a_hiccup_of_a_camera_is_no_pause(make_video, tmp_path):
    path = make_video(tmp_path / "film.mkv", film((0, 6.0)), fps=FPS)
    made = live(frames_of(path, {50: 0.5}))
    assert [levels(clip.video)[0] for clip in made] == [0, 40, 70]

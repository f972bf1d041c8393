from __future__ import annotations

import os
import struct
import tracemalloc
import weakref

import av
import numpy as np
import pytest
from PIL import Image

from common.errors import ClipError, SettingError
from transmitter.clips import read_clip, stream
from transmitter.clips.decode import TimedFrame, decode
from transmitter.clips.fit import fit


def flat(level: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    return np.full((*size, 3), level, np.uint8)


def levels(video: np.ndarray) -> list[int]:
    """The grey level in the middle of each frame."""
    return [int(frame[frame.shape[0] // 2, frame.shape[1] // 2, 1]) for frame in video]


def ramp(count: int, step: int = 1) -> list[np.ndarray]:
    return [flat(step * k) for k in range(count)]


def test_takes_the_nearest_frame_at_four_a_second(make_video, tmp_path):
    clip = read_clip(make_video(tmp_path / "a.mkv", ramp(60, 4)), caption="grey")
    # 25 fps: k/4 s lies at frame 6.25 k
    assert levels(clip.video) == [4 * round(6.25 * k - 1e-6) for k in range(8)]
    assert clip.video.shape == (8, 256, 256, 3)
    assert (clip.caption, clip.name, clip.number, clip.fps) == ("grey", "a", 0, 4.0)


def test_start_is_counted_from_the_first_frame(make_video, tmp_path):
    path = make_video(tmp_path / "a.mkv", ramp(100, 2))
    assert levels(read_clip(path, start_s=2.0, caption="").video) == [2 * round(50 + 6.25 * k - 1e-6) for k in range(8)]


def test_start_in_a_long_group_of_pictures_gives_what_decoding_from_the_beginning_gives(make_video, tmp_path):
    rng = np.random.default_rng(1)
    pictures = [np.roll(rng.integers(0, 255, (64, 64, 3), np.uint8), 3 * k, 1) for k in range(1)]
    pictures = [np.roll(pictures[0], 3 * k, 1) for k in range(120)]
    path = make_video(tmp_path / "a.mp4", pictures, codec="libx264", pixels="yuv420p")
    late = read_clip(path, start_s=2.5, caption="", frames=4).video
    all_of_it = read_clip(path, frames=14, caption="").video
    np.testing.assert_array_equal(late, all_of_it[10:])


def test_start_is_counted_from_the_first_frame_where_timestamps_begin_late(make_video, tmp_path):
    times_s = [30 + k / 10 for k in range(40)]
    path = make_video(tmp_path / "a.mkv", ramp(40, 5), times_s=times_s)
    assert levels(read_clip(path, caption="", frames=3, fps=1).video) == [0, 50, 100]
    assert levels(read_clip(path, caption="", frames=3, fps=1, start_s=1).video) == [50, 100, 150]


def test_varying_frame_rate_goes_by_the_timestamps(make_video, tmp_path):
    times_s = [0.0, 0.01, 0.02, 0.03, 0.6, 1.4, 1.49, 1.8]
    path = make_video(tmp_path / "vfr.mkv", ramp(8, 20), times_s=times_s)
    #                      0  .25 .5  .75  1  1.25 1.5 1.75
    assert levels(read_clip(path, caption="").video) == [20 * k for k in (0, 3, 4, 4, 4, 5, 6, 7)]


def test_frames_without_timestamps_follow_at_the_frame_rate(make_video, tmp_path):
    path = make_video(tmp_path / "raw.h264", ramp(60, 4), codec="libx264", pixels="yuv420p")
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).pts is None
    found = levels(read_clip(path, caption="").video)
    assert np.abs(np.subtract(found, [25 * k for k in range(8)])).max() <= 8


def test_ten_thousand_frames_a_second(make_video, tmp_path):
    pictures = [flat(k // 100, (16, 16)) for k in range(18000)]
    path = make_video(tmp_path / "fast.mp4", pictures, fps=10000, codec="mpeg4", pixels="yuv420p")
    found = levels(read_clip(path, caption="").video)
    assert np.abs(np.subtract(found, [25 * k for k in range(8)])).max() <= 3


def test_timestamps_too_coarse_for_the_frame_rate_do_not_drift(make_video, tmp_path):
    # Matroska counts milliseconds: four frames share each
    path = make_video(tmp_path / "fast.mkv", [flat(k // 40, (16, 16)) for k in range(1200)], fps=4000)
    found = levels(read_clip(path, caption="", frames=2).video)
    assert np.abs(np.subtract(found, [0, 25])).max() <= 1


def test_timestamps_that_start_again_are_counted_on(make_video, tmp_path):
    there_and_back = [flat(4 * min(k, 50 - k)) for k in range(50)]
    path = make_video(tmp_path / "a.ts", there_and_back, codec="mpeg2video", pixels="yuv420p")
    (tmp_path / "joined.ts").write_bytes(path.read_bytes() * 2)
    found = levels(read_clip(tmp_path / "joined.ts", caption="", fps=2).video)
    assert np.abs(np.subtract(found, [0, 48, 100, 48, 0, 48, 100, 48])).max() <= 8


def test_short_video_repeats_its_last_frame_and_says_so(make_video, tmp_path, caplog):
    path = make_video(tmp_path / "short.mkv", ramp(10, 20))
    video = read_clip(path, caption="x").video
    assert levels(video) == [0, 120, *[180] * 6]
    assert "short.mkv: ends at 0.40 s; its last frame is repeated for 6 of 8 frames at 4 fps" in caplog.text


def test_video_that_lasts_just_long_enough_is_not_told_about(make_video, tmp_path, caplog):
    read_clip(make_video(tmp_path / "a.mkv", [flat(20 * k, (256, 256)) for k in range(8)], fps=4), caption="x")
    assert caplog.text == ""


def test_single_frame_and_still_picture_fill_the_clip_and_say_so(make_video, tmp_path, caplog):
    Image.fromarray(flat(99)).save(tmp_path / "still.png")
    for path in (make_video(tmp_path / "one.mkv", [flat(99)]), tmp_path / "still.png"):
        caplog.clear()
        assert levels(read_clip(path, caption="x").video) == [99] * 8
        assert "a single picture; all 8 frames of the clip are the same" in caplog.text


def test_start_past_the_end_is_refused(make_video, tmp_path):
    path = make_video(tmp_path / "a.mkv", ramp(10))
    with pytest.raises(ClipError, match=r"ends at 0\.40 s, before the clip's start at 9\.00 s"):
        read_clip(path, start_s=9)


def test_centre_is_cropped_to_a_square(make_video, tmp_path):
    picture = flat(0, (32, 96))
    picture[:, 32:64] = (200, 100, 50)
    video = read_clip(make_video(tmp_path / "wide.mkv", [picture] * 2, fps=1), caption="").video
    # the filter blends with nothing outside the crop
    assert np.all(video == (200, 100, 50))


def test_shrinking_is_antialiased(make_video, tmp_path):
    picture = np.zeros((512, 512, 3), np.uint8)
    picture[:, ::2] = 255
    video = read_clip(make_video(tmp_path / "fine.mkv", [picture]), size=(64, 64), caption="").video
    assert np.abs(video[:, :, 1:-1].astype(int) - 128).max() <= 2  # the filter is lopsided at the border


def test_other_shapes_keep_the_aspect(make_video, tmp_path):
    picture = np.zeros((60, 60, 3), np.uint8)
    picture[:, :30] = 255
    video = read_clip(make_video(tmp_path / "a.mkv", [picture]), size=(64, 128), caption="").video
    assert video.shape == (8, 64, 128, 3)
    assert np.all(video[:, :, :60] == 255)
    assert np.all(video[:, :, 68:] == 0)


def test_pixels_that_are_not_square():
    picture = np.zeros((40, 40, 3), np.uint8)
    picture[:, 10:30] = 255
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    # stored pixels twice as wide as high: the shown picture is 80×40, and its centre square is the middle 20 columns
    assert np.all(fit(frame, (32, 32), pixel_aspect=2.0) == 255)
    assert np.any(fit(frame, (32, 32), pixel_aspect=1.0) == 0)


@pytest.mark.parametrize(
    ("turn", "corner"), [(0, (0, 0)), (90, (1, 0)), (180, (1, 1)), (-90, (0, 1))], ids=["0", "90", "180", "270"]
)
def test_rotation_flag_is_honoured(make_video, tmp_path, turn, corner):
    picture = flat(0, (64, 64))
    picture[:32, :32] = 255  # top left; a turn counterclockwise by 90° puts it at the bottom left
    path = make_video(tmp_path / "turned.mp4", [picture] * 3, codec="libx264", pixels="yuv420p", turn=turn)
    video = read_clip(path, size=(64, 64), caption="").video
    quarters = video[0].reshape(2, 32, 2, 32, 3).mean((1, 3, 4))
    assert np.unravel_index(quarters.argmax(), (2, 2)) == corner
    assert np.sort(quarters.ravel())[2] < 16


def test_rotated_video_that_is_not_square_is_cropped_after_the_turn(make_video, tmp_path):
    picture = flat(0, (64, 96))
    picture[:, :16] = 255  # lies outside the centre
    path = make_video(tmp_path / "turned.mp4", [picture] * 3, codec="libx264", pixels="yuv420p", turn=90)
    assert read_clip(path, size=(64, 64), caption="").video.max() < 40


COLOURS = [(255, 255, 255), (0, 0, 0), (200, 40, 40), (40, 180, 60), (30, 60, 220)]


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", [1, 5], ids=["bt709", "bt601"])
def test_colours_go_by_the_files_own_matrix_and_range(tmp_path, matrix, full):
    kr, kb = {1: (0.2126, 0.0722), 5: (0.299, 0.114)}[matrix]
    for k, colour in enumerate(COLOURS):
        red, green, blue = colour
        luma = kr * red + (1 - kr - kb) * green + kb * blue
        chroma = np.array([(blue - luma) / (2 - 2 * kb), (red - luma) / (2 - 2 * kr)])
        y = luma if full else 16 + luma * 219 / 255
        cb, cr = 128 + chroma * (1 if full else 224 / 255)
        planes = np.empty((96, 64), np.uint8)
        planes[:64] = round(y)
        planes[64:80], planes[80:] = round(min(cb, 255)), round(min(cr, 255))
        path = tmp_path / f"{k}.mkv"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("ffv1", rate=1)
            stream.width = stream.height = 64
            stream.pix_fmt = "yuv420p"
            stream.codec_context.colorspace = matrix
            stream.codec_context.color_range = 2 if full else 1
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.colorspace, frame.color_range = matrix, 2 if full else 1
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        found = read_clip(path, size=(32, 32), caption="").video[0, 16, 16]
        assert np.abs(found.astype(int) - colour).max() <= 3, (colour, found)


def test_odd_sizes(make_video, tmp_path):
    path = make_video(tmp_path / "odd.mkv", [flat(77, (53, 71))] * 2)
    assert np.all(read_clip(path, caption="").video == 77)


def test_one_pixel_is_scaled_up_and_told(make_video, tmp_path, caplog):
    path = make_video(tmp_path / "dot.mkv", [flat(77, (1, 1))] * 50)
    assert np.all(read_clip(path, caption="x").video == 77)
    assert "dot.mkv: only 1×1 pixels, scaled up to 256×256" in caplog.text


@pytest.mark.parametrize("suffix", ["png", "mkv"])
def test_giant_pictures_are_refused_before_memory_is_spent(make_video, tmp_path, suffix):
    # the header of a 40000×40000 picture, without its pixels
    chunk = struct.pack(">IIBBBBB", 40000, 40000, 8, 2, 0, 0, 0)
    picture = tmp_path / "giant.png"
    Image.fromarray(flat(0)).save(picture)
    data = picture.read_bytes()
    data = data[:16] + chunk + data[29:]
    picture.write_bytes(data)
    path = picture
    if suffix == "mkv":
        path = make_video(tmp_path / "giant.mkv", [flat(0, (16, 16))])
        raw = path.read_bytes()
        # PixelWidth and PixelHeight of the track
        assert raw.count(b"\xb0\x81\x10") == 1
        raw = raw.replace(b"\xb0\x81\x10\xba\x81\x10", b"\xb0\x82\x9c\x40\xba\x82\x9c\x40")
        path.write_bytes(raw)
    tracemalloc.start()
    try:
        with pytest.raises(ClipError) as caught:
            read_clip(path)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)


def test_decoding_streams(make_video, tmp_path, monkeypatch):
    """Of a long video only a few frames are alive at any time, and none after the clip is decoded."""
    path = make_video(tmp_path / "long.mkv", ramp(200))
    alive: weakref.WeakSet[TimedFrame] = weakref.WeakSet()
    counts = []

    def counted(*arguments):
        for timed in decode(*arguments):
            alive.add(timed)
            counts.append(len(alive))
            yield timed

    monkeypatch.setattr(stream, "decode", counted)
    read_clip(path, caption="")
    assert len(counts) == 58  # of 200: to the last moment, 12 more that tell of cuts, and on to the next moment
    assert max(counts) <= 4


def one_line(call, *arguments, **options) -> str:
    with pytest.raises(ClipError) as caught:
        call(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_files_that_are_no_video(tmp_path):
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(7).bytes(5000))
    (tmp_path / "text.mp4").write_text("this is no video\n" * 100)
    os.mkfifo(tmp_path / "pipe.mp4")
    with av.open(str(tmp_path / "song.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert "no such file" in one_line(read_clip, tmp_path / "missing.mp4")
    assert "not a file" in one_line(read_clip, tmp_path)
    assert "not a file" in one_line(read_clip, tmp_path / "pipe.mp4")
    assert "empty" in one_line(read_clip, tmp_path / "empty.mp4")
    assert "holds no video (only audio)" in one_line(read_clip, tmp_path / "song.wav")
    for name in ("noise.mp4", "text.mp4"):
        assert name in one_line(read_clip, tmp_path / name)


def test_header_without_frames(make_video, tmp_path):
    path = make_video(tmp_path / "a.avi", ramp(30), codec="mjpeg", pixels="yuvj420p")
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"movi") + 4])
    assert "a.avi" in one_line(read_clip, path)


def test_truncated_mp4_without_its_index_is_refused(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", ramp(60, 4), codec="libx264", pixels="yuv420p", cut_in=30)
    assert "a.mp4: not a video that can be read" in one_line(read_clip, path)


def noisy(count: int, step: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [np.clip(rng.normal(40 + step * k, 8, (64, 64, 3)), 0, 255).astype(np.uint8) for k in range(count)]


def test_truncated_stream_gives_the_frames_up_to_there(make_video, tmp_path, caplog):
    path = make_video(tmp_path / "a.mkv", noisy(60), codec="mjpeg", pixels="yuvj420p", cut_in=28)
    found = [frame.mean() for frame in read_clip(path, caption="x").video]
    assert np.abs(found[3] - (40 + 3 * 19)) < 6
    assert found[5] == found[7]
    assert "its last frame is repeated" in caplog.text


def test_damaged_packets_are_skipped_and_counted(make_video, tmp_path, caplog):
    path = make_video(tmp_path / "a.mov", noisy(60, 1), codec="png", pixels="rgb24")
    data = bytearray(path.read_bytes())
    # the signatures of frames 10 … 14
    places = [at for at in range(len(data) - 8) if data[at : at + 8] == b"\x89PNG\r\n\x1a\n"]
    assert len(places) == 60
    for at in places[10:15]:
        data[at : at + 8] = b"\0" * 8
    path.write_bytes(data)
    video = read_clip(path, caption="x").video
    # 0.5 s would be frame 12 or 13: the nearest left is 15 (or 9, as near as makes no difference)
    means = [frame.mean() + 0.5 for frame in video]
    assert abs(means[1] - (40 + 6)) < 0.4
    assert min(abs(means[2] - (40 + 15)), abs(means[2] - (40 + 9))) < 0.4
    assert abs(means[7] - (40 + 44)) < 0.4
    assert "a.mov: 5 damaged packets skipped" in caplog.text


def test_playlist_cannot_open_other_files(make_video, tmp_path):
    make_video(tmp_path / "secret.ts", ramp(30), codec="mpeg2video", pixels="yuv420p")
    playlist = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"
    (tmp_path / "list.m3u8").write_text(playlist.format(tmp_path / "secret.ts"))
    (tmp_path / "list.ffconcat").write_text(f"ffconcat version 1.0\nfile '{tmp_path / 'secret.ts'}'\n")
    # without the guard the first would open
    with av.open(str(tmp_path / "list.m3u8")) as container:
        assert container.streams.video
    one_line(read_clip, tmp_path / "list.m3u8")
    one_line(read_clip, tmp_path / "list.ffconcat")


def test_name_is_only_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(flat(9)).save("a1.png")
    Image.fromarray(flat(90)).save("a%d.png")
    assert levels(read_clip("a%d.png", caption="").video) == [90] * 8


@pytest.mark.parametrize(
    "options",
    [
        {"frames": 0},
        {"size": (0, 64)},
        {"fps": 0.0},
        {"fps": float("nan")},
        {"start_s": -1.0},
        {"start_s": float("inf")},
    ],
)
def test_arguments_that_make_no_sense(tmp_path, options):
    with pytest.raises(SettingError):
        read_clip(tmp_path / "a.mp4", **options)


def test_caption_from_the_text_file_beside_it(make_video, tmp_path, caplog):
    path = make_video(tmp_path / "a.mkv", ramp(50))
    assert read_clip(path).caption == ""
    assert "a.mkv: no caption" in caplog.text
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf  A dog \n\x07 runs\xff \n")
    assert read_clip(path).caption == "A dog runs\ufffd"
    assert read_clip(path, caption="given").caption == "given"

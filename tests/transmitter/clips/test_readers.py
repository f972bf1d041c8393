"""One reader for each kind of source."""

from __future__ import annotations

import logging
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from common.conventions import DEFAULT_SEED
from common.errors import ClipError, SettingError
from transmitter.clips import Wanted, find, read_clips
from transmitter.clips.readers import camera, file
from transmitter.clips.readers.camera import Camera, Device, device_of
from transmitter.clips.readers.file import VideoFile
from transmitter.clips.readers.folder import Folder
from transmitter.clips.readers.webvid import WebVid
from transmitter.clips.readers.world import RenderedWorld

ONE = Wanted(clip_at=0.0)


def ramp(count: int, step: int = 1) -> list[np.ndarray]:
    return [np.full((48, 64, 3), step * k, np.uint8) for k in range(count)]


def one_line(call, *arguments) -> str:
    with pytest.raises(ClipError) as caught:
        call(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


def all_of(source) -> list:
    return list(read_clips(source))


def test_each_kind_of_source_has_its_reader(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "captions.csv").touch()
    (tmp_path / "world").mkdir()
    assert find(tmp_path / "set") == WebVid(tmp_path / "set")
    assert find(tmp_path) == Folder(tmp_path)
    assert find(tmp_path / "world") == Folder(tmp_path / "world")
    assert find(tmp_path / "a.mp4") == VideoFile(tmp_path / "a.mp4")
    assert find("world") == RenderedWorld(DEFAULT_SEED, "train")
    assert find("world:12") == RenderedWorld(12, "train")
    assert find("world:12:held_out") == RenderedWorld(12, "held_out")
    assert find("worldly") == VideoFile(Path("worldly"))


def test_all_of_a_file_or_the_one_clip_at_a_second(make_video, tmp_path):
    path = make_video(tmp_path / "a.mkv", ramp(160), fps=25)
    (tmp_path / "a.txt").write_text("It gets brighter")
    assert [(c.name, c.number, c.caption) for c in all_of(path)] == [
        ("a", 0, "It gets brighter"),
        ("a@2s", 1, "It gets brighter"),
        ("a@4s", 2, "It gets brighter"),
    ]
    (clip,) = read_clips(path, Wanted(clip_at=3.0, caption="Mine"))
    assert (clip.name, clip.caption, clip.video[0, 0, 0, 0]) == ("a", "Mine", 75)


def test_folder_has_its_videos_by_name(tmp_path):
    for name in ("b.MP4", "a.webm", ".hidden.mp4", "notes.txt", "c.mkv"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "d.mp4").mkdir()
    assert [video.path.name for video in Folder(tmp_path).videos()] == ["a.webm", "b.MP4", "c.mkv"]


def test_nothing_to_read(tmp_path):
    assert "no such file" in one_line(all_of, tmp_path / "nowhere")
    assert "holds neither captions.csv nor a video" in one_line(all_of, tmp_path)


def test_what_is_not_there_is_told_without_decoding(make_video, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(file, "read_stream", None)
    monkeypatch.setattr(file, "read_clip", None)
    assert "no such file" in one_line(find(tmp_path / "nowhere").check, ONE)
    assert "holds neither captions.csv nor a video" in one_line(find(tmp_path).check, ONE)
    (tmp_path / "none.mp4").touch()
    assert "the file is empty" in one_line(find(tmp_path / "none.mp4").check, ONE)
    assert "cannot be opened" in one_line(find(tmp_path / f"{'n' * 300}.mp4").check, ONE)
    for rows in ("", "9,,,x,gone\n"):
        assert "not one of its clips could be read" in one_line(find(webvid(tmp_path, rows)).check, ONE)
    assert "its first line must name the columns" in one_line(find(webvid(tmp_path, "", header="")).check, ONE)
    (tmp_path / "8.mp4").write_bytes(b"x")
    for source in (tmp_path / "8.mp4", webvid(tmp_path, "9,,,x,gone\n8,,,x,there\n"), "world"):
        find(source).check(Wanted())
    assert caplog.text == ""


def test_all_of_a_video_from_a_second_on(make_video, tmp_path):
    path = make_video(tmp_path / "a.mkv", ramp(160), fps=25)
    made = list(read_clips(path, Wanted(start_s=2.0, caption="")))
    assert [(c.name, c.number, c.video[0, 0, 0, 0]) for c in made] == [("a", 0, 50), ("a@2s", 1, 100)]


def test_wanted_has_one_start():
    for fields in ({"start_s": -1.0}, {"start_s": float("nan")}, {"clip_at": 1.0, "start_s": 1.0}):
        with pytest.raises(SettingError):
            Wanted(**fields)


@pytest.mark.parametrize("wanted", [ONE, Wanted(start_s=1.0)])
def test_what_has_no_beginning_takes_no_start(wanted):
    for reader in (RenderedWorld(), Camera("0", Device("v4l2", "/dev/video0", {}), opener=None)):
        for call in (reader.check, lambda w, r=reader: next(r.read(w))):
            with pytest.raises(SettingError, match=r"^(the rendered world|camera 0): a start in seconds is only for"):
                call(wanted)


def webvid(folder: Path, rows: str, header: str = "videoid,contentUrl,duration,page_dir,name\n") -> Path:
    (folder / "captions.csv").write_text(header + rows)
    return folder


def test_table_in_webvid_form(make_video, tmp_path):
    (tmp_path / "videos" / "000_050").mkdir(parents=True)
    options = {"codec": "mpeg4", "pixels": "yuv420p"}
    nested = make_video(tmp_path / "videos" / "000_050" / "11.mp4", ramp(100, 2), **options)
    beside = make_video(tmp_path / "12.mp4", ramp(50, 4), **options)
    webvid(
        tmp_path,
        '11,https://example.org/11.mp4,PT00H00M10S,000_050,"Waves, at\nsunset"\n12,,,000_050,A dog\n',
    )
    waves, dog = (nested, "Waves, at sunset"), (beside, "A dog")
    assert [(v.path, v.caption) for v in WebVid(tmp_path).videos()] == [waves, dog]
    assert [(c.name, c.caption) for c in read_clips(tmp_path, ONE)] == [("11", "Waves, at sunset"), ("12", "A dog")]
    # all clips of a long video have its caption
    assert [(c.name, c.number, c.caption) for c in all_of(tmp_path)] == [
        ("11", 0, "Waves, at sunset"),
        ("11@2s", 1, "Waves, at sunset"),
        ("12", 2, "A dog"),
    ]


def test_bad_rows_are_left_out_and_told(make_video, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    (tmp_path / "inside" / "videos").mkdir(parents=True)
    folder = tmp_path / "inside"
    make_video(tmp_path / "out.mp4", ramp(2), codec="mpeg4", pixels="yuv420p")
    make_video(folder / "1.mp4", ramp(50), codec="mpeg4", pixels="yuv420p")
    (folder / "link.mp4").symlink_to(tmp_path / "out.mp4")
    bad = [
        "../out,,,x,escapes",
        "out,,,../..,escapes",
        f"out,,,{tmp_path},escapes",
        "link,,,,escapes by a link",
        ",,,x,nameless",
        "gone,,,x,not there",
        "1",
        f"{'n' * 300},,,x,long",
        f'9,,,x,"{"w" * 200_000}"',
    ]
    webvid(folder, "\n".join([*bad, "1,,,x,the good one", ""]))
    videos = list(WebVid(folder).videos())
    # the row "1" is short, not bad: its video is there and only its caption is missing
    assert [(v.path.stem, v.caption) for v in videos] == [("1", ""), ("1", "the good one")]
    assert "line 2, left out: the path 'x', '../out' leads out of the folder" in caplog.text
    assert "captions.csv: 2 clips listed, 8 bad rows left out" in caplog.text
    assert "no caption" in caplog.text
    assert sum("left out:" in record.getMessage() for record in caplog.records) == 5


def test_table_without_header(tmp_path):
    webvid(tmp_path, "1,,,x,name\n", header="")
    assert "its first line must name the columns" in one_line(all_of, tmp_path)


def test_unreadable_clip_of_a_folder_does_not_stop_the_others(make_video, tmp_path, caplog):
    make_video(tmp_path / "a.mkv", ramp(50))
    (tmp_path / "b.mkv").write_bytes(b"broken")
    make_video(tmp_path / "c.mkv", ramp(50))
    assert [(c.name, c.number) for c in read_clips(tmp_path)] == [("a", 0), ("c", 1)]
    assert "left out:" in caplog.text
    assert "b.mkv" in caplog.text
    assert "b.mkv: no caption" not in caplog.text


def test_nothing_readable_is_an_error(tmp_path):
    (tmp_path / "b.mkv").write_bytes(b"broken")
    assert "not one of its clips could be read" in one_line(all_of, tmp_path)
    assert "b.mkv: not a video" in one_line(all_of, tmp_path / "b.mkv")


def test_the_world_never_ends_and_repeats_itself():
    first = list(islice(read_clips("world:3"), 3))
    again = list(islice(read_clips("world:3", Wanted(caption="mine")), 2))
    other = next(iter(read_clips("world:3:held_out")))
    assert [(clip.name, clip.number, clip.shape) for clip in first] == [
        (f"world-3-{k}", k, (8, 256, 256)) for k in range(3)
    ]
    assert all(clip.caption for clip in first)
    np.testing.assert_array_equal(first[1].video, again[1].video)
    assert again[1].caption == "mine"
    assert not np.array_equal(first[0].video, other.video)


@pytest.mark.parametrize("source", ["world:", "world:-1", "world:x", "world:1:test", "world:1:", f"world:{'9' * 30}"])
def test_worlds_that_cannot_be(source):
    assert "world:SEED:held_out" in one_line(find, source)


def test_the_world_has_clips_of_one_size():
    with pytest.raises(SettingError, match="8 frames of 256×256 at 4 fps only"):
        next(iter(read_clips("world", Wanted(frames=16))))


def test_devices_by_platform():
    assert device_of("0", "linux") == device_of("/dev/video0", "linux") == Device("v4l2", "/dev/video0", {})
    assert device_of("1", "darwin") == Device("avfoundation", "1:none", {"framerate": "30"})
    assert device_of("Integrated Camera", "win32") == Device("dshow", "video=Integrated Camera", {})


@pytest.mark.parametrize(
    ("name", "platform"),
    [
        *(("http://x/y", "linux"), ("/etc/passwd", "linux"), ("/dev/video0/../sda", "linux"), ("", "linux")),
        *(("a:b", "darwin"), ("0", "win32"), ("audio=x:video=y", "win32"), ("0", "plan9")),
    ],
)
def test_what_is_no_camera_is_not_opened(name, platform):
    one_line(device_of, name, platform)


def test_no_such_camera_is_one_line_before_anything_is_opened(monkeypatch):
    monkeypatch.setattr(camera.sys, "platform", "linux")
    assert "camera 987: there is no /dev/video987; cameras here: " in one_line(find, "camera:987")


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), ValueError("no container format 'v4l2'")])
def test_a_camera_that_cannot_be_opened_is_one_line(error):
    def opener(_: Device) -> None:
        raise error

    reader = Camera("0", Device("v4l2", "/dev/video0", {}), opener)
    message = one_line(list, reader.read(Wanted()))
    assert message.startswith("camera 0: /dev/video0 cannot be opened (")


def test_a_camera_gives_clips_until_it_is_unplugged(make_video, tmp_path):
    path = make_video(tmp_path / "hardware.mkv", ramp(120, 2), fps=25)
    opened = []

    def opener(device: Device) -> av.container.InputContainer:
        opened.append(device)
        return av.open(str(path))

    device = Device("v4l2", "/dev/video2", {})
    clips = Camera("2", device, opener).read(Wanted())
    made = [next(clips), next(clips)]
    with pytest.raises(ClipError, match="camera 2: gives no more pictures"):
        next(clips)
    assert opened == [device]
    # 4.8 seconds: what is not a whole clip when the camera goes is not sent
    assert [(c.name, c.number, c.caption, c.video[0, 0, 0, 0]) for c in made] == [
        ("camera-2", 0, "", 0),
        ("camera-2", 1, "", 100),
    ]


def test_the_devices_of_this_platform_are_in_the_library():
    """A build without them would make --camera an option that cannot work."""
    device = device_of("0")
    assert any(device.format in name.split(",") for name in av.formats_available)

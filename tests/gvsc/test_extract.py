"""``gvsc extract``: the files hold what the extractors gave, and mistakes are one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from common.codecs import text
from gvsc.cli import main
from receiver.media import write_mp4
from transmitter.clips import read_clip, read_clips
from transmitter.extract import sketch
from transmitter.extract.base import EDGE_EXTRACTOR, EXTRACTORS


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["extract", *words])


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A bright square that goes to the right, 8 frames."""
    video = np.full((8, 256, 256, 3), 60, np.uint8)
    for f in range(8):
        video[f, 80:160, 40 + 10 * f : 120 + 10 * f] = (220, 190, 40)
    path = tmp_path / "square.mp4"
    write_mp4(path, video, 4.0)
    path.with_suffix(".txt").write_text("a yellow square moves to the right\n", encoding="utf-8")
    return path


def picture(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("name", ["canny", "pidinet-tiny-gvsc"])
def test_it_writes_what_was_extracted(clip: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    result = run(str(clip), "--sketch", name, "--describe", "captions", "--out", str(out), "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary == json.loads((out / "extract.json").read_text(encoding="utf-8"))
    source = read_clip(clip)
    assert np.array_equal(picture(out / "first_frame.png"), source.video[0])
    assert sorted(file.name for file in (out / "sketches").iterdir()) == [f"{f:03d}.png" for f in range(8)]
    wanted = sketch.load(name).extract(source.video)
    for f in range(8):
        drawn = picture(out / "sketches" / f"{f:03d}.png").astype(np.float32) / 255
        assert np.abs(drawn - wanted[f][..., None]).max() < 1 / 255
    assert (out / "description.txt").read_text(encoding="utf-8") == "a yellow square moves to the right\n"
    assert summary["text"] == "a yellow square moves to the right"
    assert (summary["sketch"], summary["describe"], summary["described_by"]) == (name, "captions", "captions")
    assert (summary["frames"], summary["height"], summary["width"]) == (8, 256, 256)
    # the square's outline is 320 pixels long, 0.5 % of the picture, and lines are at most five pixels wide
    assert all(0.003 < drawn < 0.025 for drawn in summary["drawn"])
    assert set(summary["seconds"]) == {"load", "sketch", "describe"}


def test_of_any_source_the_first_clip(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("--sketch", "canny", "--describe", "captions", "--out", str(tmp_path / "out"), "--json")
    for source in ("world:3", "world:3:held_out", str(tmp_path)):
        result = run(source, *words)
        assert result.exit_code == 0, result.output
        first = next(iter(read_clips(source)))
        summary = json.loads(result.stdout)
        assert (summary["clip"], summary["text"]) == (first.name, first.caption)
        assert np.array_equal(picture(tmp_path / "out" / "first_frame.png"), first.video[0])
    # a folder that is called as a source is, is meant by a path
    monkeypatch.chdir(tmp_path)
    (tmp_path / "world").mkdir()
    assert run("./world", *words).stderr.startswith("Error: world: holds neither")


def test_all_of_a_folder_is_numbered_through(clip: Path, tmp_path: Path) -> None:
    clip.with_name("again.mp4").write_bytes(clip.read_bytes())
    out = tmp_path / "out"
    words = ("--sketch", "canny", "--describe", "captions", "--caption", "mine", "--out", str(out), "--json")
    result = run(str(tmp_path), "--all", "--start", "0.5", *words)
    assert result.exit_code == 0, result.output
    assert [(c["clip"], c["text"]) for c in json.loads(result.stdout)["clips"]] == [
        ("again", "mine"),
        ("square", "mine"),
    ]
    assert sorted(folder.name for folder in out.iterdir()) == ["000000", "000001"]
    wanted = read_clip(clip, start_s=0.5).video[0]
    assert np.array_equal(picture(out / "000001" / "first_frame.png"), wanted)


def test_the_summary_is_a_table_without_json(clip: Path, tmp_path: Path) -> None:
    words = "one\ntwo \x1b[31m" + 300 * "x"
    result = run(
        str(clip), "--sketch", "canny", "--describe", "captions", "--caption", words, "--out", str(tmp_path / "o")
    )
    assert result.exit_code == 0, result.output
    assert "canny" in result.stdout
    assert "\x1b" not in result.stdout
    assert f"{text.MAX_BYTES} bytes, cut" in result.stdout


def test_a_longer_extraction_before_leaves_no_pictures(clip: Path, tmp_path: Path) -> None:
    old = tmp_path / "out" / "sketches" / "008.png"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"")
    assert run(str(clip), "--sketch", "canny", "--describe", "captions", "--out", str(tmp_path / "out")).exit_code == 0
    assert not old.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["none.mp4", "--out", "o"], "none.mp4: no such file"),
        ([".", "--out", "o", "--start", "9"], "not one of its clips could be read"),
        (["world:3", "--out", "o", "--all"], "world:3: its clips have no end: leave --all out"),
        (["world:3", "--out", "o", "--start", "0"], "the rendered world: a start in seconds is only for videos"),
        (["CLIP", "--out", "o", "--start", "nan"], "a number of seconds from 0 on, not nan"),
        (["CLIP", "--out", "o", "--start", "9", "--all"], "before the clip's start at 9.00 s"),
        (["camera:987", "--out", "o"], "987"),
        (["CLIP", "--out", "o", "--sketch", "pidinet", "--describe", "captions"], "checkpoint of its authors"),
        (
            ["CLIP", "--out", "o", "--sketch", "pidinet", "--pidinet-weights", "no.pth", "--describe", "captions"],
            "cannot read no.pth",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line_and_1(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*(str(clip) if word == "CLIP" else word for word in words))
    assert result.exit_code == 1
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert told in line
    assert not (tmp_path / "o").exists()


def test_an_unknown_edge_extractor_is_wrong_usage(clip: Path, tmp_path: Path) -> None:
    result = run(str(clip), "--sketch", "sobel", "--out", str(tmp_path / "o"))
    assert result.exit_code == 2
    assert "'sobel' is not one of 'pidinet-tiny-gvsc'" in result.stderr


def test_help_names_what_there_is_to_choose() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name in EXTRACTORS.names_of(EDGE_EXTRACTOR):
        assert name in result.stdout

"""The bench of generators, on generators whose figures are known: one that shows the source, one that shows nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image

from common.errors import ClipError, SettingError
from gvsc.bench.generator import cases, clock, frame, maker, sketches, text
from gvsc.bench.generator import measure as whole
from gvsc.bench.generator.judges import Judges
from gvsc.bench.generator.keep import Keep
from gvsc.bench.generator.maker import Maker
from gvsc.bench.generator.table import table
from gvsc.commands.bench import command
from gvsc.training.generator import mirror
from receiver.generators.base import Conditions

SEED = 11
TASKS = frozenset({"text", "frame-text", "sketch-text", "sketches-text"})


@pytest.fixture(scope="module")
def judges() -> Judges:
    return Judges.load()


class Known:
    """Shows the clip of ``shown`` whose caption it is given; for any other the mid-grey."""

    name = "known"

    def __init__(self, shown: dict[str, NDArray[np.uint8]], tasks: frozenset[str] = TASKS) -> None:
        self.tasks = tasks
        self._shown = shown
        self.asked: list[Conditions] = []

    def generate(
        self, conditions: Conditions, seed: int, steps: int | None = None, guidance: float | None = None
    ) -> NDArray[np.float32]:
        self.asked.append(conditions)
        clip = self._shown.get(conditions.description or "")
        if clip is None:
            return np.full((8, 3, 256, 256), 0.5, np.float32)
        return (clip.transpose(0, 3, 1, 2) / 255).astype(np.float32)


class Still(Known):
    """Repeats the frame that it is given."""

    def generate(
        self, conditions: Conditions, seed: int, steps: int | None = None, guidance: float | None = None
    ) -> NDArray[np.float32]:
        return np.repeat(conditions.first_frame[None], 8, 0)


class Blind(Known):
    """Draws what it is sent sketches for, and without sketches nothing."""

    def generate(
        self, conditions: Conditions, seed: int, steps: int | None = None, guidance: float | None = None
    ) -> NDArray[np.float32]:
        without = Conditions.of("") if conditions.sketches is None else conditions
        return super().generate(without, seed)


def quiet(_line: str) -> None:
    """Tells nobody."""


def shows(asked: list[cases.Case]) -> dict[str, NDArray[np.uint8]]:
    return {case.caption: case.video for case in asked}


def test_cases_are_held_out_and_the_same_each_time() -> None:
    one, two = cases.moving(3, SEED), cases.moving(3, SEED)
    assert [case.caption for case in one] == [case.caption for case in two]
    assert all(np.array_equal(a.video, b.video) for a, b in zip(one, two, strict=True))
    assert all(frame.moves(case.video) > 0 for case in one)
    assert all("left" in case.caption or "right" in case.caption for case in cases.sideways(6, SEED))


def test_of_a_generator_that_shows_what_is_asked_text_is_as_good_as_the_judges(judges: Judges) -> None:
    asked = cases.told(8, SEED)
    made = text.measure(Maker(Known(shows(asked)), SEED), judges, asked, Keep(), quiet)
    assert {name: made[name] for name in text.ASKED} == {name: made["true_renders"][name] for name in text.ASKED}
    assert made["colour"] >= 7 / 8
    assert made["chance"]["colour"] <= 4 / 8
    assert made["clips"]["colour"] == 8
    low, high = made["interval"]["colour"]
    assert low < made["colour"] <= high


def test_of_a_generator_that_shows_nothing_text_is_wrong(judges: Judges) -> None:
    asked = cases.told(8, SEED)
    made = text.measure(Maker(Known({}), SEED), judges, asked, Keep(), quiet)
    assert made["colour"] == made["kind"] == 0.0
    assert made["direction"] in (0.0, None)


def test_what_counts_as_right() -> None:
    right = {
        "colour": "red",
        "kind": "car",
        "background": "sand",
        "light": "night",
        "motion": "left",
        "camera": "still",
    }
    case = cases.Case("c", 0, np.zeros((8, 32, 32, 3), np.uint8), "a red car goes left on sand at night", right)
    same = text.hits([right], [case])
    assert all(found == [True] for found in same.values())
    other = text.hits([right | {"background": "wood", "motion": "right", "kind": "bird"}], [case])
    assert other["background"] == [True]  # the light is right, and the caption names it
    assert other["background_alone"] == other["kind"] == other["direction"] == [False]
    unlit = replace(case, caption="a red car goes left on sand")
    assert text.hits([right | {"background": "wood"}], [unlit])["background"] == [False]
    assert text.hits([right], [unlit])["light"] == []
    panned = replace(case, right=right | {"motion": "still", "camera": "in"})
    assert text.hits([right], [panned])["direction"] == [False]
    resting = replace(case, right=right | {"motion": "bouncing"})
    assert text.hits([right], [resting])["direction"] == []


def test_held_out_clips_one_a_shot_and_damaged_ones_in_a_line(tmp_path: Path) -> None:
    assert cases.held_out_real(tmp_path, 9) == []
    names = ["film-000-00001-0", "film-000-00005-0", "film-000-00009-0", "film-003-00001-0"]
    videos, called = tmp_path / "clips-val.npy", tmp_path / "clips-val.json"
    stored = np.arange(4, dtype=np.uint8)[:, None, None, None, None] * np.ones((1, 8, 256, 256, 3), np.uint8)
    np.save(videos, stored)
    called.write_text(json.dumps(names))
    real = cases.held_out_real(tmp_path, 9)
    assert [case.name for case in real] == [names[1], names[3]]
    assert [int(case.video[7, 9, 9, 2]) for case in real] == [1, 3]
    assert len(cases.held_out_real(tmp_path, 1)) == 1
    whole_file = videos.read_bytes()
    for array, said in (
        (whole_file, '["film'),
        (whole_file, "{}"),
        (whole_file, json.dumps(names[:3])),
        (whole_file, b"\xff".decode("latin-1")),
        (whole_file[:5000], json.dumps(names)),
        (b"", json.dumps(names)),
    ):
        videos.write_bytes(array)
        called.write_text(said, encoding="latin-1")
        with pytest.raises(ClipError, match=r"damaged \(.*delete both") as told:
            cases.held_out_real(tmp_path, 9)
        assert "\n" not in str(told.value)


def test_frames_of_a_generator_that_shows_the_source_and_of_one_that_repeats() -> None:
    asked = cases.moving(2, SEED)
    codec = frame.FrameCodec.load()
    known = Known(shows(asked))
    made = frame.rebuilt(Maker(known, SEED), codec, asked, (10.0, 0.0), "frame_text", Keep(), quiet)
    assert made["psnr"] == 100.0
    assert made["motion_ratio"] == 1.0
    assert made["snr_db"] == 10.0
    assert made["by_snr_db"]["0"]["psnr_static"] < made["psnr_static"] < 40
    assert made["gain_db"] == pytest.approx(100.0 - made["psnr_static"])
    told_db = [conditions.snr_db for conditions in known.asked]
    assert told_db == pytest.approx([10, 10, 0, 0], abs=1.5)
    assert 10.0 not in told_db  # the receiver's estimate, not the truth
    still = frame.rebuilt(Maker(Still({}), SEED), codec, asked, (10.0,), "frame_text", Keep(), quiet)
    assert still["gain_db"] == still["motion_ratio"] == 0.0
    assert still["psnr_static"] == made["psnr_static"]


def test_the_caption_turns_the_motion_or_it_does_not(judges: Judges) -> None:
    asked = cases.sideways(4, SEED)
    codec = frame.FrameCodec.load()
    obeys = shows(asked) | {mirror.caption(case.caption): case.video[:, :, ::-1] for case in asked}
    deaf = shows(asked) | {mirror.caption(case.caption): case.video for case in asked}
    turned, kept = (
        frame.turned(Maker(Known(shown), SEED), codec, judges, asked, 10.0, Keep(), quiet) for shown in (obeys, deaf)
    )
    assert turned["flip_turns"] >= 3 / 4
    assert kept["flip_turns"] == 0.0
    assert kept["flip_follows"] >= 3 / 4


def test_sketches_are_followed_or_they_are_not() -> None:
    asked = cases.moving(1, SEED)
    blind = Blind(shows(asked))
    made = sketches.measure(Maker(blind, SEED), asked, 8, ("clean",), Keep(), quiet)
    assert made["edge_f1"] == 1.0
    assert made["edge_f1_text_only"] < 0.1
    assert made["snr_db"] is None
    assert [None if c.sketches is None else len(c.sketches) for c in blind.asked] == [8, None]


def test_of_one_sketch_the_first_frame_is_compared() -> None:
    asked = cases.moving(1, SEED)
    known = Known(shows(asked))
    made = sketches.measure(Maker(known, SEED), asked, 1, sketches.WAYS, Keep(), quiet)
    assert made["by_way"] == {"received": 1.0, "clean": 1.0}
    received, clean, alone = known.asked
    assert received.sketches.shape == clean.sketches.shape == (1, 256, 256)
    assert received.snr_db == pytest.approx(10.0, abs=1.0)
    assert clean.snr_db is alone.snr_db is alone.sketches is None


def test_received_sketches_went_through_the_noise() -> None:
    sent = sketches.sketch.load().extract(cases.moving(1, SEED)[0].video[:2])
    arrived, snr_db = sketches.receive(sketches.SketchCodec.load(), sent, 0, 10.0, SEED)
    assert arrived.shape == sent.shape
    assert snr_db == pytest.approx(10.0, abs=1.0)
    assert 0.0 < np.abs(arrived - sent).mean() < 0.1


def test_a_part_that_is_not_served_is_null_and_said_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path, judges: Judges
) -> None:
    asked = cases.told(2, SEED)
    known = Known(shows(asked), frozenset({"text"}))
    monkeypatch.setattr(whole, "load", lambda *_: known)
    wanted = whole.Wanted(seed=SEED, parts=("text", "frame", "sketches"), count=2)
    made = whole.measure("known", wanted, Keep(tmp_path / "kept", tmp_path / "sheet.png"), quiet)
    assert made["frame_text"] is made["sketches_text"] is made["sketch_text"] is made["seconds"] is None
    assert made["left_out"]["frame_text"] == "known does not serve the task frame-text"
    assert made["left_out"]["seconds"] == "not asked for"
    json.dumps(made)
    assert "known does not serve the task sketches-text" in table(made)
    # saved without loss
    for case in asked:
        place = tmp_path / "kept" / "text" / case.name
        for what in ("source", "result"):
            pictures = [np.asarray(Image.open(file)) for file in sorted((place / what).iterdir())]
            assert np.array_equal(np.stack(pictures), case.video)
    told = json.loads((tmp_path / "kept" / "clips.json").read_text())
    assert [clip["caption"] for clip in told] == [case.caption for case in asked]
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 1000


def test_own_clips_take_the_place_of_the_world(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    video = cases.moving(1, SEED)[0].video
    Image.fromarray(video[0]).save(tmp_path / "one.png")
    (tmp_path / "one.txt").write_text("a caption of its own")
    known = Known({"a caption of its own": np.repeat(video[:1], 8, 0)}, frozenset({"frame-text"}))
    monkeypatch.setattr(whole, "load", lambda *_: known)
    wanted = whole.Wanted(seed=SEED, parts=("frame",), clips=tmp_path / "one.png", snrs_db=(20.0,))
    made = whole.measure("known", wanted, Keep(), quiet)
    assert made["frame_text"]["psnr"] == 100.0
    assert made["frame_text"]["clips"] == 1
    assert made["frame_text"]["flip_turns"] is None
    assert "rendered world" in made["left_out"]["flip_turns"]


def test_the_process_that_is_timed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    known = Known({})
    monkeypatch.setattr(clock, "load", lambda *_: known)
    asked = {"name": "known", "folder": None, "settings": {"model": []}}
    monkeypatch.setattr(clock.sys, "argv", ["clock", json.dumps(asked)])
    clock.main()
    first, rest = capsys.readouterr().out.splitlines()
    assert first == "{}"
    told = json.loads(rest)
    assert told["by_role"].keys() == TASKS
    assert told["default"] == max(told["by_role"].values())
    assert 0.05 < told["peak_rss_gb"] < 64
    # each role once to warm up and three times to be timed, one of them three times more with 50 steps
    assert [c.task for c in known.asked[:4]] == ["frame-text"] * 4
    assert len(known.asked) == 4 * 4 + 3


def test_a_process_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = whole.Wanted(seed=1).settings
    with pytest.raises(clock.ClockError, match="ended with 1"):
        clock.measure("nobody", None, settings, quiet)


def test_other_weights_are_for_mini_alone(tmp_path) -> None:
    with pytest.raises(SettingError, match="mini alone"):
        maker.load("wan-vace", tmp_path)


def test_the_command_tells_what_it_cannot_do() -> None:
    result = CliRunner().invoke(command, ["generator", "nobody"])
    assert result.exit_code == 2
    assert "'nobody' is not one of 'mini'" in result.output
    result = CliRunner().invoke(command, ["generator", "mini", "--sheet", "some.jpg"])
    assert result.exit_code == 2
    assert "--sheet" in result.output
    assert "PNG" in result.output

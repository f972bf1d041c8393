"""The rendered world as training uses it: real photos behind, the command, the contact sheet."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
from click.testing import CliRunner
from PIL import Image

from gvsc.training.world import World, WorldClip, load_photos, main
from gvsc.training.world_sheet import COLUMNS, draw_sheet, flow_colours, varied


def photos(folder: Path) -> Path:
    pixels = np.random.default_rng(1).integers(0, 256, (300, 320, 3), dtype=np.uint8)
    for name in ("Kite.640", "Kite.320", "unknown.640"):
        np.save(folder / f"{name}.npy", pixels)
    return folder


def test_photos_come_with_what_they_show(tmp_path: Path) -> None:
    found = load_photos(photos(tmp_path))
    assert [photo.caption for photo in found] == ["a blue sky with a white cloud", "a photo"]
    assert any(clip.scene.background == "photo" for clip in islice(World(1, photos=found), 12))


def test_the_command_measures(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--count", "3", "--photos", str(photos(tmp_path))])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("3 clips in ")


def test_the_command_writes_a_sheet(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("gvsc.training.world.SHEET_FROM", 6)
    monkeypatch.setattr("gvsc.training.world.SHEET_ROWS", 2)
    result = CliRunner().invoke(main, ["--sheet", str(tmp_path / "sheet.png")])
    assert result.exit_code == 0, result.output
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == draw_sheet(list(islice(World(7777), 2))).size


def test_a_row_shows_the_clip_and_its_truth() -> None:
    clip = next(clip for clip in World(3) if clip.scene.shapes)
    sheet = np.asarray(draw_sheet([clip]))
    assert len(COLUMNS) == 6
    cell = sheet[-164:-4, 4:164].astype(int)
    assert np.abs(cell - np.asarray(Image.fromarray(clip.video[0]).resize((160, 160), Image.Resampling.BOX))).max() == 0


def test_the_sheet_shows_much() -> None:
    clips = list(islice(World(4), 20))
    chosen = varied(clips, 6)
    assert len(chosen) == 6

    def kinds(some: list[WorldClip]) -> set[str]:
        return {s.form for clip in some for s in clip.scene.shapes} | {clip.scene.background for clip in some}

    assert len(kinds(chosen)) > len(kinds(clips[:6]))


def test_flow_is_white_where_nothing_moves() -> None:
    flow = np.zeros((2, 2, 2), np.float32)
    flow[0, 0] = (80, 0)
    flow[1, 1] = (-80, 0)
    made = flow_colours(flow).astype(int)
    assert np.ptp(made[0, 1]) == 0
    assert np.abs(made[0, 0] - made[1, 1]).max() > 100

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from common.errors import SettingError
from gvsc.evaluation.figures import SheetRow, constellation, contact_sheet, terminal_constellation
from gvsc.evaluation.figures.contact_sheet import BAD, FRAME, GAP, GOOD, LABELS, MARGIN
from gvsc.evaluation.figures.fonts import fit_lines, font
from gvsc.evaluation.figures.genie_loss import genie_loss

RNG = np.random.default_rng(11)
COLOURS = [(200, 30, 30), (30, 160, 60), (40, 60, 200), (220, 200, 40)]


def solid(*colours: tuple[int, int, int]) -> np.ndarray:
    return np.stack([np.full((64, 64, 3), colour, np.uint8) for colour in colours])


def holds(image: Image.Image, colour: tuple[int, int, int]) -> int:
    """Pixels of exactly that colour."""
    return int(np.all(np.asarray(image) == colour, axis=2).sum())


def test_contact_sheet_shows_every_frame_in_its_place():
    rows = [
        SheetRow("source", solid(*COLOURS), text="four colours"),
        SheetRow("10 dB", solid(*COLOURS[::-1]), note="first-frame-desc", metrics={"psnr": 21.5, "ssim": 0.61}),
    ]
    sheet = contact_sheet(rows)
    picture = np.asarray(sheet)
    assert sheet.width == 2 * MARGIN + LABELS + 4 * FRAME + 3 * GAP
    column = [MARGIN + LABELS + k * (FRAME + GAP) + FRAME // 2 for k in range(4)]
    top = np.flatnonzero(np.all(picture[:, column[0]] == COLOURS[0], axis=1))[0]
    below = np.flatnonzero(np.all(picture[:, column[0]] == COLOURS[3], axis=1))[0]
    assert below >= top + FRAME
    for k in range(4):
        assert tuple(picture[top + FRAME // 2, column[k]]) == COLOURS[k]
        assert tuple(picture[below + FRAME // 2, column[k]]) == COLOURS[3 - k]
        assert holds(sheet, COLOURS[k]) == 2 * FRAME * FRAME


def test_contact_sheet_writes_its_labels_and_marks_what_failed():
    video = solid(*COLOURS)
    plain = contact_sheet([SheetRow("", video)])
    labelled = contact_sheet([SheetRow("10 dB", video)])
    assert labelled.size == plain.size
    assert np.any(np.asarray(labelled)[:, :LABELS] != np.asarray(plain)[:, :LABELS])
    measured = contact_sheet([SheetRow("10 dB", video, metrics={"psnr": 21.5})])
    assert np.any(np.asarray(measured)[:, :LABELS] != np.asarray(labelled)[:, :LABELS])
    good = contact_sheet([SheetRow("10 dB", video, text="a cat", text_ok=True)])
    bad = contact_sheet([SheetRow("10 dB", video, text="", text_ok=False)])
    assert holds(good, GOOD) > 400 > holds(good, BAD) == 0
    assert holds(bad, BAD) > 400 > holds(bad, GOOD) == 0
    assert holds(plain, GOOD) == holds(plain, BAD) == 0


def test_contact_sheet_grows_with_title_times_and_long_captions():
    video = solid(*COLOURS)
    base = contact_sheet([SheetRow("source", video)])
    assert contact_sheet([SheetRow("source", video)], title="clip", fps=4).height == base.height + 62
    long = contact_sheet([SheetRow("source", video, text="word " * 500)])
    assert base.height < long.height <= base.height + 40
    one = contact_sheet([SheetRow("source", video[:1], text="x" * 5000)], title="t" * 500, footer="f" * 500)
    assert one.size[0] == 640


def test_contact_sheet_refuses_what_does_not_match():
    for rows in (
        [],
        [SheetRow("a", solid(*COLOURS)), SheetRow("b", solid(*COLOURS[:3]))],
        [SheetRow("a", solid(*COLOURS).astype(np.float32))],
        [SheetRow("a", solid(*COLOURS)[0])],
        [SheetRow("a", solid(*COLOURS)), SheetRow("b", solid(*COLOURS).astype(np.float32))],
    ):
        with pytest.raises(SettingError):
            contact_sheet(rows)


def test_lines_fit_and_say_where_they_were_cut():
    text = "a quick brown fox jumps over the lazy dog " * 5
    lines = fit_lines(text, 14, 300, 2)
    assert len(lines) == 2
    assert all(font(14).getlength(line) <= 300 for line in lines)
    assert lines[1].endswith("…")
    assert text.startswith(lines[0])
    assert fit_lines("short", 14, 300, 2) == ["short"]
    assert fit_lines("", 14, 300, 2) == []
    assert fit_lines("two\nlines\x00", 14, 300, 1) == ["two lines"]
    assert "".join(fit_lines("w" * 100, 14, 300, 9)) == "w" * 100


def qam(count: int) -> np.ndarray:
    bits = 1 - 2 * RNG.integers(0, 2, (2, count))
    return ((bits[0] + 1j * bits[1]) / np.sqrt(2)).astype(np.complex64)


def noise(count: int, power: float) -> np.ndarray:
    return (np.sqrt(power / 2) * (RNG.normal(size=count) + 1j * RNG.normal(size=count))).astype(np.complex64)


def test_constellation_draws_both_panels_in_the_colours_of_the_sections():
    before = np.concatenate([qam(64), noise(3000, 1.0)])
    after = before + noise(3064, 0.1)
    sections = {"pilots": slice(0, 64), "first_frame": slice(64, None)}
    picture = np.asarray(constellation(before, after, 10, sections, title="a clip")).astype(int)
    assert picture.shape == (760, 1400, 3)
    greenish = (picture[..., 1] > picture[..., 0] + 30) & (picture[..., 1] > picture[..., 2] + 30)
    amber = (picture[..., 0] > picture[..., 2] + 90) & (picture[..., 1] > picture[..., 2] + 60)
    for panel in (greenish[:640, :700], greenish[:640, 700:]):
        assert panel.sum() > 5000
    # the pilots: four spots before, spread after
    spots, spread = amber[:640, :700].sum(), amber[:640, 700:].sum()
    assert 50 < spots < spread


def test_constellation_of_one_section_and_of_symbols_that_are_not_finite():
    before = noise(500, 1.0)
    after = before.copy()
    after[:3] = (np.nan, np.inf, 1e30)
    picture = np.asarray(constellation(before, after, -5))
    assert picture.shape == (760, 1400, 3)
    # the one symbol far out does not shrink the others to a dot: both panels are the same size of cloud
    left, right = ((picture[120:640, x : x + 560] < 200).any(axis=2) for x in (100, 800))
    assert right.sum() == pytest.approx(left.sum(), rel=0.2)


def test_constellation_of_nothing():
    assert constellation(np.zeros(0, np.complex64), np.zeros(0, np.complex64), 0).size == (1400, 760)


def test_terminal_constellation_shows_the_four_points():
    text = terminal_constellation(qam(400), 41, 21).splitlines()
    assert len(text) == 23
    assert {len(line) for line in text} == {43}
    assert text[-1].endswith(" ±1.5 ─┘")
    marked = [(y, x) for y, line in enumerate(text) for x, c in enumerate(line) if c in "·░▒▓█"]
    assert len(marked) == 4
    rows, columns = zip(*marked, strict=True)
    assert len(set(rows)) == len(set(columns)) == 2
    # symmetric about the axes in the middle
    assert sum(set(rows)) == 22
    assert sum(set(columns)) == 42


def test_terminal_constellation_is_darkest_where_symbols_are_densest_and_the_right_way_up():
    up = np.concatenate([np.full(1000, 1j), np.full(10, 1.0)]).astype(np.complex64)
    lines = terminal_constellation(up, 21, 11).splitlines()
    (dense,) = [(y, x) for y, line in enumerate(lines) for x, c in enumerate(line) if c == "█"]
    (thin,) = [(y, x) for y, line in enumerate(lines) for x, c in enumerate(line) if c in "·░▒▓"]
    assert dense[0] < 6 <= thin[0]
    assert dense[1] == 11 < thin[1]


def test_terminal_constellation_of_hostile_input():
    for symbols in (np.zeros(0), np.full(5, np.nan), np.array([np.inf, 1e30, 0])):
        text = terminal_constellation(symbols.astype(np.complex64))
        assert len(text.splitlines()) == 23


def test_nothing_that_draws_is_imported_before_it_draws():
    code = (
        "import sys, gvsc.evaluation.figures, gvsc.evaluation.metrics, receiver.media; "
        "print([m for m in ('matplotlib', 'skimage', 'scipy', 'torch') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_genie_s_figure_shows_two_lines_for_each_channel():
    heard = {"text_lost": 0.5, "interval": (0.3, 0.7), "psnr": 25.0}
    point = {"snr_db": 1.0, "bursts": 20, "estimated": heard, "genie": {**heard, "psnr": None}, "psnr_loss_db": None}
    result = {"scheme": "first-frame-desc", "text_mode": "1/3", "curves": [{"model": "awgn", "points": [point] * 2}]}
    one = genie_loss(result)
    two = genie_loss({**result, "curves": [*result["curves"], {"model": "rayleigh", "points": [point] * 2}]})
    assert one.size == two.size == (1500, 500)
    assert one.tobytes() != two.tobytes()

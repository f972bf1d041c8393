"""Masks, outlines and flow agree with the pixels."""

from __future__ import annotations

import numpy as np
import pytest

from common.conventions import SIZE
from transmitter.clips.world import Scene, Shape, World, contours, flow, labels, parts, render, visible_at_start
from transmitter.clips.world.ground_truth import PARTS
from transmitter.clips.world.palette import COLOURS

CASES = [
    ("star", "right", "still"),
    ("square", "rotating", "down"),
    ("ball", "left", "still"),
    ("cat", "bouncing", "still"),
    ("house", "growing", "still"),
    ("heart", "shrinking", "still"),
    ("car", "left", "still"),
    ("tree", "still", "in"),
    ("bird", "still", "out"),
    ("boat", "still", "left"),
]


def shape(form: str, motion: str = "still", colour: str = "red", x: float = 130.0) -> Shape:
    return Shape(colour, form, motion, x, 130.0, 40.0, 56.0, 0.0)


@pytest.mark.parametrize("camera", ["still", "right", "in"])
def test_the_labels_say_which_object_each_pixel_shows(camera):
    told = Scene(
        "plain", ("blue",), (shape("star", x=150.0), shape("heart", colour="yellow", x=170.0)), camera, 80, "day"
    )
    video, shown = render(told), labels(told)
    assert shown.shape == video.shape[:3]
    assert set(np.unique(shown)) == {0, 1, 2}  # the heart is in front and hides a part of the star
    for number, colour in ((1, "red"), (2, "yellow")):
        has_colour = (video == COLOURS[colour]).all(-1)
        # what has the colour has the label; the other way round the smooth edges are left out
        assert (shown[has_colour] == number).all()
        assert has_colour.sum() > 0.85 * (shown == number).sum()


@pytest.mark.parametrize(("form", "motion", "camera"), CASES)
def test_following_the_flow_finds_the_same_pixels_in_the_first_frame(form, motion, camera):
    told = Scene("wood", (), (shape(form, motion),), camera, 56.0, "day", 5)
    video, shown = render(told), labels(told)
    backward = flow(told, shown)
    known = visible_at_start(shown, backward)
    for f in (2, 7):
        x, y = (np.indices((SIZE, SIZE))[::-1] + np.moveaxis(backward[f], -1, 0)).clip(0, SIZE - 1)
        fetched = bilinear(video[0], x, y)
        wrong = np.abs(fetched - video[f]).mean(-1)
        for number in (0, 1):
            mine = known[f] & (shown[f] == number) & ~near(contours(shown[f]))
            standing = np.abs(video[0].astype(float) - video[f]).mean(-1)[mine].mean()
            # whole pixels are found exactly; what is drawn at another size or angle differs at its fine lines
            assert wrong[mine].mean() < 7
            assert wrong[mine].mean() < 0.55 * standing or standing < 2


def test_the_coarse_flow_is_the_dense_one_at_its_places():
    clip = next(clip for clip in World(1) if clip.scene.shapes and clip.scene.camera != "still")
    dense, coarse = clip.dense_flow, clip.flow
    assert coarse.shape == (8, 32, 32, 2)
    around = dense.reshape(8, 32, 8, 32, 8, 2)[:, :, 3:5, :, 3:5].mean((2, 4))
    same = (clip.masks.reshape(8, 32, 8, 32, 8)[:, :, 3:5, :, 3:5].std((2, 4))) == 0
    assert np.abs(coarse - around)[same].max() < 0.01
    assert np.abs(clip.flow[0]).max() < 1e-4


def test_flow_of_a_pan_and_of_an_object_are_exact():
    told = Scene("plain", ("blue",), (shape("square", "right"),), "still", 0.0, "day")
    shown = labels(told)
    backward = flow(told, shown)
    assert (backward[7][shown[7] == 1] == (-56, 0)).all()
    assert (backward[7][shown[7] == 0] == 0).all()
    panned = Scene("wood", (), (), "right", 70.0, "day")
    assert (flow(panned, labels(panned))[7] == (70, 0)).all()


def test_contours_are_a_pixel_wide_closed_and_on_what_is_in_front():
    shown = np.zeros((12, 12), np.uint8)
    shown[2:9, 2:9] = 1
    shown[5:12, 5:10] = 2
    made = contours(shown)
    assert not made[shown == 0].any()
    assert made[2, 2:9].all()
    assert not made[3:5, 3:5].any()  # inside the first
    assert made[5, 5:10].all()  # the second one's upper edge
    assert not made[4, 5:8].any()  # which the first does not have again
    assert not made[11, 6:9].any()  # the edge of the picture is no outline


def test_outlines_lie_where_the_picture_changes():
    clip = next(clip for clip in World(2) if clip.scene.shapes and clip.scene.background == "plain")
    assert clip.contours.dtype == bool
    change = np.abs(np.diff(clip.video.astype(int), axis=1)).max(-1)[:, :, :-1]
    across = np.abs(np.diff(clip.video.astype(int), axis=2)).max(-1)[:, :-1]
    strong = near_all(np.maximum(change, across) > 12)
    assert strong[clip.contours[:, :-1, :-1]].mean() > 0.97
    assert 0 < clip.contours.mean() < 0.1


def test_parts_are_within_their_object_and_show_its_inner_lines():
    told = Scene("plain", ("blue",), (shape("circle", x=60.0), shape("house", x=180.0)), "still", 0.0, "day")
    shown, fine = labels(told), parts(told)
    assert (fine // PARTS == shown).all()
    assert len(np.unique(fine[0][shown[0] == 1])) == 1
    assert len(np.unique(fine[0][shown[0] == 2])) > 8
    assert (contours(fine) >= contours(shown)).all()
    assert contours(fine).sum() > 1.5 * contours(shown).sum()


def bilinear(frame: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, SIZE - 1), np.minimum(top + 1, SIZE - 1)
    u, v = (x - left)[..., None], (y - top)[..., None]
    upper = frame[top, left] * (1 - u) + frame[top, right] * u
    return upper * (1 - v) + (frame[bottom, left] * (1 - u) + frame[bottom, right] * u) * v


def near(lines: np.ndarray) -> np.ndarray:
    """Within two pixels of a line."""
    padded = np.pad(lines, 2)
    return np.any([padded[r : r + SIZE, c : c + SIZE] for r in range(5) for c in range(5)], axis=0)


def near_all(where: np.ndarray) -> np.ndarray:
    padded = np.pad(where, ((0, 0), (1, 1), (1, 1)))
    height, width = where.shape[1:]
    return np.any([padded[:, r : r + height, c : c + width] for r in range(3) for c in range(3)], axis=0)

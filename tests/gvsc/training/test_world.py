"""The rendered world: deterministic, true to its captions, its flow right, its held-out combinations kept apart."""

from __future__ import annotations

import numpy as np
import pytest

from gvsc.training.world import (
    COLOURS,
    FRAMES,
    HELD_OUT,
    SHAPES,
    SIZE,
    Photo,
    Scene,
    Shape,
    World,
    describe,
    labels,
    render,
)


def shape(**changes) -> Shape:
    told = {"colour": "red", "form": "circle", "motion": "right", "x": 80.0, "y": 128.0, "radius": 40.0,
            "amount": 100.0, "angle": 0.0} | changes  # fmt: skip
    return Shape(**told)


def scene(*shapes: Shape, camera: str = "still", light: str = "day") -> Scene:
    return Scene("plain", ("blue",), shapes, camera, 80.0, light)


def middle(video: np.ndarray, f: int) -> np.ndarray:
    """(x, y) of what is red in frame f."""
    red = (video[f, ..., 0] > 150) & (video[f, ..., 2] < 100)
    return np.argwhere(red).mean(0)[::-1]


def test_a_clip_depends_on_seed_and_number_alone():
    one, two = World(3)[7], World(3)[7]
    assert one.caption == two.caption
    assert one.video.tobytes() == two.video.tobytes()
    assert World(4)[7].video.tobytes() != one.video.tobytes()
    assert one.video.shape == (FRAMES, SIZE, SIZE, 3)
    assert one.video.dtype == np.uint8


@pytest.mark.parametrize(
    ("motion", "moved"), [("right", (100, 0)), ("left", (-100, 0)), ("up", (0, -100)), ("down", (0, 100))]
)
def test_a_shape_goes_where_its_motion_says(motion, moved):
    start = {"right": (80, 128), "left": (180, 128), "up": (128, 180), "down": (128, 80)}[motion]
    told = shape(motion=motion, x=start[0], y=start[1])
    video, _ = render(scene(told), np.random.default_rng(0), None)
    assert middle(video, 7) - middle(video, 0) == pytest.approx(moved, abs=2)


def test_the_camera_going_right_moves_everything_left():
    video, flow = render(scene(shape(motion="still", x=160.0), camera="right"), np.random.default_rng(0), None)
    assert middle(video, 7) - middle(video, 0) == pytest.approx((-80, 0), abs=2)
    assert flow[7, 16, 16, 0] == pytest.approx(80, abs=2)


def test_growing_and_shrinking_change_the_size():
    for motion, sign in (("growing", 1), ("shrinking", -1)):
        video, _ = render(scene(shape(motion=motion, x=128.0, radius=30.0)), np.random.default_rng(0), None)
        sizes = [((video[f, ..., 0] > 150) & (video[f, ..., 2] < 100)).sum() for f in (0, 7)]
        assert sign * (sizes[1] - sizes[0]) > 0.2 * sizes[0]


@pytest.mark.parametrize("form", SHAPES)
def test_every_shape_is_painted_in_its_colour(form):
    video, _ = render(scene(shape(form=form, motion="still", x=128.0)), np.random.default_rng(0), None)
    assert tuple(video[0, 132, 128]) == COLOURS["red"]


def test_the_flow_leads_back_to_the_first_frame():
    """Following the flow inside the shape and outside finds the same colours in the first frame."""
    video, flow = render(scene(shape()), np.random.default_rng(0), None)
    step = SIZE // flow.shape[1]
    for f in (3, 7):
        x, y = (int(v) // step for v in middle(video, f))
        for row, column in ((y, x), (2, 2)):
            place = np.array([column, row]) * step + step // 2
            source = np.round(place + flow[f, row, column]).astype(int)
            now, then = video[f, place[1], place[0]].astype(int), video[0, source[1], source[0]].astype(int)
            assert np.abs(now - then).max() < 12


def test_night_is_darker_than_day():
    day, _ = render(scene(shape()), np.random.default_rng(0), None)
    night, _ = render(scene(shape(), light="night"), np.random.default_rng(0), None)
    assert night.mean() < 0.6 * day.mean()


def test_the_caption_names_what_is_there():
    rng = np.random.default_rng(1)
    text = describe(scene(shape(colour="orange", form="star", motion="left"), camera="still", light="night"), rng)
    for word in ("orange", "star", "left", "blue", "night"):
        assert word in text
    assert "an orange" in text or "a big orange" in text or "a small orange" in text


def test_held_out_combinations_are_never_in_training_and_always_in_the_held_out_split():
    train, held_out = World(5), World(5, "held_out")
    for number in range(60):
        for told in train[number].scene.shapes:
            assert (told.colour, told.form, told.motion) not in HELD_OUT
    for number in range(30):
        first = held_out[number].scene.shapes[0]
        assert (first.colour, first.form, first.motion) in HELD_OUT


def test_photos_stand_behind_some_scenes_and_are_named_in_the_caption():
    rng = np.random.default_rng(2)
    photo = Photo(rng.integers(0, 256, (300, 400, 3), dtype=np.uint8), "a harbour")
    clips = [World(6, photos=[photo])[number] for number in range(20)]
    with_photo = [clip for clip in clips if clip.scene.background == "photo"]
    assert 2 <= len(with_photo) <= 16
    assert all("a harbour" in clip.caption for clip in with_photo)
    assert not any("a harbour" in clip.caption for clip in clips if clip.scene.background != "photo")


@pytest.mark.parametrize("camera", ["still", "right", "in"])
def test_the_labels_say_which_shape_each_pixel_shows(camera):
    told = scene(
        shape(motion="still", x=150.0, form="star"),
        shape(motion="still", colour="yellow", form="heart", x=170.0),
        camera=camera,
    )
    video, _ = render(told, np.random.default_rng(0), None)
    shown = labels(told)
    assert shown.shape == video.shape[:3]
    assert set(np.unique(shown)) == {0, 1, 2}  # the heart is in front and hides a part of the star
    for number, colour in ((1, "red"), (2, "yellow")):
        has_colour = (video == COLOURS[colour]).all(-1)
        agree = has_colour & (shown == number)
        # what has the colour has the label; the other way round the smooth edges are left out
        assert agree.sum() == has_colour.sum()
        assert agree.sum() > 0.85 * (shown == number).sum()

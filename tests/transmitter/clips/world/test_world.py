"""The rendered world: deterministic, true to its captions, and its held-out combinations kept apart."""

from __future__ import annotations

import json
from itertools import islice

import numpy as np
import pytest

from common.conventions import SIZE
from common.errors import SettingError
from transmitter.clips.world import (
    COLOURS,
    HELD_OUT,
    HELD_OUT_PAIRS,
    Photo,
    Scene,
    Shape,
    World,
    describe,
    draw_scene,
    facts,
    render,
)
from transmitter.clips.world import background as backgrounds
from transmitter.clips.world.camera import seen, views
from transmitter.clips.world.kinds import KINDS, SPRITES
from transmitter.clips.world.motion import FRAMES, pose
from transmitter.clips.world.palette import contrast, lit
from transmitter.clips.world.scene import CAMERAS, MOTIONS


def shape(**changes) -> Shape:
    told = {"colour": "red", "form": "circle", "motion": "right", "x": 80.0, "y": 128.0, "radius": 40.0,
            "amount": 100.0, "angle": 0.0} | changes  # fmt: skip
    return Shape(**told)


def scene(*shapes: Shape, camera: str = "still", light: str = "day") -> Scene:
    return Scene("plain", ("blue",), shapes, camera, 80.0, light)


def reds(frame: np.ndarray) -> np.ndarray:
    return (frame[..., 0] > 150) & (frame[..., 2] < 100)


def middle(video: np.ndarray, f: int) -> np.ndarray:
    """(x, y) of what is red in frame f."""
    return np.argwhere(reds(video[f])).mean(0)[::-1]


def scenes(split: str, count: int, photo: Photo | None = None) -> list[Scene]:
    return [draw_scene(np.random.default_rng([9, i]), split, photo) for i in range(count)]


def combinations(told: Scene) -> list[bool]:
    """Of each object, whether it is in a held-out combination; written down apart from the code it tests."""
    around = {told.light, told.background, *(told.detail if told.background == "ground" else ())}
    return [
        (s.colour, s.form, s.motion) in HELD_OUT or bool({(s.form, name) for name in around} & HELD_OUT_PAIRS)
        for s in told.shapes
    ]


def test_a_clip_depends_on_seed_number_and_split_alone():
    world = World(3)
    world[2]
    one, two = world[7], World(3)[7]
    assert one.caption == two.caption
    assert one.scene == two.scene
    assert one.video.tobytes() == two.video.tobytes()
    others = [World(4)[7], World(3)[8], World(3, "held_out")[7]]
    assert all(other.video.tobytes() != one.video.tobytes() for other in others)
    assert one.video.shape == (FRAMES, SIZE, SIZE, 3)
    assert one.video.dtype == np.uint8


def test_the_world_is_read_in_order_and_has_no_end():
    assert [clip.caption for clip in islice(World(3), 3)] == [World(3)[i].caption for i in range(3)]


def test_wrong_worlds_are_refused():
    with pytest.raises(SettingError, match="seed"):
        World(-1)
    with pytest.raises(SettingError, match="split"):
        World(1, "test")  # type: ignore[arg-type]
    with pytest.raises(IndexError):
        World(1)[-1]
    with pytest.raises(SettingError, match="photo"):
        render(Scene("photo", ("a harbour",), (), "still", 0.0, "day"))


@pytest.mark.parametrize(
    ("motion", "moved"), [("right", (100, 0)), ("left", (-100, 0)), ("up", (0, -100)), ("down", (0, 100))]
)
def test_a_shape_goes_where_its_motion_says(motion, moved):
    start = {"right": (80, 128), "left": (180, 128), "up": (128, 180), "down": (128, 80)}[motion]
    video = render(scene(shape(motion=motion, x=start[0], y=start[1])))
    assert middle(video, 7) - middle(video, 0) == pytest.approx(moved, abs=0.01)


def test_what_bounces_comes_back():
    video = render(scene(shape(motion="bouncing", x=128.0)))
    heights = [middle(video, f)[1] for f in range(FRAMES)]
    assert heights[7] == pytest.approx(heights[0])
    assert min(heights) < heights[0] - 60
    assert heights[2] < heights[3] > heights[5]  # down between


def test_the_camera_going_right_moves_everything_left():
    video = render(scene(shape(motion="still", x=160.0), camera="right"))
    assert middle(video, 7) - middle(video, 0) == pytest.approx((-80, 0), abs=0.01)


@pytest.mark.parametrize(("motion", "sign"), [("growing", 1), ("shrinking", -1)])
def test_growing_and_shrinking_change_the_size(motion, sign):
    video = render(scene(shape(motion=motion, x=128.0, radius=30.0)))
    sizes = [reds(video[f]).sum() for f in (0, 7)]
    assert sign * (sizes[1] - sizes[0]) > 0.2 * sizes[0]


def test_the_camera_zooming_in_makes_things_larger():
    video = render(scene(shape(motion="still", x=128.0), camera="in"))
    assert reds(video[7]).sum() == pytest.approx(1.4**2 * reds(video[0]).sum(), rel=0.02)


@pytest.mark.parametrize("form", KINDS)
def test_every_kind_is_painted_in_its_colour_with_smooth_edges(form):
    video = render(scene(shape(form=form, motion="still", x=128.0, radius=60.0, angle=0.2)))
    has_colour = (video[0] == COLOURS["red"]).all(-1)
    assert has_colour.sum() > 600
    shades = np.unique(video[0].reshape(-1, 3), axis=0)
    assert len(shades) > 60  # of the background's shade, and between the colours


def test_what_faces_somewhere_faces_where_it_goes():
    right = render(scene(shape(form="car", x=128.0, amount=0.0, radius=50.0)))[0]
    left = render(scene(shape(form="car", motion="left", x=128.0, amount=0.0, radius=50.0)))[0]
    assert (reds(right)[:, ::-1] != reds(left)).sum() < 0.1 * reds(left).sum()
    assert (reds(right) != reds(left)).sum() > 0.2 * reds(left).sum()


def test_what_stands_stays_on_its_feet():
    told = shape(form="house", motion="growing", x=128.0, y=120.0, radius=30.0)
    feet = [pose(told, f).y + 0.85 * pose(told, f).radius for f in range(FRAMES)]
    assert feet == pytest.approx([feet[0]] * FRAMES)


def test_night_is_darker_than_day():
    assert render(scene(shape(), light="night")).mean() < 0.6 * render(scene(shape())).mean()


def test_the_caption_says_what_is_there():
    for number, told in enumerate(scenes("train", 300)):
        text = describe(told, np.random.default_rng(number))
        for s in told.shapes:
            assert s.colour in text
            assert s.form in text
            if s.motion in ("left", "right", "up", "down"):
                assert s.motion in text
        assert (told.camera != "still") == ("the camera" in text)
        speeds = {s.speed for s in told.shapes if s.motion != "bouncing"} | {told.speed}
        assert ("slow" in speeds) == ("slowly" in text)
        assert ("fast" in speeds) == ("fast" in text or "quickly" in text)
        assert ("night" in text) == (told.light == "night")
        assert ("sun" in text) == (told.light == "sunset")
        assert "  " not in text
        assert "a orange" not in text
        if told.background in ("plain", *backgrounds.TWO_COLOURS):
            assert all(name in text for name in told.detail)
        if facts(told)["in_front"] is not None:
            behind, front = (f"{s.colour} {KINDS[s.form].noun or s.form}" for s in told.shapes)
            assert text.index(front) < text.index("in front of a") < text.index(behind)


def test_facts_are_plain_and_say_the_same():
    told = scene(shape(x=100.0), shape(colour="yellow", form="car", x=140.0, motion="left", radius=50.0))
    said = facts(told)
    assert json.loads(json.dumps(said)) == said
    told_car = {"colour": "yellow", "kind": "car", "motion": "left", "speed": told.shapes[1].speed, "size": "big"}
    assert said["objects"][1] == told_car
    assert said["in_front"] == 1
    assert facts(scene(shape()))["in_front"] is None


def test_held_out_combinations_are_never_in_training_and_always_in_the_held_out_split():
    train, held_out = scenes("train", 3000), scenes("held_out", 600)
    assert not any(any(combinations(told)) for told in train)
    assert all(combinations(told)[0] and not any(combinations(told)[1:]) for told in held_out)
    firsts = {(told.shapes[0].colour, told.shapes[0].form, told.shapes[0].motion) for told in held_out}
    assert firsts >= HELD_OUT  # each of them does occur
    for form, around in HELD_OUT_PAIRS:
        assert any(
            told.shapes[0].form == form and around in (told.light, told.background, *told.detail) for told in held_out
        )


def test_everything_occurs_in_training():
    train = scenes("train", 1500)
    assert {s.form for told in train for s in told.shapes} == set(KINDS)
    assert {s.motion for told in train for s in told.shapes} == set(MOTIONS)
    assert {s.colour for told in train for s in told.shapes} == set(COLOURS)
    assert {told.camera for told in train} == set(CAMERAS)
    assert {told.background for told in train} == set(backgrounds.KINDS) - {"photo"}
    assert len(SPRITES) == 12


def test_objects_are_on_the_screen_stand_out_and_are_where_such_things_are():
    for told in scenes("train", 500):
        seen_from = views(told)
        for s in told.shapes:
            places = [seen(pose(s, f), seen_from[0], seen_from[f]) for f in range(FRAMES)]
            assert min(places[0].x, places[0].y, SIZE - places[0].x, SIZE - places[0].y) >= 0.9 * places[0].radius
            assert all(0 < p.x < SIZE and 0 < p.y < SIZE for p in places)
            apart = contrast(backgrounds.palette(told), lit(COLOURS[s.colour], told.light))
            assert apart.min() > {"day": 30, "sunset": 25, "night": 20}[told.light]
            assert (s.form, s.motion) != ("circle", "rotating")
            if told.background == "ground":
                assert (KINDS[s.form].where in ("swims", "floats")) <= (told.detail[0] == "the blue sea")
                assert (KINDS[s.form].where == "stands") <= (told.detail[0] != "the blue sea")


def test_photos_stand_behind_some_scenes_and_are_named_in_the_caption():
    rng = np.random.default_rng(2)
    photo = Photo(rng.integers(0, 256, (300, 400, 3), dtype=np.uint8), "a harbour")
    clips = [World(6, photos=[photo])[number] for number in range(30)]
    with_photo = [clip for clip in clips if clip.scene.background == "photo"]
    assert 4 <= len(with_photo) <= 22
    assert all("a harbour" in clip.caption for clip in with_photo)
    assert not any("a harbour" in clip.caption for clip in clips if clip.scene.background != "photo")


def test_an_object_stands_out_from_the_photo_behind_it():
    red = Photo(np.full((400, 400, 3), COLOURS["red"], np.uint8), "a red wall")
    found = [told for told in scenes("train", 400, red) if told.background == "photo" and told.shapes]
    assert len(found) > 30
    assert all(s.colour != "red" for told in found for s in told.shapes)

"""Which generator rebuilds a clip, and from what of what arrived: fakes that tell what they were given."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from channel.channel import Channel
from common.clip import Clip
from common.errors import SettingError
from common.sections import section
from common.sections.base import Arrived, to_bytes
from receiver import policy
from receiver.generators.base import Conditions
from receiver.listen import Received, listen
from receiver.receiver import GREY, Receiver
from transmitter.transmitter import Transmitter

SIDE = 64
TASKS = ("text", "frame-text", "sketch-text", "sketches-text")
FRAME = np.full((3, SIDE, SIDE), 0.25, np.float32)
SKETCHES = np.linspace(0, 1, 8, dtype=np.float32)[:, None, None] * np.ones((8, SIDE, SIDE), np.float32)
TEXT = "A red car."
CLIP = Clip(np.random.default_rng(0).integers(0, 256, (8, SIDE, SIDE, 3), dtype=np.uint8), TEXT)


@dataclass
class Fake:
    """Makes black clips, and remembers what of."""

    name: str
    tasks: frozenset[str]

    def generate(
        self, conditions: Conditions, seed: int, steps: int | None = None, guidance: float | None = None
    ) -> np.ndarray:
        assert conditions.task in self.tasks
        GIVEN.append((self.name, conditions))
        return np.zeros((conditions.frames, 3, conditions.height, conditions.width), np.float32)


GIVEN: list[tuple[str, Conditions]] = []
LOADED: list[str] = []


def load(name: str) -> Fake:
    """`mini` serves all tasks; any other name is the tasks that it serves, with + between."""
    LOADED.append(name)
    return Fake(name, frozenset(TASKS if name == "mini" else name.split("+")))


def conditions(text: str | None = TEXT, snr_db: float | None = 10.0, **pictures: np.ndarray) -> Conditions:
    """What a receiver holds after these sections."""
    arrived = [section("description").arrived(text, failed=text is None)]
    arrived += [replace(section(name).clean(value), snr_db=snr_db) for name, value in pictures.items()]
    return Conditions({one.section: one for one in arrived}, 8, SIDE, SIDE)


@pytest.mark.parametrize(
    ("arrived", "served", "used"),
    [
        (conditions(), "text", ("text", TEXT)),
        (conditions(first_frame=FRAME), "text frame-text", ("frame-text", TEXT)),
        (conditions(None, first_frame=FRAME), "text frame-text", ("frame-text", None)),
        (conditions(None, sketch=SKETCHES[:1]), "sketch-text", ("sketch-text", None)),
        (conditions(sketches=SKETCHES), "text sketch-text sketches-text", ("sketches-text", TEXT)),
        # nobody for the task: a part of what arrived
        (conditions(first_frame=FRAME), "text", ("text", TEXT)),
        (conditions(sketches=SKETCHES), "text sketch-text frame-text", ("sketch-text", TEXT)),
        (conditions(sketches=SKETCHES), "text frame-text", ("text", TEXT)),
        (conditions(None, sketches=SKETCHES), "text sketch-text", ("sketch-text", None)),
        (conditions(first_frame=FRAME, sketches=SKETCHES), "text frame-text sketch-text", ("frame-text", TEXT)),
        (conditions(first_frame=FRAME, sketches=SKETCHES), "text sketches-text sketch-text", ("sketches-text", TEXT)),
        (conditions(first_frame=FRAME, sketches=SKETCHES), "text sketch-text", ("sketch-text", TEXT)),
        (
            conditions(first_frame=FRAME, sketches=SKETCHES),
            "text frame-text frame-sketches-text",
            ("frame-sketches-text", TEXT),
        ),
        (conditions(None, first_frame=FRAME, sketches=SKETCHES), "text frame-text", ("frame-text", None)),
        # nobody at all
        (conditions(None, sketches=SKETCHES), "text frame-text", None),
        (conditions(None, first_frame=FRAME), "text", None),
        (conditions(), "sketch-text", None),
        # too noisy: the text leads, where there is one, and somebody for it
        (conditions(snr_db=-9.0, first_frame=FRAME), "text frame-text", ("text", TEXT)),
        (conditions(snr_db=-7.0, first_frame=FRAME), "text frame-text", ("frame-text", TEXT)),
        (conditions(None, snr_db=-9.0, first_frame=FRAME), "text frame-text", ("frame-text", None)),
        (conditions("  ", snr_db=-9.0, first_frame=FRAME), "text frame-text", ("frame-text", "  ")),
        (conditions(snr_db=-9.0, first_frame=FRAME), "frame-text", ("frame-text", TEXT)),
        (conditions(snr_db=-4.0, sketches=SKETCHES), "text sketches-text", ("text", TEXT)),
        (conditions(snr_db=-4.0, sketch=SKETCHES[:1]), "text sketch-text", ("text", TEXT)),
        (conditions(snr_db=-3.0, sketch=SKETCHES[:1]), "text sketch-text", ("sketch-text", TEXT)),
        (conditions(snr_db=None, sketches=SKETCHES), "text sketches-text", ("sketches-text", TEXT)),
    ],
)
def test_what_is_built_from(arrived: Conditions, served: str, used: tuple[str, str | None] | None) -> None:
    made = policy.plan(arrived, served.split())
    assert (made and (made.task, made.description)) == used


def test_the_threshold_can_be_taken_away() -> None:
    made = policy.plan(conditions(snr_db=-20.0, first_frame=FRAME), TASKS, {})
    assert made is not None
    assert made.task == "frame-text"
    made = policy.plan(conditions(snr_db=0.0, first_frame=FRAME), TASKS, {"frame": 1.0})
    assert made is not None
    assert made.task == "text"


def test_the_threshold_of_sketches_lies_where_half_of_their_lines_are_right() -> None:
    kept = json.loads((Path(__file__).parents[2] / "docs/results/codecs/djscc-sketch.json").read_text())
    for name in ("sketch", "sketches"):
        least = section(name).least_snr_db
        assert least is not None
        assert np.interp(least, kept["snr_db"], kept["edge_f1"]) == pytest.approx(0.5, abs=0.05)


def test_tasks_are_given_by_name_and_each_generator_is_loaded_once() -> None:
    LOADED.clear()
    served = policy.serving(["sketch-text=sketch-text+text", "frame-text+text", "text=sketch-text+text"], load)
    assert {task: one.name for task, one in served.items()} == {
        "text": "sketch-text+text",
        "sketch-text": "sketch-text+text",
        "frame-text": "frame-text+text",
    }
    assert sorted(LOADED) == ["frame-text+text", "sketch-text+text"]
    assert {one.name for one in policy.serving([], load).values()} == {"mini"}
    named = policy.serving(["sketch-text=sketch-text"], load)
    assert (named["sketch-text"].name, named["text"].name) == ("sketch-text", "mini")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sketch=wan-vace"], "neither NAME nor TASK=NAME"),
        (["sketch-text="], "neither NAME nor TASK=NAME"),
        (["=mini"], "neither NAME nor TASK=NAME"),
        ([""], "neither NAME nor TASK=NAME"),
        (["one", "two"], "all tasks had a generator"),
        (["text=one", "text=two"], "text had a generator"),
        (["text=sketch-text"], "sketch-text does not serve text; it serves sketch-text"),
    ],
)
def test_wrong_words_are_told(words: list[str], told: str) -> None:
    with pytest.raises(SettingError, match=told):
        policy.serving(words, load)


@pytest.fixture(scope="module")
def transmitter() -> Transmitter:
    return Transmitter("captions", "canny")


def heard(transmitter: Transmitter, scheme: str) -> Received:
    GIVEN.clear()
    return listen(Channel(snr_db=8).apply(transmitter.encode(CLIP, 8, scheme).samples, 0))


def with_text_lost(received: Received) -> Received:
    lost = section("description").arrived(None, failed=True)
    return replace(received, sections={**received.sections, "description": lost})


def visual(received: Received) -> Arrived:
    (found,) = (arrived for arrived in received.sections.values() if arrived.modality != "text")
    return found


@pytest.mark.parametrize(
    ("scheme", "task", "count"),
    [
        ("first-frame-desc", "frame-text", None),
        ("sketch-desc", "sketch-text", 1),
        ("sketches-desc", "sketches-text", 8),
    ],
)
def test_each_scheme_has_its_task_and_its_generator(
    transmitter: Transmitter, scheme: str, task: str, count: int | None
) -> None:
    receiver = Receiver(generator=["text", f"{task}={task}"], load=load)
    received = heard(transmitter, scheme)
    made = receiver.rebuild(received)
    ((name, used),) = GIVEN
    assert (name, made.generator, made.task) == (task, task, task)
    assert (used.description, made.text, made.failed, made.messages) == (TEXT, TEXT, (), ())
    assert (None if used.sketches is None else len(used.sketches)) == count
    assert (used.first_frame is not None) == ("first_frame" in made.pictures) == (task == "frame-text")
    assert used.snr_db == made.snr_db == pytest.approx(8, abs=1.5)
    (picture,) = made.pictures.values()
    if used.sketches is not None:
        np.testing.assert_allclose(picture / 255, np.hstack(list(used.sketches)), atol=0.5 / 255 + 1e-6)
    # the description lost: from the pictures alone
    made = receiver.rebuild(with_text_lost(received))
    assert (GIVEN[-1][0], GIVEN[-1][1].description) == (task, None)
    assert (made.generator, made.failed, made.text) == (task, ("description",), None)
    # the pictures in a deep fade: from the text alone
    faded = replace(visual(received), snr_db=-15.0)
    made = receiver.rebuild(replace(received, sections={**received.sections, faded.section: faded}))
    assert (GIVEN[-1][0], GIVEN[-1][1].task, GIVEN[-1][1].description) == ("text", "text", TEXT)
    assert (made.generator, made.task, made.failed) == ("text", "text", ())


@pytest.mark.parametrize("scheme", ["first-frame-desc", "sketch-desc", "sketches-desc"])
def test_what_nobody_builds_from_is_shown_as_it_arrived(transmitter: Transmitter, scheme: str) -> None:
    receiver = Receiver(generator=["text"], load=load)
    received = with_text_lost(heard(transmitter, scheme))
    made = receiver.rebuild(received)
    assert not GIVEN
    assert (made.generator, made.task, made.failed) == (None, None, ("description", "generator"))
    (message,) = made.messages
    assert "no generator here serves" in message
    assert "the text is lost: those there are serve text; name one with --generator" in message
    arrived = to_bytes(visual(received).value)
    shown = arrived.transpose(1, 2, 0) if scheme == "first-frame-desc" else arrived[..., None]
    np.testing.assert_array_equal(made.video, np.broadcast_to(shown, made.video.shape))
    assert made.video.std() > 1


def test_a_text_that_nobody_builds_from_is_grey(transmitter: Transmitter) -> None:
    receiver = Receiver(generator=["sketch-text"], load=load)
    made = receiver.rebuild(heard(transmitter, "desc-only"))
    assert (made.failed, made.text) == (("generator",), TEXT)
    (message,) = made.messages
    assert "no generator here serves text: those there are serve sketch-text" in message
    assert (made.video == GREY).all()

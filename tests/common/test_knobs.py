"""Live settings: what holds from which burst, and what is refused."""

from __future__ import annotations

import math

import pytest

from common.errors import SettingError
from common.knobs import Knob, Knobs

SNR = Knob("snr_db", "SNR", unit="dB", low=-60, high=100)
STEPS = Knob("steps", "steps", kind="integer", low=1, high=1000, auto=True)
PAUSED = Knob("paused", "pause", kind="switch")
SCHEME = Knob("scheme", "scheme", kind="choice", choices=("a", "b"))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def knobs(clock: Clock) -> Knobs:
    return Knobs([(SNR, 10), (STEPS, None), (PAUSED, False), (SCHEME, "a")], clock)


def test_a_set_holds_from_the_next_burst_that_has_not_begun(knobs: Knobs) -> None:
    knobs.begin(0)
    knobs.begin(1)
    change = knobs.set("snr-db", "3")
    assert (change.key, change.old, change.new, change.first_seq) == ("snr_db", 10, 3, 2)
    assert knobs.begin(2)["snr_db"] == 3


def test_a_scheduled_set_waits_for_its_burst(knobs: Knobs) -> None:
    assert knobs.set("snr_db", 5, from_seq=4).first_seq == 4
    knobs.set("snr_db", -5, from_seq=6)
    assert [knobs.begin(seq)["snr_db"] for seq in range(8)] == [10, 10, 10, 10, 5, 5, -5, -5]


def test_the_past_cannot_be_changed(knobs: Knobs) -> None:
    knobs.begin(9)
    with pytest.raises(SettingError, match="burst 3 has begun: the next that can change is 10"):
        knobs.set("snr_db", 5, from_seq=3)


def test_a_ramp_moves_with_the_clock_and_stays_at_its_end(knobs: Knobs, clock: Clock) -> None:
    change = knobs.ramp("snr_db", 10, -5, 20)
    assert (change.old, change.new) == (10, -5)
    values = []
    for seq, now in enumerate((100, 110, 120, 500)):
        clock.now = now
        values.append(knobs.begin(seq)["snr_db"])
    assert values == [10, 2.5, -5, -5]


def test_a_ramp_may_start_where_the_knob_is(knobs: Knobs, clock: Clock) -> None:
    knobs.ramp("snr_db", None, 0, 10)
    clock.now += 5
    assert knobs.get("snr_db") == 5


def test_a_ramp_ends_with_the_next_set(knobs: Knobs, clock: Clock) -> None:
    knobs.ramp("snr_db", 10, 0, 10)
    clock.now += 1
    assert knobs.set("snr_db", 7).old == 9
    clock.now += 5
    assert knobs.get("snr_db") == 7


@pytest.mark.parametrize("bad", ["x", "", None, "nan", "inf", "-61", 1e9, True, [], {}])
def test_a_value_that_is_no_snr_is_refused(knobs: Knobs, bad: object) -> None:
    with pytest.raises(SettingError, match="snr_db must be a number of dB within -60 … 100"):
        knobs.set("snr_db", bad)
    assert knobs.get("snr_db") == 10


def test_each_kind_takes_its_own_values(knobs: Knobs) -> None:
    assert knobs.set("steps", "12").new == 12
    assert knobs.set("steps", "auto").new is None
    assert knobs.set("paused", "on").new is True
    assert knobs.set("scheme", "b").new == "b"
    for key, bad in (("steps", 1.5), ("steps", 0), ("paused", "maybe"), ("scheme", "c"), ("volume", 1)):
        with pytest.raises(SettingError):
            knobs.set(key, bad)


@pytest.mark.parametrize(
    ("key", "stop", "seconds"), [("steps", 3, 1), ("snr_db", 3, -1), ("snr_db", 3, math.nan), ("snr_db", "x", 1)]
)
def test_a_ramp_that_makes_no_sense_is_refused(knobs: Knobs, key: str, stop: object, seconds: float) -> None:
    with pytest.raises(SettingError):
        knobs.ramp(key, None, stop, seconds)


def test_a_fork_begins_as_the_settings_are_and_follows_them(knobs: Knobs, clock: Clock) -> None:
    knobs.set("snr_db", 1, from_seq=3)
    knobs.ramp("snr_db", 10, 0, 10)
    fork = knobs.fork()
    clock.now += 5
    assert fork.get("snr_db") == 5
    assert fork.begin(3)["snr_db"] == 1
    fork.set("paused", True)
    assert knobs.get("paused") is False
    knobs.set("scheme", "b")
    assert fork.get("scheme") == "b"
    knobs.ramp("snr_db", None, 7, 10)  # each from where it is
    clock.now += 5
    assert (knobs.get("snr_db"), fork.get("snr_db")) == (6, 4)
    assert fork.fork().get("paused") is True


def test_a_change_that_one_fork_cannot_take_changes_none(knobs: Knobs) -> None:
    fork = knobs.fork()
    for n in range(1024):
        fork.set("snr_db", n % 60, from_seq=n + 5)
    with pytest.raises(SettingError, match="1024 changes are waiting already"):
        knobs.set("snr_db", 3, from_seq=4)
    assert knobs.begin(4)["snr_db"] == 10


def test_what_has_begun_stays_for_its_burst(knobs: Knobs) -> None:
    assert knobs.begin(4)["snr_db"] == 10
    assert knobs.set("snr_db", 3).first_seq == 5
    assert knobs.begun["snr_db"] == knobs.fork().begun["snr_db"] == 10
    assert knobs.begin(5)["snr_db"] == 3


def test_a_new_session_drops_what_waits_for_a_burst_of_the_old_one(knobs: Knobs) -> None:
    knobs.begin(7)
    fork = knobs.fork()
    knobs.set("snr_db", 3)
    knobs.set("snr_db", -9, from_seq=9)
    fork.set("steps", 5, from_seq=10)
    assert knobs.new_session()
    assert not knobs.new_session()
    for seq in range(12):
        assert (knobs.begin(seq)["snr_db"], fork.begin(seq)["snr_db"], fork.begin(seq)["steps"]) == (3, 3, None)
    knobs.set("snr_db", 1, from_seq=13)
    assert [knobs.begin(seq)["snr_db"] for seq in (12, 13)] == [3, 1]


def test_a_choice_that_is_not_available_is_listed_and_refused_with_its_reason() -> None:
    knob = Knob("kind", "kind", kind="choice", choices=("a", "b"), unavailable=(("b", "it needs a file"),))
    assert knob.describe()["choices"] == ["a", "b"]
    assert knob.describe()["unavailable"] == {"b": "it needs a file"}
    assert knob.check("a") == "a"
    with pytest.raises(SettingError, match="kind cannot be b: it needs a file"):
        knob.check("b")
    with pytest.raises(SettingError, match="must be one of a, b"):
        knob.check("c")

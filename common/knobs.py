"""Live settings, declared as data: what anyone may turn while a process runs, and from which burst a turn holds."""

from __future__ import annotations

import copy
import math
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from common.errors import SettingError

Value = float | int | str | bool | None

MAX_PENDING = 1024
"""Most changes that may wait for their burst, a knob."""


@dataclass(frozen=True)
class Knob:
    """One live setting. ``kind`` is "number", "integer", "switch" or "choice"; with ``auto``, None is a value too."""

    name: str
    help: str
    kind: str = "number"
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    auto: bool = False
    only_for: tuple[str, ...] = ()
    """The choices of another knob with which it counts; empty: it always does."""
    unavailable: tuple[tuple[str, str], ...] = ()
    """Of ``choices`` those that cannot be taken now, each with the reason."""

    def check(self, value: Any) -> Value:
        """The value as this knob holds it. Raises SettingError, naming what it takes."""
        if self.kind == "choice":
            if value not in self.choices:
                raise SettingError(f"{self.name} must be one of {', '.join(self.choices)}, not {value!r}")
            for choice, reason in self.unavailable:
                if value == choice:
                    raise SettingError(f"{self.name} cannot be {choice}: {reason}")
            return str(value)
        if self.kind == "switch":
            words = {
                "1": True,
                "true": True,
                "on": True,
                "yes": True,
                "0": False,
                "false": False,
                "off": False,
                "no": False,
            }
            switch = words.get(str(value).lower())
            if switch is None:
                raise SettingError(f"{self.name} must be on or off, not {value!r}")
            return switch
        if self.auto and value in (None, "auto"):
            return None
        return self._check_number(value)

    def _check_number(self, value: Any) -> float | int:
        takes = f"a number{' of ' + self.unit if self.unit else ''} within {self.low:g} … {self.high:g}"
        if self.auto:
            takes += ", or auto"
        try:
            number = float(value) if not isinstance(value, bool) else math.nan
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number) or not self.low <= number <= self.high:
            raise SettingError(f"{self.name} must be {takes}, not {value!r}")
        if self.kind == "integer":
            if number != int(number):
                raise SettingError(f"{self.name} must be a whole number, not {value!r}")
            return int(number)
        return number

    def describe(self) -> dict[str, Any]:
        """What a person needs to know to turn it; limits that do not exist are left out."""
        facts: dict[str, Any] = {"kind": self.kind, "unit": self.unit, "help": self.help}
        if self.choices:
            facts["choices"] = list(self.choices)
        if self.only_for:
            facts["only_for"] = list(self.only_for)
        if self.unavailable:
            facts["unavailable"] = dict(self.unavailable)
        facts |= {name: bound for name, bound in (("low", self.low), ("high", self.high)) if math.isfinite(bound)}
        return facts


@dataclass(frozen=True)
class Change:
    """What a turn of a knob did: old value, new value, and the first burst that it holds for."""

    key: str
    old: Value
    new: Value
    first_seq: int


@dataclass(frozen=True)
class _Ramp:
    start: float
    stop: float
    began: float
    seconds: float

    def at(self, now: float) -> float:
        done = (now - self.began) / self.seconds if self.seconds > 0 else 1.0
        return self.start + (self.stop - self.start) * min(1.0, max(0.0, done))


class Knobs:
    """The live settings of one process. Safe to use from the control thread while the work goes on.

    The work calls ``begin(seq)`` once for each burst and uses the values that it returns for all of that burst, so a
    change never holds for half of one. Settings and their forks share ``lock``: what begins while it is held begins
    as one, with no change in between.
    """

    def __init__(self, initial: Iterable[tuple[Knob, Any]], clock: Callable[[], float] = time.monotonic) -> None:
        self._knobs = {}
        self._values: dict[str, Value | _Ramp] = {}
        for knob, value in initial:
            self._knobs[knob.name] = knob
            self._values[knob.name] = knob.check(value)
        self._pending: dict[str, list[tuple[int, Value]]] = {name: [] for name in self._knobs}
        self._next_seq = 0
        self._begun: dict[str, Value] = {}
        self._clock = clock
        self._forks: weakref.WeakSet[Knobs] = weakref.WeakSet()
        self.lock = threading.RLock()

    def fork(self) -> Knobs:
        """Settings of their own, for one of several places where the same knobs are: they begin as these are now,
        waiting changes and ramps included, and a later change of these changes them too."""
        with self.lock:
            other = copy.copy(self)
            other._values = dict(self._values)
            other._pending = {name: list(pending) for name, pending in self._pending.items()}
            other._forks = weakref.WeakSet()
            self._forks.add(other)
        return other

    def knob(self, key: str) -> Knob:
        """The knob of that name; ``snr-db`` and ``snr_db`` are the same. Raises SettingError."""
        knob = self._knobs.get(key.replace("-", "_"))
        if knob is None:
            raise SettingError(f"no setting {key!r} here: there are {', '.join(self._knobs)}")
        return knob

    def get(self, key: str) -> Value:
        """The value now."""
        name = self.knob(key).name
        with self.lock:
            return self._now(name)

    def values(self) -> dict[str, Value]:
        """Every value now."""
        with self.lock:
            return {name: self._now(name) for name in self._knobs}

    def describe(self) -> Mapping[str, Mapping[str, Any]]:
        """Every knob with its value, unit, limits and meaning."""
        now = self.values()
        return {name: {"value": now[name], **knob.describe()} for name, knob in self._knobs.items()}

    def set(self, key: str, value: Any, from_seq: int | None = None) -> Change:
        """Sets a value from burst ``from_seq`` on, or from the next one that has not begun. Raises SettingError."""
        knob = self.knob(key)
        new = knob.check(value)
        with self.lock:
            if from_seq is not None and from_seq < self._next_seq:
                raise SettingError(f"burst {from_seq} has begun: the next that can change is {self._next_seq}")
            change = Change(knob.name, self._now(knob.name), new, self._next_seq if from_seq is None else from_seq)
            family = (self, *self._forks)
            waits = change.first_seq > self._next_seq
            if waits and any(len(knobs._pending[knob.name]) >= MAX_PENDING for knobs in family):
                raise SettingError(f"{knob.name}: {MAX_PENDING} changes are waiting already")
            for knobs in family:
                if waits:
                    knobs._pending[knob.name].append((change.first_seq, new))
                    knobs._pending[knob.name].sort(key=lambda item: item[0])
                else:
                    knobs._values[knob.name] = new
            return change

    def ramp(self, key: str, start: Any, stop: Any, seconds: float) -> Change:
        """Moves a number from ``start`` (None: where it is) to ``stop`` over ``seconds`` of wall time, linearly, a new
        value for each burst. Raises SettingError."""
        knob = self.knob(key)
        if knob.kind != "number":
            raise SettingError(f"{knob.name} cannot be ramped: it is a {knob.kind}")
        if not math.isfinite(seconds) or not 0 <= seconds <= 86400:
            raise SettingError(f"a ramp lasts 0 to 86400 seconds, not {seconds!r}")
        last = knob.check(stop)
        with self.lock:
            old, now = self._now(knob.name), self._clock()
            ramps = []
            for knobs in (self, *self._forks):
                first = knob.check(knobs._now(knob.name) if start is None else start)
                if not isinstance(first, (int, float)) or not isinstance(last, (int, float)):
                    raise SettingError(f"{knob.name}: a ramp goes from a number to a number, not auto")
                ramps.append((knobs, _Ramp(float(first), float(last), now, seconds)))
            for knobs, ramp in ramps:
                knobs._values[knob.name] = ramp
            return Change(knob.name, old, last, self._next_seq)

    def begin(self, seq: int) -> dict[str, Value]:
        """The values for burst ``seq``, now fixed for it."""
        with self.lock:
            self._next_seq = seq + 1
            for name, pending in self._pending.items():
                while pending and pending[0][0] <= seq:
                    self._values[name] = pending.pop(0)[1]
            self._begun = {name: self._now(name) for name in self._knobs}
            return self._begun

    @property
    def begun(self) -> dict[str, Value]:
        """The values for the last burst that has begun, once more; those of a fork, also where it was made since."""
        return self._begun

    def new_session(self) -> bool:
        """Another sequence of bursts begins, which counts anew: changes that waited for one of the old are dropped, the
        forks' too. Returns whether there were any."""
        with self.lock:
            waiting = [pending for knobs in (self, *self._forks) for pending in knobs._pending.values() if pending]
            for pending in waiting:
                pending.clear()
            return bool(waiting)

    def _now(self, name: str) -> Value:
        value = self._values[name]
        return value.at(self._clock()) if isinstance(value, _Ramp) else value

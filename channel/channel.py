"""The channel as a pure object: what the air does to the samples of one burst."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from channel.models.base import MODELS, SNR_DB, Model, Report, State
from channel.noise import Draws
from common.conventions import DEFAULT_SEED
from common.errors import BurstError, SettingError
from common.knobs import Knob, Knobs, Value
from common.seeds import derive
from common.start_options import StartOption, read_given


def start_options() -> tuple[StartOption, ...]:
    """Those of all channel models."""
    return tuple(option for entry in MODELS.entries() for option in entry.item.start_options)


class Channel:
    """The channel models with their live settings; the one that is set gets the samples.

    The result for a burst depends on (seed, sequence, sample offset) and the settings alone, not on the bursts before.
    """

    def __init__(
        self,
        *,
        snr_db: float,
        seed: int = DEFAULT_SEED,
        model: str | None = None,
        settings: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Reads the start options and sets all parameters. Raises SettingError.

        Args:
            snr_db: Es/N0 in dB.
            seed: of noise, fading and all else that is drawn.
            model: name of the model to begin with; None: the one that a start option selects, else the default.
            settings: parameters of models, by name.
            options: start options by name, such as ``{"trace": Path("drive.csv")}``.
        """
        entries = MODELS.entries()
        self._options = read_given(start_options(), options or {})
        self._begin_with(seed)
        lacking = ((entry.name, self._lacking(entry.item)) for entry in entries)
        which = Knob(
            "model",
            "; ".join(f"{entry.name}: {entry.summary}" for entry in entries),
            kind="choice",
            choices=tuple(entry.name for entry in entries),
            unavailable=tuple((name, lack) for name, lack in lacking if lack),
        )
        parameters = {knob: default for entry in entries for knob, default in entry.item.knobs}
        users = {knob: tuple(entry.name for entry in entries if knob in dict(entry.item.knobs)) for knob in parameters}
        self.knobs = Knobs(
            [
                (SNR_DB, snr_db),
                (which, self._selected() if model is None else model),
                *((replace(knob, only_for=users[knob]), default) for knob, default in parameters.items()),
            ]
        )
        for key, value in (settings or {}).items():
            self.knobs.set(key, value)

    def _begin_with(self, seed: int) -> None:
        self._seed = seed
        self._draws = Draws(seed)
        self._models: dict[str, Model] = {entry.name: entry.item() for entry in MODELS.entries()}

    def _lacking(self, model: type[Model]) -> str:
        """Why a model cannot be chosen; empty if it can."""
        missing = [o.usage for o in model.start_options if o.required and o.name not in self._options]
        return f"it needs {' and '.join(missing)} at the start" if missing else ""

    def _selected(self) -> str:
        """The model whose start option was given, else the default."""
        selected = [
            entry.name
            for entry in MODELS.entries()
            if any(option.selects and option.name in self._options for option in entry.item.start_options)
        ]
        if len(selected) > 1:
            raise SettingError(f"name the channel model: what was given would select {' and '.join(selected)}")
        return selected[0] if selected else MODELS.default

    @property
    def model(self) -> str:
        """The name of the model that is set now."""
        return str(self.knobs.get("model"))

    def for_link(self, link: int) -> Channel:
        """The channel of link ``link`` ≥ 1: settings that begin as this one's and follow each change of these, and
        noise of its own. Link 1 has this channel's noise, so that one receiver gets what one channel gives."""
        other = copy.copy(self)
        other.knobs = self.knobs.fork()
        other._begin_with(self._seed if link == 1 else derive(self._seed, link, "link"))
        return other

    def apply(self, samples: NDArray[np.complex64], sequence: int, offset: int = 0) -> NDArray[np.complex64]:
        """What arrives of burst ``sequence``: complex64 (n,) in, a new complex64 (n,) out. Raises BurstError.

        ``offset`` is the position of the first sample in the burst, for callers that hand a burst over in pieces, which
        not every model takes.
        """
        return self.apply_with(self.knobs.begin(sequence), samples, sequence, offset)[0]

    def apply_with(
        self, settings: Mapping[str, Value], samples: NDArray[np.complex64], sequence: int, offset: int = 0
    ) -> tuple[NDArray[np.complex64], Report]:
        """As ``apply``, with settings that the caller has taken from ``knobs.begin``; and what was done.

        The report holds ``model``, its name; ``snr_set_db``, the average Es/N0 in dB; ``gain_db``, mean |h|² over
        ``samples`` in dB, None for a burst that is lost; and what the model adds. Raises BurstError for what are no
        samples, for a piece where the model takes whole bursts, and for a model that breaks its contract.
        """
        if samples.ndim != 1 or samples.dtype != np.complex64:
            raise BurstError(f"samples must be complex64 (n,), not {samples.dtype} {samples.shape}")
        if sequence < 0 or offset < 0:
            raise BurstError("sequence and offset must not be negative")
        name = str(settings["model"])
        model = self._models[name]
        if offset and not model.in_pieces:
            raise BurstError(f"the channel model {name} takes whole bursts, not pieces of one")
        received, report = model.apply(samples, self._state(settings, sequence, offset))
        _check(name, samples, received, report)
        return received, {**_plain(report), "model": name}

    def snr_set_db(self, settings: Mapping[str, Value], sequence: int) -> float:
        """The average Es/N0 in dB that burst ``sequence`` would have with these settings, as a report tells it."""
        return self._models[str(settings["model"])].snr_db(self._state(settings, sequence, 0))

    def _state(self, settings: Mapping[str, Value], sequence: int, offset: int) -> State:
        return State(sequence, settings, self._draws, offset, self._options)


def _check(name: str, sent: NDArray[np.complex64], received: Any, report: Any) -> None:
    """Raises BurstError unless a model gave what its contract says."""
    if not isinstance(received, np.ndarray) or received.dtype != np.complex64 or received.shape != sent.shape:
        what = f"{received.dtype} {received.shape}" if isinstance(received, np.ndarray) else type(received).__name__
        raise BurstError(f"the channel model {name} must give complex64 {sent.shape}, not {what}")
    if not isinstance(report, dict):
        raise BurstError(f"the channel model {name} must report a dictionary, not {type(report).__name__}")
    for key, value in report.items():
        if not isinstance(key, str) or not _is_json(value):
            raise BurstError(f"the channel model {name} reports {key!r} as what JSON cannot hold: {value!r}")
    gain_db = report.get("gain_db", math.nan)
    if not _finite(report.get("snr_set_db")) or not (gain_db is None or _finite(gain_db)):
        raise BurstError(f"the channel model {name} must report snr_set_db, and gain_db or None, as finite numbers")


def _finite(value: Any) -> bool:
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return number and math.isfinite(value)


def _is_json(value: Any) -> bool:
    """Whether a value is plain: text, a finite number (numpy's too), a switch, None, or lists and maps of these."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(inner) for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_is_json, value))
    return value is None or isinstance(value, (bool, np.bool_, str)) or _finite(value)


def _plain(value: Any) -> Any:
    """The same with Python's own numbers."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value.item() if isinstance(value, np.generic) else value

"""Recipes: how a codec is trained, in TOML. ``recipes/NAME.toml`` is the default one, ``NAME.VARIANT.toml`` another.

A recipe is complete: nothing that matters to the weights but the data, the seed and the machine stands elsewhere. A
run keeps its recipe and will not go on with another; only the length may change.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Final, Self, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
import torch
from torch import Tensor

from common import bfloat16
from common.errors import GvscError

FOLDER: Final = Path(__file__).resolve().parent / "recipes"

DEFAULT: Final = "default"

_WHOLE: Final = "the recipe"

_Kind = TypeVar("_Kind")


class RecipeError(GvscError):
    """A recipe is missing, or says something that cannot be."""


def _demand(holds: bool, what: str) -> None:
    if not holds:
        raise RecipeError(what)


@dataclass(frozen=True)
class Length:
    """How long to train: exactly one of these, of all starts together."""

    hours: float | None = None
    """Of running time; the schedule follows the clock, so that a slower machine makes fewer steps, not half of them."""
    steps: int | None = None
    epochs: float | None = None
    """Of as many pictures as the data has."""

    def __post_init__(self) -> None:
        given = [value for value in (self.hours, self.steps, self.epochs) if value is not None]
        _demand(len(given) == 1, "[length] must have exactly one of hours, steps, epochs")
        _demand(math.isfinite(given[0]) and given[0] > 0, "[length] must be more than 0")

    def counted(self, pictures: int, stages: Sequence[Stage]) -> Length:
        """The same in hours or steps, for data of so many pictures. A stage's share is one of the steps."""
        if self.epochs is None:
            return self
        mean_batch = sum(stage.share * stage.batch for stage in stages)
        return Length(steps=max(1, round(self.epochs * pictures / mean_batch)))

    def progress(self, step: int, seconds: float) -> float:
        """The part that is done, 1 at the end: by the clock, or by steps."""
        if self.hours is not None:
            return seconds / (3600.0 * self.hours)
        assert self.steps is not None, "epochs are counted first"
        return step / self.steps


@dataclass(frozen=True)
class Start:
    """What training starts from."""

    weights: str = ""
    """The name of weights, the path of a safetensors file, or nothing: the linear code, or random weights."""


@dataclass(frozen=True)
class Optimiser:
    """Adam with a warm-up over steps, then a cosine from the peak to the last rate; a moving average of the weights."""

    peak_rate: float
    last_rate: float
    warm_up_steps: int = 0
    betas: tuple[float, float] = (0.9, 0.999)
    clip_norm: float = 0.0
    """Longest gradient; 0: any."""
    averaging: float = 0.0
    """Decay of the moving average, which is what is exported; 0: the last weights."""
    bfloat16: bool = True
    """Products in bfloat16, on a device that is fast in it."""

    def autocast(self, device: torch.device) -> torch.autocast:
        """The precision that is trained in, to look at what is trained in the same."""
        enabled = self.bfloat16 and bfloat16.is_fast(device.type)
        return torch.autocast(device.type, torch.bfloat16, enabled=enabled)

    def __post_init__(self) -> None:
        _demand(0.0 < self.last_rate <= self.peak_rate < 1.0, "[optimiser] needs 0 < last_rate ≤ peak_rate < 1")
        _demand(self.warm_up_steps >= 0 and self.clip_norm >= 0.0, "[optimiser] has a negative number")
        _demand(all(0.0 <= b < 1.0 for b in (*self.betas, self.averaging)), "[optimiser] betas, averaging: 0 … 1")

    def rate(self, progress: float, step: int) -> float:
        """The learning rate at a share of the whole length."""
        cosine = 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))
        rate = self.last_rate + cosine * (self.peak_rate - self.last_rate)
        return rate * min(1.0, (step + 1) / max(1, self.warm_up_steps))


@dataclass(frozen=True)
class Stage:
    """A part of the training: its share of the length, pictures a step, and their side in pixels."""

    share: float
    batch: int
    crop: int

    def __post_init__(self) -> None:
        _demand(0.0 < self.share <= 1.0, "a stage's share must be within 0 … 1")
        _demand(0 < self.batch <= 4096, "a stage's batch must be within 1 … 4096")
        _demand(self.crop in range(32, 257, 32), "a stage's crop must be a multiple of 32 up to 256")


@dataclass(frozen=True)
class Snr:
    """Which SNRs are drawn for each picture: the true one, and what transmitter and receiver take it for. All in dB."""

    usual_db: tuple[float, float]
    rare_db: tuple[float, float] = (-5.0, 20.0)
    rare_share: float = 0.0
    """Part of the pictures whose SNR is drawn from ``rare_db``."""
    tx_sigma_db: float = 0.0
    tx_stray_share: float = 0.0
    """Part of the pictures whose transmitter believes anything within ``rare_db``: what it knew is long over."""
    rx_sigma_db: float = 0.0

    def __post_init__(self) -> None:
        for low, high in (self.usual_db, self.rare_db):
            _demand(-60.0 <= low <= high <= 100.0, "[snr] needs ranges of dB, the lower end first")
        _demand(min(self.rare_share, self.tx_stray_share) >= 0.0, "[snr] has a negative share")
        _demand(max(self.rare_share, self.tx_stray_share) <= 1.0, "[snr] has a share of more than 1")
        _demand(min(self.tx_sigma_db, self.rx_sigma_db) >= 0.0, "[snr] has a negative sigma")

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """True, transmitter's and receiver's SNR, each (count,)."""
        rare = rng.random(count) < self.rare_share
        true = np.where(rare, rng.uniform(*self.rare_db, count), rng.uniform(*self.usual_db, count))
        stray = rng.random(count) < self.tx_stray_share
        sent = np.where(stray, rng.uniform(*self.rare_db, count), true + rng.normal(0.0, self.tx_sigma_db, count))
        estimated = true + rng.normal(0.0, self.rx_sigma_db, count)
        first, second, third = (torch.from_numpy(values).float() for values in (true, sent, estimated))
        return first, second, third


@dataclass(frozen=True)
class Loss:
    """k·fidelity + (1 − k)·perceptual distance: eq. (1) of the paper."""

    fidelity: str
    """``mse``, or ``rmse``: the mean over pictures of each one's root mean square error."""
    k: float = 1.0
    perceptual: str = ""
    """A distance by name (``gvsc.training.loss``); needed where k < 1."""
    trunk: str = ""
    """The path of the weights of its network, where they cannot be fetched."""
    perceptual_db: tuple[float, float] = (100.0, 100.0)
    """True SNRs up to which the distance counts in full, and from which on not at all; in between its part falls."""

    def __post_init__(self) -> None:
        _demand(self.fidelity in ("mse", "rmse"), f"[loss] fidelity must be mse or rmse, not {self.fidelity!r}")
        _demand(0.0 <= self.k <= 1.0, f"[loss] k must be within 0 … 1, not {self.k}")
        _demand(self.perceptual_db[0] <= self.perceptual_db[1], "[loss] perceptual_db needs the lower SNR first")
        _demand(self.k == 1.0 or self.perceptual != "", "[loss] needs perceptual, the name of a distance, where k < 1")


@dataclass(frozen=True)
class Recipe:
    """All that a run needs to know."""

    about: str
    length: Length
    optimiser: Optimiser
    stages: tuple[Stage, ...]
    snr: Snr
    loss: Loss
    start: Start = Start()

    def __post_init__(self) -> None:
        share = sum(stage.share for stage in self.stages)
        _demand(abs(share - 1.0) < 1e-6, f"the shares of the stages must add up to 1, not {share:g}")

    @classmethod
    def parse(cls, text: str, settings: Sequence[str] = (), name: str = "") -> Self:
        """From TOML; each of ``settings`` is a TOML line such as ``loss.k = 0.7`` that replaces what it names.

        All of them count together: one may mend what is wrong without it. Raises RecipeError, which begins with what
        brought the mistake: ``recipe NAME:``, or ``--set 'loss.k = 7':``.
        """
        return filled(cls, text, settings, name)

    def lasting(self, length: Length | None) -> Self:
        """The same for another length, if one is given."""
        return self if length is None else replace(self, length=length)

    @property
    def weight_decay(self) -> float:
        """None."""
        return 0.0

    def stage(self, progress: float) -> Stage:
        """The stage at a share of the whole length."""
        end = 0.0
        for stage in self.stages[:-1]:
            end += stage.share
            if progress < end:
                return stage
        return self.stages[-1]

    def text(self) -> str:
        """As TOML, complete."""
        lines = [f"about = {toml_value(self.about)}"]
        for name, value in asdict(self).items():
            if name == "about":
                continue
            tables = value if isinstance(value, tuple) else (value,)
            for table in tables:
                lines += ["", f"[[{name}]]" if isinstance(value, tuple) else f"[{name}]"]
                lines += [f"{key} = {toml_value(field)}" for key, field in table.items() if field is not None]
        return "\n".join(lines) + "\n"

    def without_length(self) -> str:
        """What a run may not change half-way, as JSON."""
        parts = asdict(self)
        del parts["length"], parts["about"]
        return json.dumps(parts, sort_keys=True)


def filled(kind: type[_Kind], text: str, settings: Sequence[str] = (), name: str = "") -> _Kind:
    """A dataclass from TOML; see ``Recipe.parse``."""
    tables: dict[str, Any] = {}
    made: _Kind | None = None
    fault, blamed = "", ""
    for where, toml in ((f"recipe {name}".rstrip(), text), *((f"--set {line!r}", line) for line in settings)):
        try:
            _put(tables, tomllib.loads(toml))
        except tomllib.TOMLDecodeError as error:
            raise RecipeError(f"{where}: not TOML: {error}") from None
        try:
            made, fault = _built(kind, tables, _WHOLE), ""
        except RecipeError as error:
            if str(error) != fault:
                fault, blamed = str(error), where
    if fault or made is None:
        raise RecipeError(f"{blamed}: {fault}")
    return made


def find(name: str, recipe: str) -> tuple[str, str]:
    """A recipe's name and text: a variant of the codec ``name``, or a file. Raises RecipeError."""
    file = FOLDER / (f"{name}.toml" if recipe == DEFAULT else f"{name}.{recipe}.toml")
    if "/" in recipe or recipe.endswith(".toml"):
        file = Path(recipe)
    try:
        return recipe, file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise RecipeError(f"no recipe {recipe!r} of {name}; there are {', '.join(variants(name))}, or a file") from None


def variants(name: str) -> list[str]:
    """The recipes of the codec ``name`` that come with gvsc, the default one first."""
    return [DEFAULT, *sorted(file.name.split(".", 1)[1][:-5] for file in FOLDER.glob(f"{name}.*.toml"))]


def _put(tables: dict[str, Any], given: Mapping[str, Any]) -> None:
    for key, value in given.items():
        if isinstance(value, dict) and isinstance(tables.get(key), dict):
            _put(tables[key], value)
        else:
            tables[key] = value


def _built(kind: Any, given: Any, where: str) -> Any:
    """The value of a field from what TOML says, strictly. Raises RecipeError."""
    if isinstance(kind, type) and is_dataclass(kind):
        _demand(isinstance(given, dict), f"{where} must be a table")
        hints = get_type_hints(kind)
        unknown = sorted(set(given) - set(hints))
        _demand(not unknown, f"{where} has nothing called {', '.join(unknown)}; it has {', '.join(hints)}")
        inside = "" if where == _WHOLE else f"{where}: "
        made = {name: _built(hints[name], value, f"{inside}{name}") for name, value in given.items()}
        try:
            return kind(**made)
        except TypeError:
            missing = [field.name for field in fields(kind) if field.default is MISSING and field.name not in given]
            raise RecipeError(f"{where} lacks {', '.join(missing)}") from None
    if get_origin(kind) is tuple:
        _demand(isinstance(given, list), f"{where} must be a list")
        kinds = get_args(kind)
        if kinds[-1] is not Ellipsis:
            _demand(len(given) == len(kinds), f"{where} must have {len(kinds)} values")
        return tuple(_built(kinds[0], value, where) for value in given)
    (kind,) = [part for part in get_args(kind) if part is not type(None)] or [kind]
    if kind is float and isinstance(given, int) and not isinstance(given, bool):
        given = float(given)
    _demand(type(given) is kind, f"{where} must be of the kind {kind.__name__}, not {given!r}")
    return given


def toml_value(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else repr(value)

"""The contract of a channel model, and the registry of all of them.

A model is one file: a class with ``apply(samples, state) → samples, report`` that registers itself under its name,
here or in another package that declares an entry point in the group ``gvsc.channels``. It may have memory within the
burst. Its imports must be light: the channel process has neither torch nor scipy nor numba.

    @MODELS.register("two-tap", "a second path, three symbols later")
    class TwoTap(Model):
        def apply(self, samples, state):
            faded = samples + 0.5 * np.concatenate((np.zeros(3, np.complex64), samples))[: samples.size]
            variance = noise_variance(self.snr_db(state))
            received = state.draws.noise().add(faded.astype(np.complex64), state.sequence, variance)
            return received, {"snr_set_db": self.snr_db(state), "gain_db": 10 * math.log10(1.25)}
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from channel.noise import Draws
from common.conventions import SNR_DB_LIMITS
from common.errors import SettingError
from common.knobs import Knob, Value
from common.registry import Entry, Registry
from common.start_options import StartOption, check_owner

Settings = Mapping[str, Value]
"""What ``Knobs.begin`` gives: the value of every parameter of the channel, for one burst."""

Report = dict[str, Any]
"""What a model did to a burst: ``snr_set_db``, ``gain_db``, and facts of its own."""

SNR_DB: Final = Knob(
    "snr_db",
    "Es/N0 per complex symbol of unit power; of a fading channel the average",
    unit="dB",
    low=SNR_DB_LIMITS[0],
    high=SNR_DB_LIMITS[1],
)

OF_THE_CHANNEL: Final = (SNR_DB.name, "model")
"""Parameters that no model may declare."""


@dataclass(frozen=True)
class State:
    """What a model is told about the samples that it gets.

    ``sequence`` is the burst's number; ``offset`` the index in the burst of the first sample, 0 for a whole burst.
    ``settings`` holds each parameter's value for this burst; ``draws`` is all that is random on this link; ``options``
    holds the start options that were given, by name.
    """

    sequence: int
    settings: Settings
    draws: Draws
    offset: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)

    def number(self, knob: Knob) -> float:
        """The value of a parameter that holds numbers."""
        value = self.settings[knob.name]
        assert isinstance(value, (int, float))
        return float(value)


class Model(ABC):
    """One channel model on one link: made without arguments, holds nothing between bursts. What comes out is a function
    of the samples and ``state`` alone, ``state.draws`` being a function of the seed."""

    knobs: ClassVar[tuple[tuple[Knob, Value], ...]] = ()
    """Its own live parameters with their defaults. Models that share one share the ``Knob`` and its default."""

    start_options: ClassVar[tuple[StartOption, ...]] = ()
    """What it is told once, at the start."""

    in_pieces: ClassVar[bool] = False
    """Whether a burst may be handed over in pieces, ``state.offset`` saying where each begins: then all pieces together
    must give the bytes of the whole. False: it always gets whole bursts."""

    def snr_db(self, state: State) -> float:
        """Es/N0 in dB that is set for the burst, for a gain of unit power; ``apply`` reports it as ``snr_set_db``."""
        return state.number(SNR_DB)

    @abstractmethod
    def apply(self, samples: NDArray[np.complex64], state: State) -> tuple[NDArray[np.complex64], Report]:
        """What arrives of ``samples``, and what was done to them.

        Args:
            samples: complex64 (n,), not to be written to; anything may be in it, inf and nan included.

        Returns:
            A new array, complex64 (n,), and a report of plain JSON values: ``snr_set_db``, the average Es/N0 in dB;
            ``gain_db``, mean |h|² over these samples in dB, None where nothing of them arrives; and facts of the
            model's own.
        """


class Models(Registry[type[Model]]):
    """The channel models by name. A class that breaks the contract is refused where it registers."""

    def add(self, entry: Entry[type[Model]]) -> None:
        """As :meth:`Registry.add`. Raises SettingError too for what is no model, for a start option that is not named
        after its model, and for a parameter that is declared otherwise elsewhere."""
        made = entry.item
        if not (isinstance(made, type) and issubclass(made, Model)):
            raise SettingError(f"{entry.name}: a channel model is a class derived from channel.models.base.Model")
        check_owner(entry.name, made.start_options)
        known = {knob.name: (knob, default) for other in self._entries.values() for knob, default in other.item.knobs}
        for knob, default in made.knobs:
            knob.check(default)
            if knob.name in OF_THE_CHANNEL or known.get(knob.name, (knob, default)) != (knob, default):
                raise SettingError(f"{entry.name}: there is another parameter {knob.name!r} of the channel")
        made()  # so that one which cannot be made is told here, and not when a burst is waiting
        super().add(entry)


MODELS: Final = Models("channel model", "channel.models", "gvsc.channels")
"""All channel models by name.

The trait ``bench_snrs_db`` of an entry, if there is one, holds Es/N0 in dB at which ``gvsc bench genie`` measures it.
"""

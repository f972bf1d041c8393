"""The channel as a pure object: what the air does to the samples of one burst."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from channel import models
from channel.models.base import SNR_DB, Gain, Model
from channel.models.trace import Trace
from channel.noise import BLOCK, CounterNoise
from common.conventions import DEFAULT_SEED, noise_variance, snr_db_of
from common.errors import BurstError
from common.knobs import Knob, Knobs, Value
from common.seeds import derive


class Channel:
    """The channel models with their live settings: y = h·x + n, h and the noise's power by the model that is set.

    The result for a burst depends on (seed, sequence, sample offset) and the settings alone, not on the bursts before.
    """

    def __init__(
        self,
        *,
        snr_db: float,
        seed: int = DEFAULT_SEED,
        model: str = "awgn",
        settings: Mapping[str, Any] | None = None,
        trace: Trace | None = None,
    ) -> None:
        """``snr_db`` is Es/N0 in dB; ``seed`` seeds noise, fading and erasure; ``settings`` holds parameters of models
        by name of their knob; the model "trace" is there where a ``trace`` is. Raises SettingError."""
        self._trace = trace
        self._models: dict[str, Model] = {}
        self._begin_with(seed)
        which = Knob(
            "model",
            "; ".join(f"{name}: {made.help}" for name, made in self._models.items()),
            kind="choice",
            choices=tuple(self._models),
        )
        parameters = {knob: value for made in self._models.values() for knob, value in made.knobs}
        self.knobs = Knobs([(SNR_DB, snr_db), (which, model), *parameters.items()])
        for key, value in (settings or {}).items():
            self.knobs.set(key, value)

    def _begin_with(self, seed: int) -> None:
        self._seed = seed
        self._noise = CounterNoise(seed)
        self._models = models.build(seed, self._trace)

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

        ``offset`` is the position of the first sample in the burst, for callers that hand a burst over in pieces.
        """
        return self.apply_with(self.knobs.begin(sequence), samples, sequence, offset)

    def apply_with(
        self, settings: Mapping[str, Value], samples: NDArray[np.complex64], sequence: int, offset: int = 0
    ) -> NDArray[np.complex64]:
        """As ``apply``, with settings that the caller has taken from ``knobs.begin`` and wants to report."""
        if samples.ndim != 1 or samples.dtype != np.complex64:
            raise BurstError(f"samples must be complex64 (n,), not {samples.dtype} {samples.shape}")
        if sequence < 0 or offset < 0:
            raise BurstError("sequence and offset must not be negative")
        model = self._models[str(settings["model"])]
        variance = noise_variance(model.snr_db(sequence, settings))
        out = np.empty(samples.size, np.complex64)
        for begin in range(0, samples.size, BLOCK):  # so that the memory for gains does not grow with the burst
            part = samples[begin : begin + BLOCK]
            faded = _times(model.gain(sequence, offset + begin, part.size, settings), part)
            self._noise.add(faded, sequence, variance, offset + begin, out=out[begin : begin + BLOCK])
        return out

    def report(self, settings: Mapping[str, Value], sequence: int, count: int) -> dict[str, Any]:
        """What ``apply_with`` does to a burst of ``count`` samples: ``model``; ``snr_set_db``, its average Es/N0;
        ``gain_db``, mean |h|² over the burst in dB, None for a burst that is lost."""
        model = self._models[str(settings["model"])]
        gain_db = snr_db_of(_power(model.gain(sequence, 0, count, settings)), 1.0)
        return {
            "model": model.name,
            "snr_set_db": model.snr_db(sequence, settings),
            "gain_db": gain_db if np.isfinite(gain_db) else None,
        }


def _times(gain: Gain, samples: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """h·x, complex64 (n,)."""
    if not isinstance(gain, np.ndarray):
        return samples if gain == 1.0 else np.zeros_like(samples) if gain == 0.0 else samples * np.float32(gain)
    out = np.empty(samples.size, np.complex64)
    # By real products, each rounded once: a complex one may be fused or not, by the length of the stretch. What a
    # hostile burst holds (inf, nan) goes through, as it does without fading.
    with np.errstate(over="ignore", invalid="ignore"):
        out.real = gain.real * samples.real - gain.imag * samples.imag
        out.imag = gain.real * samples.imag + gain.imag * samples.real
    return out


def _power(gain: Gain) -> float:
    """Mean |h|²."""
    if not isinstance(gain, np.ndarray):
        return gain**2
    return float(np.vdot(gain, gain).real) / gain.size if gain.size else 1.0

"""What known symbols tell of the channel: its gain, whether and how fast that moves, its noise, the SNR.

Received y = h·x + n at known x. Two models of the gain compete. **Constant**: h the same for the whole burst, estimated
by least squares. **Moving**: h(t) = μ + g(t), μ unknown, g a Gaussian process of correlation 2^(−(τ/L)²), L the
coherence length (docs/conventions.md). Its likelihood, μ and the noise variance taken out (restricted maximum
likelihood: H. D. Patterson, R. Thompson, 1971), is worked out on a grid of L and of the power of g over that of the
noise. The gain moves if the best of these is ahead of the constant by ``LOG_LIKELIHOOD_AHEAD``; then each sample's gain
is its conditional mean (Wiener interpolation), with the variance of its error. On a channel that does not move the test
errs in less than one burst of a thousand, so that nothing is lost there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.conventions import snr_db_of

SNR_DB_RANGE = (-20.0, 40.0)
"""An estimate is clipped to this: beyond it, a few hundred known symbols say no more than "very bad" or "very good"."""

LOG_LIKELIHOOD_AHEAD = 7.0
"""How far the log-likelihood of a moving gain must be ahead of that of a constant one."""

BLOCKS = 128
"""Most stretches of a burst within which the gain counts as constant while it is estimated."""

_LEAST_VARIANCE = 1e-4
_LEAST_GAIN = 1e-6
_POWER_RATIOS = 10.0 ** np.arange(-2.0, 4.01, 0.5)
"""Power of g over that of the noise of one symbol: −20 … 40 dB."""
_LONGEST = 4.0
"""Longest coherence on the grid, in bursts."""
_GRID_STEPS = 4
"""Points within a coherence length, or more, at which a moving gain is worked out; between them it is a line."""


@dataclass(frozen=True)
class Estimate:
    """The gain of each sample of a burst and the noise on it.

    ``gain`` is a complex number, or complex128 (n,) where it moves, of all n samples. ``noise_power`` is that of the
    received samples, total; ``gain_variance`` that of the error of ``gain``, a number or float64 (n,). ``snr_db`` is
    the mean over the burst; ``coherence_symbols`` is None where the gain does not move.
    """

    gain: complex | NDArray[np.complex128]
    noise_power: float
    gain_variance: float | NDArray[np.float64]
    snr_db: float
    coherence_symbols: float | None = None

    @property
    def noise_variance(self) -> float:
        """Mean noise relative to the signal, as the SNR says."""
        return max(10.0 ** (-self.snr_db / 10.0), _LEAST_VARIANCE)

    def equalise(
        self, samples: NDArray[np.complex64], places: NDArray[np.int64]
    ) -> tuple[NDArray[np.complex64], float | NDArray[np.float64]]:
        """Symbols y / h at ``places`` of the burst, complex64 (m,), and the variance of the noise on them.

        The variance, total and complex, is a number where the gain is one, else float64 (m,): for decoders that weigh.
        """
        gain, variance = self._at(places)
        symbols = (samples[places] / gain).astype(np.complex64)
        if isinstance(variance, float):
            return symbols, self.noise_variance
        return symbols, np.maximum(variance / np.abs(gain) ** 2, _LEAST_VARIANCE)

    def equalise_together(
        self, samples: NDArray[np.complex64], places: NDArray[np.int64]
    ) -> tuple[NDArray[np.complex64], float]:
        """Symbols at ``places`` for a code that is spread over them by a unitary transform, and their one SNR in dB.

        Each symbol is weighed by w = |h|² / (|h|² + noise), the minimum of the mean square error; behind the transform
        every value has gain mean(w) and the SNR mean(w) / (1 − mean(w)), known from single-carrier equalisers. With a
        constant gain that is y / h and the SNR.
        """
        gain, variance = self._at(places)
        if isinstance(variance, float):
            return (samples[places] / gain).astype(np.complex64), self.snr_db
        power = np.abs(gain) ** 2 + variance
        mean = min(float(np.mean(np.abs(gain) ** 2 / power)), 1.0 - 1e-6)
        symbols = samples[places] * (np.conj(gain) / (power * max(mean, 1e-12)))
        return symbols.astype(np.complex64), float(np.clip(snr_db_of(mean, 1.0 - mean), *SNR_DB_RANGE))

    def with_noise_power(self, noise_power: float) -> Estimate:
        """The same gain with a noise power that is known from elsewhere: how a comparison with a genie is made."""
        scale = noise_power / self.noise_power if self.noise_power > 0.0 else 1.0
        signal = _mean_power(self.gain)
        if isinstance(self.gain, complex):
            signal = max(signal - self._constant_variance * scale, 1e-12)
        else:
            signal += float(np.mean(self.gain_variance)) * scale
        snr_db = float(np.clip(snr_db_of(signal, noise_power), *SNR_DB_RANGE))
        return Estimate(self.gain, noise_power, self.gain_variance * scale, snr_db, self.coherence_symbols)

    @property
    def _constant_variance(self) -> float:
        return float(np.mean(self.gain_variance))

    def _at(self, places: NDArray[np.int64]) -> tuple[Any, float | NDArray[np.float64]]:
        """Gain, never 0, and noise with the error of the gain in it, at ``places``."""
        if isinstance(self.gain, complex):
            return self.gain, self.noise_power + self._constant_variance
        assert isinstance(self.gain_variance, np.ndarray)
        gain = self.gain[places]
        gain = np.where(np.abs(gain) < _LEAST_GAIN, _LEAST_GAIN, gain)
        return gain, self.noise_power + self.gain_variance[places]


def estimate(received: NDArray[np.complex64], known: NDArray[np.complex64]) -> Estimate:
    """A constant gain by least squares, and the noise left over, from n received symbols and the n known ones behind.

    h = <known, y> / |known|², σ² = |y − h·known|² / (n − 1), so that both are unbiased for y = h·x + n. The SNR is
    |h|²·mean|known|² / σ²; its standard error is about 4.34·√((1 + 2/SNR) / n) dB with the SNR as a ratio.
    """
    energy = float(np.vdot(known, known).real)
    gain = complex(np.vdot(known, received)) / energy
    residual = received - np.complex64(gain) * known
    noise = float(np.vdot(residual, residual).real) / max(1, received.size - 1)
    # |h|² carries the noise of its own estimate: take that out, or a dead channel looks like a weak signal.
    signal = max(abs(gain) ** 2 - noise / energy, 1e-12)
    snr_db = float(np.clip(snr_db_of(signal * energy / known.size, noise), *SNR_DB_RANGE))
    return Estimate(gain or _LEAST_GAIN + 0j, noise, noise / energy, snr_db)


def track(
    samples: NDArray[np.complex64],
    places: NDArray[np.int64],
    known: NDArray[np.complex64],
    *,
    ahead: float = LOG_LIKELIHOOD_AHEAD,
) -> Estimate:
    """The estimate for all of ``samples`` (n,) from the ``known`` symbols (m,), |x| = 1, sent at ``places`` (m,).

    Constant or moving, as the test at the top of this module says; ``ahead`` overrides its threshold.
    """
    constant = estimate(samples[places], known)
    moving = _Moving(samples, places, known)
    best = moving.best()
    if best is None or best.log_likelihood < moving.constant_log_likelihood + ahead:
        return constant
    return moving.estimate(best)


@dataclass(frozen=True)
class _Model:
    """One point of the grid: coherence length in symbols, power of g over that of the noise, and what follows."""

    log_likelihood: float
    coherence: float
    ratio: float
    mean: complex
    noise: float


class _Moving:
    """Gaussian process regression on averages over short stretches, each of which has one gain."""

    def __init__(self, samples: NDArray[np.complex64], places: NDArray[np.int64], known: NDArray[np.complex64]) -> None:
        self._length = samples.size
        self._span = max(1, -(-samples.size // BLOCKS))
        gains = (samples[places] * known.conj()).astype(np.complex128)
        block = places // self._span
        counts = np.bincount(block, minlength=BLOCKS)
        used = counts > 0
        self._counts = counts[used].astype(np.float64)
        self._centres = (np.bincount(block, places, BLOCKS) / np.maximum(counts, 1))[used]
        sums = np.bincount(block, gains.real, BLOCKS) + 1j * np.bincount(block, gains.imag, BLOCKS)
        self._gains = sums[used] / self._counts
        power = float(np.vdot(gains, gains).real)
        self._within = max(0.0, power - float(np.sum(self._counts * np.abs(self._gains) ** 2)))
        self._degrees = places.size - 1
        total = float(self._counts.sum())
        mean = complex(np.sum(self._counts * self._gains) / total)
        self._constant_noise = max(power - total * abs(mean) ** 2, 1e-30 * max(power, 1.0)) / self._degrees
        self.constant_log_likelihood = -math.log(total) - self._degrees * math.log(self._constant_noise)

    def best(self) -> _Model | None:
        """The likeliest point of the grid, None where there is too little to tell."""
        if self._gains.size < 3:
            return None
        found = None
        coherence = _LONGEST * self._length
        while coherence >= 2 * self._span and coherence >= 8:
            model = self._at(coherence)
            if found is None or model.log_likelihood > found.log_likelihood:
                found = model
            coherence /= 2
        return found

    def _at(self, coherence: float) -> _Model:
        values, vectors = _eigen(self._centres.tobytes(), self._counts.tobytes(), coherence)
        weight = np.sqrt(self._counts)
        columns = vectors.T @ np.stack([weight * self._gains.real, weight * self._gains.imag, weight], axis=1)
        z, one = columns[:, 0] + 1j * columns[:, 1], columns[:, 2]
        spread = 1.0 + _POWER_RATIOS[:, None] * values
        information = np.sum(one**2 / spread, axis=1)
        means = np.sum(one * z / spread, axis=1) / information
        squares = np.sum(np.abs(z - means[:, None] * one) ** 2 / spread, axis=1) + self._within
        noises = np.maximum(squares / self._degrees, 1e-12 * self._constant_noise)
        score = -np.sum(np.log(spread), axis=1) - np.log(information) - self._degrees * np.log(noises)
        i = int(np.argmax(score))
        return _Model(float(score[i]), coherence, float(_POWER_RATIOS[i]), complex(means[i]), float(noises[i]))

    def estimate(self, model: _Model) -> Estimate:
        """Conditional mean and variance of the gain at every sample."""
        step = max(1, min(self._span, int(model.coherence / (4 * _GRID_STEPS))))
        grid = np.arange(0, self._length + step, step, dtype=np.float64)
        own = model.ratio * _correlation(self._centres[:, None] - self._centres, model.coherence)
        cross = model.ratio * _correlation(grid[:, None] - self._centres, model.coherence)
        covariance = own + np.diag(1.0 / self._counts)
        solved = np.linalg.solve(covariance, np.stack([self._gains - model.mean, np.ones(self._gains.size)], axis=1))
        gains = model.mean + cross @ solved[:, 0]
        # what is not known of g given μ, and what is not known of μ
        rest = model.ratio - np.sum(cross * np.linalg.solve(covariance, cross.T).T, axis=1)
        share = 1.0 - cross @ solved[:, 1].real
        variances = model.noise * (np.maximum(rest, 0.0) + share**2 / float(np.sum(solved[:, 1].real)))
        at = np.arange(self._length)
        gain = np.interp(at, grid, gains.real) + 1j * np.interp(at, grid, gains.imag)
        variance = np.interp(at, grid, variances)
        signal = float(np.mean(np.abs(gain) ** 2 + variance))
        snr_db = float(np.clip(snr_db_of(signal, model.noise), *SNR_DB_RANGE))
        return Estimate(gain, model.noise, variance, snr_db, model.coherence)


def _correlation(lag: NDArray[np.float64], coherence: float) -> NDArray[np.float64]:
    return np.exp2(-((lag / coherence) ** 2))


@lru_cache(maxsize=64)
def _eigen(centres: bytes, counts: bytes, coherence: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues and vectors of the correlation of the stretches' gains, weighed by how many symbols tell each."""
    centre, weight = np.frombuffer(centres), np.sqrt(np.frombuffer(counts))
    values, vectors = np.linalg.eigh(weight[:, None] * _correlation(centre[:, None] - centre, coherence) * weight)
    return np.maximum(values, 0.0), vectors


def _mean_power(gain: complex | NDArray[np.complex128]) -> float:
    return float(np.mean(np.abs(gain) ** 2))

"""What the best code of a given length could do: the normal approximation, a bound for all practical purposes.

Source: Y. Polyanskiy, H. V. Poor, S. Verdú, "Channel coding rate in the finite blocklength regime", 2010, with the term
½·log2 n: k ≈ n·C − √(n·V)·Q⁻¹(ε) + ½·log2 n. A square QAM symbol in white noise is two uses of a channel whose input is
one of the levels of an axis, equally likely: C is the mean and V the variance of the information density there, by
quadrature. For 4-QAM that is the binary-input AWGN channel.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from common.conventions import noise_variance
from common.modulation import qam

_NOISE = np.linspace(-9.0, 9.0, 1201)
"""Where the density of unit noise is sampled: the trapezoidal rule is exact to rounding for what is so smooth."""

SEARCH_DB = (-40.0, 60.0)


@lru_cache(maxsize=4096)
def capacity_and_dispersion(snr_db: float, bits_per_symbol: int) -> tuple[float, float]:
    """Bits and bits² an axis of the constellation carries at Es/N0 = ``snr_db``: (C, V); a symbol has twice as much."""
    levels = np.unique(np.round(qam.points(bits_per_symbol).real.astype(np.float64), 6))
    levels *= math.sqrt(0.5 / np.mean(levels**2))
    deviation = math.sqrt(noise_variance(snr_db) / 2.0)
    weights = np.exp(-0.5 * _NOISE**2)
    weights /= weights.sum() * levels.size
    # information density of level a and noise z: log2 p(y | a) / p(y), y = a + deviation·z
    shift = (levels[:, None, None] + deviation * _NOISE[None, :, None] - levels[None, None, :]) / deviation
    exponent = -0.5 * shift**2
    log_sum = np.logaddexp.reduce(exponent, axis=2) - math.log(levels.size)
    density = (-0.5 * _NOISE[None, :] ** 2 - log_sum) / math.log(2.0)
    capacity = float(np.sum(weights * density))
    return capacity, float(np.sum(weights * (density - capacity) ** 2))


def block_error_rate(snr_db: float, information_bits: int, symbols: int, bits_per_symbol: int = 2) -> float:
    """The least block error rate of ``information_bits`` in ``symbols`` QAM symbols at Es/N0 = ``snr_db``, about."""
    capacity, dispersion = capacity_and_dispersion(snr_db, bits_per_symbol)
    n = 2 * symbols
    room = n * capacity + 0.5 * math.log2(n) - information_bits
    spread = math.sqrt(n * dispersion)
    if spread == 0.0:
        return 0.0 if room >= 0.0 else 1.0
    return 0.5 * math.erfc(room / spread / math.sqrt(2.0))


def snr_db_for(error_rate: float, information_bits: int, symbols: int, bits_per_symbol: int = 2) -> float:
    """The Es/N0 in dB at which the bound is ``error_rate``, to 0.001 dB. Raises ValueError where there is none."""
    low, high = SEARCH_DB
    if not 0.0 < error_rate < 1.0 or information_bits >= symbols * bits_per_symbol:
        raise ValueError(
            f"no SNR carries {information_bits} bits in {symbols} symbols at an error rate of {error_rate}"
        )
    while high - low > 5e-4:
        middle = 0.5 * (low + high)
        if block_error_rate(middle, information_bits, symbols, bits_per_symbol) > error_rate:
            low = middle
        else:
            high = middle
    return high

"""The numbers and formulas that every part agrees on. The reasons are in docs/conventions.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from common.errors import SettingError

FRAMES = 8
"""Frames in a clip (paper, IV-A1)."""

SIZE = 256
"""Height and width of a clip in pixels (paper, IV-A1)."""

FPS = 4.0
"""Frames per second of a clip (paper, IV-A2)."""

DEFAULT_SEED = 7777
"""The seed of the paper (IV-A2)."""

SYMBOL_RATE_HZ = 1.0e6
"""Complex symbols per second on the air, so that airtime and recordings have units."""

SNR_DB_LIMITS = (-60.0, 100.0)
"""Range that every SNR setting accepts; beyond it float32 noise means nothing."""


def noise_variance(snr_db: float) -> float:
    """Total variance σ² = 10^(−snr_db/10) of the complex noise for symbols of unit power; half per real dimension."""
    return float(10.0 ** (-snr_db / 10.0))


def snr_db_of(signal_power: float, noise_power: float) -> float:
    """Es/N0 in dB from two powers. Infinite where there is no noise, minus infinite where there is no signal."""
    if noise_power <= 0.0:
        return math.inf
    if signal_power <= 0.0:
        return -math.inf
    return 10.0 * math.log10(signal_power / noise_power)


def ebno_db(snr_db: float, *, bits_per_symbol: int, code_rate: float) -> float:
    """Eb/N0 in dB of a coded section: Es/N0 shared among the ``bits_per_symbol * code_rate`` information bits."""
    return snr_db - 10.0 * math.log10(bits_per_symbol * code_rate)


def cbr(symbols: int, shape: Sequence[int]) -> float:
    """Channel bandwidth ratio K / (3·H·W·F): complex symbols a source sample (paper, III-A).

    ``shape`` is (frames, height, width) of the source clip.
    """
    frames, height, width = shape
    return symbols / (3.0 * frames * height * width)


def airtime_ms(symbols: int) -> float:
    """Milliseconds that so many symbols take on the air, at SYMBOL_RATE_HZ."""
    return 1e3 * symbols / SYMBOL_RATE_HZ


def check_snr_db(value: Any, name: str = "snr_db") -> float:
    """The value as a float, if it is a finite number within ``SNR_DB_LIMITS``. Raises SettingError if not."""
    low, high = SNR_DB_LIMITS
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise SettingError(f"{name} must be a number of dB, not {value!r}") from None
    if not math.isfinite(number) or not low <= number <= high:
        raise SettingError(f"{name} must lie within {low:g} … {high:g} dB, not {value!r}")
    return number

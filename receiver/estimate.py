"""What known symbols tell of the channel: its gain, its noise, the SNR."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from common.conventions import snr_db_of

SNR_DB_RANGE = (-20.0, 40.0)
"""An estimate is clipped to this: beyond it, a few hundred known symbols say no more than "very bad" or "very good"."""

_LEAST_VARIANCE = 1e-4


@dataclass(frozen=True)
class Estimate:
    """``gain`` is complex; ``noise_variance`` is total and relative to the equalised symbols y / gain."""

    gain: complex
    noise_variance: float
    snr_db: float

    def equalise(self, received: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """Received symbols with the gain taken out, complex64 (n,)."""
        return (received / np.complex64(self.gain)).astype(np.complex64)


def estimate(received: NDArray[np.complex64], known: NDArray[np.complex64]) -> Estimate:
    """Least-squares gain and the noise left over, from n received symbols and the n known ones behind them.

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
    return Estimate(gain or 1e-6 + 0j, max(noise / signal, _LEAST_VARIANCE), snr_db)

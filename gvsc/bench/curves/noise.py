"""White noise for symbols of unit power."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from common.conventions import noise_variance


def add_noise(
    symbols: NDArray[np.complex64], snr_db: float, rng: np.random.Generator
) -> tuple[NDArray[np.complex64], float]:
    """``symbols`` plus CN(0, σ²), σ² = 10^(−snr_db/10), and σ²."""
    variance = noise_variance(snr_db)
    noise = rng.standard_normal((*symbols.shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    return symbols + noise * np.float32(np.sqrt(variance / 2.0)), variance

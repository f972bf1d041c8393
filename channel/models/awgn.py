"""Additive white Gaussian noise: y = x + n, n ~ CN(0, σ²), σ² = 10^(−snr_db/10) (paper, IV-A2)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from channel.noise import CounterNoise
from common.conventions import SNR_DB_LIMITS, noise_variance
from common.knobs import Knob, Value

NAME = "awgn"

SNR_DB = Knob(
    "snr_db",
    "Es/N0 per complex symbol of unit power",
    unit="dB",
    low=SNR_DB_LIMITS[0],
    high=SNR_DB_LIMITS[1],
)

KNOBS = (SNR_DB,)


def apply(
    samples: NDArray[np.complex64], sequence: int, offset: int, settings: Mapping[str, Value], noise: CounterNoise
) -> NDArray[np.complex64]:
    """``samples`` (n,) of burst ``sequence`` from ``offset`` on, with noise for ``settings["snr_db"]``, as a new array.

    The samples are not rescaled: the SNR is what the label says for symbols of unit power, which every section has.
    """
    snr_db = settings[SNR_DB.name]
    assert isinstance(snr_db, (int, float))
    return noise.add(samples, sequence, noise_variance(snr_db), offset)

"""Additive white Gaussian noise: y = x + n, n ~ CN(0, σ²), σ² = 10^(−snr_db/10) (paper, IV-A2)."""

from __future__ import annotations

from channel.models.base import MODELS
from channel.models.flat import FlatFading


@MODELS.register("awgn", "white Gaussian noise", default=True, bench_snrs_db=(-2.0, 0.0, 5.0, 10.0))
class Awgn(FlatFading):
    """Noise alone: the gain is 1."""

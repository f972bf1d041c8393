"""Additive white Gaussian noise: y = x + n, n ~ CN(0, σ²), σ² = 10^(−snr_db/10) (paper, IV-A2)."""

from __future__ import annotations

from channel.models.base import Model


class Awgn(Model):
    """Noise alone: the gain is 1."""

    name = "awgn"
    help = "white Gaussian noise"

"""Rayleigh fading: y = h·x + n with h ~ CN(0, 1), flat over frequency, moving within a burst, new for each burst."""

from __future__ import annotations

from channel.models.base import MODELS
from channel.models.scatter import Scattered


@MODELS.register("rayleigh", "flat fading, no direct path", bench_snrs_db=(5.0, 10.0, 15.0, 20.0))
class Rayleigh(Scattered):
    """Scattered paths without a direct one."""

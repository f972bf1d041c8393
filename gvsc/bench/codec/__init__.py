"""Picture codecs against the SNR, beside what else could be sent in as many symbols: ``gvsc bench codec``."""

from __future__ import annotations

from typing import Final

NAMES: Final = ("djscc-frame", "djscc-rgb", "djscc-sketch")

SNRS_DB: Final = (-5.0, 0.0, 3.0, 5.0, 10.0, 15.0, 20.0)
"""Es/N0 in dB at which each is measured."""

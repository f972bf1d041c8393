"""Wrong blocks that pass for right: in noise alone, where every block is hopeless, and where about half of them are."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from common import mcs
from gvsc.bench.curves import header, ldpc, text
from gvsc.bench.curves.engine import Curve, CurveSet

NOISE_DB = -30.0
"""Es/N0 that stands for noise alone."""


def curves() -> CurveSet:
    """The description at three code rates, the header as it is received, and LDPC."""
    made = [
        _at(text.curve(768, Fraction(1, 8)), -5.5),
        _at(text.curve(768, Fraction(1, 3)), -1.75),
        _at(text.curve(768, Fraction(1, 2)), 0.75),
        _at(header.curves().curves[1], -7.0),
        _at(ldpc.curve(mcs.by_name("4-QAM 1/3")), -1.75),
    ]
    return CurveSet("undetected", "Wrong blocks that pass for right", made, max_trials=20_000)


def _at(curve: Curve, edge_db: float) -> Curve:
    return replace(curve, snrs_db=(NOISE_DB, edge_db), until="undetected")

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from common import mcs
from common.coding import transport
from common.errors import SchemeError
from gvsc.bench.curves import engine

MEASURED = Path(__file__).resolve().parents[2] / "docs/results/link/ldpc.json"


def test_efficiency_and_threshold_rise_together():
    efficiencies = [entry.efficiency for entry in mcs.TABLE]
    thresholds = [entry.threshold_snr_db for entry in mcs.TABLE]
    assert all(np.diff(efficiencies) > 0)
    assert all(np.diff(thresholds) > 0)


def test_thresholds_are_those_measured():
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    assert measured["complete"]
    by_name = {curve["name"]: curve for curve in measured["curves"]}
    assert set(by_name) == {entry.name for entry in mcs.TABLE}
    for entry in mcs.TABLE:
        curve = by_name[entry.name]
        assert curve["symbols"] == mcs.BLOCK_SYMBOLS
        assert curve["information_bits"] == mcs.bits_for_symbols(mcs.BLOCK_SYMBOLS, entry)
        threshold = engine.threshold_snr_db(curve["points"], mcs.THRESHOLD_ERROR_RATE)
        assert entry.threshold_snr_db == pytest.approx(threshold, abs=0.006), entry.name


def test_best_for_is_the_fastest_that_fits():
    assert mcs.best_for(-30.0) is None
    assert mcs.best_for(40.0) is mcs.TABLE[-1]
    for index, entry in enumerate(mcs.TABLE):
        assert mcs.best_for(entry.threshold_snr_db) is entry
        assert mcs.best_for(entry.threshold_snr_db + 2.0, margin_db=2.0) is entry
        below = mcs.best_for(entry.threshold_snr_db - 0.001)
        assert below is (mcs.TABLE[index - 1] if index else None)


@pytest.mark.parametrize("entry", mcs.TABLE, ids=lambda entry: entry.name)
def test_budgets_are_exact(entry):
    """What is promised can be planned at no higher a code rate, and one symbol fewer carries less."""
    rng = np.random.default_rng(1)
    for symbols in (*range(20, 60), *rng.integers(60, 60_000, 60).tolist()):
        bits = mcs.bits_for_symbols(symbols, entry)
        assert bits >= mcs.bits_for_symbols(symbols - 1, entry)
        if bits:
            made = transport.plan(bits, symbols, entry.bits_per_symbol)
            assert sum(made.symbols) == symbols
            coded = symbols * entry.bits_per_symbol * entry.code_rate
            assert made.k * len(made.symbols) <= coded
            overhead = len(made.symbols) * (transport.CRC_BITS + 1)
            assert bits >= coded - overhead - 1 or made.k == transport.most_segment_bits(3 * entry.code_rate <= 1)
    for bits in (0, 1, 24, *rng.integers(2, 60_000, 30).tolist()):
        symbols = mcs.symbols_for_bits(bits, entry)
        assert mcs.bits_for_symbols(symbols, entry) >= bits
        assert symbols == 0 or mcs.bits_for_symbols(symbols - 1, entry) < bits


def test_names_find_their_entries():
    assert all(mcs.by_name(entry.name) is entry for entry in mcs.TABLE)
    with pytest.raises(SchemeError, match="16-QAM 3/4"):
        mcs.by_name("QPSK")


@pytest.mark.parametrize("wrong", [-1, mcs.MOST_SYMBOLS + 1])
def test_budgets_that_are_none_are_refused(wrong):
    with pytest.raises(SchemeError):
        mcs.bits_for_symbols(wrong, mcs.TABLE[0])
    with pytest.raises(SchemeError):
        mcs.symbols_for_bits(-1 if wrong < 0 else 10**9, mcs.TABLE[0])


@pytest.mark.slow
def test_a_block_at_its_threshold_arrives():
    """At each threshold one block in a hundred is lost: of 30 at most four, and 1.5 dB below, most."""
    from gvsc.bench.curves import ldpc

    for entry in mcs.TABLE[::4]:
        curve = ldpc.curve(entry)
        lost = [
            curve.trial_at(entry.threshold_snr_db + offset)(np.random.default_rng(1), 30)["block_errors"]
            for offset in (0.0, -1.5)
        ]
        assert lost[0] <= 4, entry.name
        assert lost[1] >= 25, entry.name

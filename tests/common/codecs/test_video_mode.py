from __future__ import annotations

from fractions import Fraction

import pytest

from common import mcs
from common.codecs import video_mode
from common.coding import transport
from common.errors import SchemeError


def test_the_budget_is_the_papers():
    assert video_mode.symbol_count(8, 256, 256) == 12_583


@pytest.mark.parametrize(("rate", "count"), [("1/2", 1566), ("2/3", 2091), ("3/4", 2350), ("5/6", 2612)])
def test_fixed_rates_are_4_qam_at_no_higher_a_code_rate(rate: str, count: int):
    number = video_mode.choose(rate, -60.0)
    assert number == video_mode.choose(rate, 100.0)
    mode = video_mode.MODES[number]
    assert (mode.bits_per_symbol, mode.code_rate) == (2, Fraction(rate))
    assert video_mode.byte_count(12_583, number) == count
    plan = transport.plan(8 * count, 12_583, 2)
    assert plan.k <= mode.code_rate * 2 * min(plan.symbols)


def test_every_mode_fits_into_four_bits_and_the_tables_come_first():
    assert video_mode.MODES[: len(mcs.TABLE)] == mcs.TABLE
    assert len(video_mode.MODES) <= 16
    assert len({mode.name for mode in video_mode.MODES}) == len(video_mode.MODES)


def test_adaptive_is_the_tables_entry_for_the_snr():
    for number, mode in enumerate(mcs.TABLE):
        assert video_mode.choose("adaptive", mode.threshold_snr_db) == number
        assert video_mode.choose("adaptive", mode.threshold_snr_db + 0.99, margin_db=1.0) == max(number - 1, 0)
    assert video_mode.choose("adaptive", -60.0) == 0


def test_another_rate_is_refused():
    with pytest.raises(SchemeError, match="no video rate '1/3': there are 1/2, 2/3, 3/4, 5/6, adaptive"):
        video_mode.choose("1/3", 5.0)

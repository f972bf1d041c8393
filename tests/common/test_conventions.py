"""The formulas of docs/conventions.md against numbers worked out by hand, and the paper's own."""

from __future__ import annotations

import math

import pytest

from common import seeds
from common.conventions import airtime_ms, cbr, check_snr_db, ebno_db, noise_variance, snr_db_of
from common.errors import SettingError


def test_cbr_of_the_papers_schemes() -> None:
    assert cbr(1147.56, (8, 256, 256)) == pytest.approx(0.0007, abs=5e-5)
    assert cbr(12288, (8, 256, 256)) == pytest.approx(0.0078, abs=5e-5)


def test_airtime_is_that_of_a_million_symbols_a_second() -> None:
    assert airtime_ms(9246) == pytest.approx(9.246)


def test_noise_variance_is_the_inverse_of_the_snr() -> None:
    assert noise_variance(0) == 1
    assert noise_variance(10) == pytest.approx(0.1)
    assert snr_db_of(1, noise_variance(-3.7)) == pytest.approx(-3.7)
    assert snr_db_of(1, 0) == math.inf
    assert snr_db_of(0, 1) == -math.inf


def test_ebno_of_turbo_coded_qpsk() -> None:
    assert ebno_db(0, bits_per_symbol=2, code_rate=1 / 3) == pytest.approx(1.76, abs=0.01)


@pytest.mark.parametrize("bad", ["x", None, math.nan, math.inf, -1000, []])
def test_what_is_no_snr(bad: object) -> None:
    with pytest.raises(SettingError):
        check_snr_db(bad)


def test_seeds_differ_by_each_part_and_repeat() -> None:
    made = {seeds.derive(s, c, stage) for s in (7777, 7778) for c in (0, 1) for stage in ("generate", "noise")}
    assert len(made) == 8
    assert seeds.derive(7777, 0, "generate") == seeds.derive(7777, 0, "generate")
    assert all(0 <= seed < 2**63 for seed in made)

"""The adaptive scheme on the live system, once down and up."""

from __future__ import annotations

from itertools import pairwise

import pytest

from gvsc.bench import adaptive


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_the_live_system_walks_down_to_the_description_alone_and_back():
    made = adaptive.measure(1, lambda line: None)
    walked = [(burst["snr_db"], burst["scheme"]) for burst in made["walk"]]
    assert [snr_db for snr_db, _ in walked] == [*range(12, -8, -1), *range(-6, 13)]
    assert walked[0][1] == walked[-1][1] == "first-frame-desc"
    # at -7 dB the transmitter cannot but see that it is below -5; it sees it two bursts later
    assert walked[21][1] == "desc-only"
    assert {burst["modes"]["description"] for burst in made["walk"]} == {"1/8", "1/6", "1/4", "1/3", "1/2"}
    # what the transmitter believes follows the channel, a window behind
    for burst, (earlier_db, _) in zip(made["walk"][2:], walked, strict=False):
        assert burst["tx_snr_db"] == pytest.approx(earlier_db, abs=2.5)
    assert made["failed_above"]["header"]["failed"] == made["failed_above"]["description"]["failed"] == 0


def test_the_walk_is_ramps_of_one_decibel_a_burst():
    walk = adaptive.walk(2)
    assert len(walk) == 77
    assert {abs(b - a) for a, b in pairwise(walk)} == {1}
    assert (walk.count(-7), walk.count(12)) == (2, 3)

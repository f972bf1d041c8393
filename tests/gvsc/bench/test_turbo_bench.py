from __future__ import annotations

from gvsc.bench.turbo import measure


def test_the_decoder_is_fast_and_right():
    made = measure(200, 64, 8, lambda line: None, seed=1)
    assert (made["k"], made["iterations"], made["batch"], made["threads"], made["blocks"]) == (768, 8, 64, 1, 200)
    assert made["ms_per_block"] < 1.0
    assert made["ratio_vs_commpy"] > 200.0
    assert 0.15 < made["bler"]["-1.5"] < 0.5
    assert made["bler"]["-1.0"] < 0.05
    for snr_db, (low, high) in made["bler_interval"].items():
        assert low <= made["bler"][snr_db] <= high

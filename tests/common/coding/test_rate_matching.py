from __future__ import annotations

import numpy as np
import pytest

from common.coding import qpp, rate_matching, turbo


@pytest.mark.parametrize("K", [40, 48, 512, 528, 784, 6144])
def test_once_round_is_every_coded_bit_once(K):
    length = turbo.coded_length(K)
    assert np.array_equal(np.sort(rate_matching.positions(K, K, length)), np.arange(length))


@pytest.mark.parametrize(("K", "used"), [(40, 17), (528, 520), (2112, 2056)])
def test_the_filling_is_not_sent(K, used):
    length = turbo.coded_length(K) - (K - used)
    sent = rate_matching.positions(K, used, length)
    expected = np.setdiff1d(np.arange(turbo.coded_length(K)), 3 * np.arange(used, K))
    assert np.array_equal(np.sort(sent), expected)


def test_more_than_once_round_begins_again():
    once = rate_matching.positions(784, 784, 2364)
    more = rate_matching.positions(784, 784, 6284)
    assert np.array_equal(more[:2364], once)
    assert np.array_equal(more, np.resize(once, 6284))
    counts = np.bincount(more)
    assert counts.min() == 2
    assert counts.max() == 3


def test_the_order_is_the_standard_s():
    """K = 40, D = 44: by the text of TS 36.212, 5.1.4.1.1 and 5.1.4.1.2, with lists and None."""
    K, D, rows = 40, 44, 2
    columns = [int(f"{c:05b}"[::-1], 2) for c in range(32)]  # the permutation of table 5.1.4-1 reverses the bits
    streams = [[None] * (64 - D) + [3 * k + i for k in range(D)] for i in range(3)]
    v0, v1 = ([y[columns[c] + 32 * r] for c in range(32) for r in range(rows)] for y in streams[:2])
    v2 = [streams[2][(columns[k // rows] + 32 * (k % rows) + 1) % 64] for k in range(64)]
    w = v0 + [v for pair in zip(v1, v2, strict=True) for v in pair]
    k0 = rows * (2 * int(np.ceil(len(w) / (8 * rows))) * 0 + 2)
    read = [w[(k0 + j) % len(w)] for j in range(len(w))]
    expected = [value for value in read if value is not None]
    assert rate_matching.positions(K, K, len(expected)).tolist() == expected


@pytest.mark.parametrize("K", qpp.BLOCK_SIZES[::17])
def test_what_is_left_out_at_rate_one_half_is_parity_spread_evenly(K):
    sent = rate_matching.positions(K, K, 2 * K + 12)
    assert np.unique(sent).size == sent.size
    systematic = np.isin(3 * np.arange(K), sent).mean()
    first, second = (np.isin(3 * np.arange(K) + i, sent).mean() for i in (1, 2))
    assert systematic > 0.85
    assert first == pytest.approx(second, abs=0.1)


def test_nonsense_is_refused():
    for arguments in ((41, 41, 100), (40, 0, 100), (40, 41, 100), (40, 40, 0)):
        with pytest.raises(ValueError, match="rate matching"):
            rate_matching.positions(*arguments)

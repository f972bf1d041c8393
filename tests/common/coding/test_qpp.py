from __future__ import annotations

import numpy as np
import pytest

from common.coding import qpp


def test_the_sizes_are_those_of_the_standard():
    expected = [*range(40, 513, 8), *range(528, 1025, 16), *range(1056, 2049, 32), *range(2112, 6145, 64)]
    assert list(qpp.BLOCK_SIZES) == expected
    assert len(expected) == 188


@pytest.mark.parametrize("K", qpp.BLOCK_SIZES)
def test_every_size_gives_a_permutation(K):
    indices = qpp.permutation(K)
    assert np.array_equal(np.sort(indices), np.arange(K))
    f1, f2 = qpp.COEFFICIENTS[K]
    assert indices.tolist() == [(f1 * i + f2 * i * i) % K for i in range(K)]


def test_the_permutation_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        qpp.permutation(40)[0] = 1


def test_next_size():
    assert [qpp.next_block_size(n) for n in (1, 40, 41, 48, 512, 513, 784, 785, 2056, 6144)] == [
        40, 40, 48, 48, 512, 528, 784, 800, 2112, 6144,
    ]  # fmt: skip


@pytest.mark.parametrize("n", [0, -1, 6145])
def test_no_size_holds_nothing_or_too_much(n):
    with pytest.raises(ValueError, match="1 to 6144"):
        qpp.next_block_size(n)


@pytest.mark.parametrize("K", [0, 39, 41, 520, 6145])
def test_other_sizes_have_no_permutation(K):
    with pytest.raises(ValueError, match="block size"):
        qpp.permutation(K)

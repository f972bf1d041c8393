from __future__ import annotations

import pytest
import torch

from common.codecs import lapped
from common.codecs.linear import cosines


@pytest.mark.parametrize("length", [32, 64, 96, 256, 768])
def test_the_transform_is_orthonormal(length: int) -> None:
    matrix = lapped.matrix(length).double()
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(length, dtype=torch.float64), atol=1e-5, rtol=0.0)


def test_one_block_is_a_cosine_transform() -> None:
    torch.testing.assert_close(lapped.matrix(32), cosines(32), atol=1e-6, rtol=0.0)


def test_functions_reach_over_borders_and_no_farther() -> None:
    matrix = lapped.matrix(128)
    middle = matrix[32:64]
    assert (middle[:, 32 - lapped.OVERLAP : 32].abs().amax() > 0.05).item()
    assert middle[:, : 32 - lapped.OVERLAP].abs().amax() < 1e-6
    assert middle[:, 64 + lapped.OVERLAP :].abs().amax() < 1e-6


def test_it_packs_a_correlated_signal_better_than_blocks() -> None:
    place = torch.arange(256)
    covariance = 0.97 ** (place[:, None] - place[None, :]).abs().double()

    def gain(matrix: torch.Tensor) -> float:
        variances = torch.diagonal(matrix.double() @ covariance @ matrix.double().T)
        return float(-variances.log().mean())

    blocks = torch.block_diag(*[cosines(32)] * 8)
    assert gain(lapped.matrix(256)) > gain(blocks) + 0.005

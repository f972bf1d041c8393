"""Edge F1: lines within two pixels agree, all else does not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from gvsc.evaluation.metrics.edge_f1 import edge_f1, thin


def line(column: float, width: float = 1.0, height: float = 1.0, rows: slice = slice(None)) -> np.ndarray:
    """An upright line (64, 64) with a Gaussian profile."""
    made = np.zeros((64, 64), np.float32)
    made[rows] = height * np.exp(-0.5 * ((np.arange(64) - column) / width) ** 2)
    return made


@pytest.mark.parametrize("width", [1.0, 2.0, 4.0])
def test_a_band_has_one_ridge_along_its_middle(width: float) -> None:
    ridge = thin(line(31, width)) & (line(31, width) > 0.1)
    assert (ridge.sum(1) == 1).all()
    assert ridge[:, 31].all()


@pytest.mark.parametrize("degrees", [0, 20, 45, 70, 90, 130])
def test_a_ridge_is_found_in_every_direction(degrees: float) -> None:
    rows, columns = np.indices((64, 64)) - 31.5
    turn = np.radians(degrees)
    across = rows * np.cos(turn) + columns * np.sin(turn)
    edges = np.exp(-0.5 * (across / 2) ** 2).astype(np.float32)
    ridge = thin(edges) & (edges >= 0.3)
    inner = (slice(4, -4), slice(4, -4))
    assert np.abs(across[inner][ridge[inner]]).max() < 1.0
    # without gaps: from every pixel of the middle it is not far
    assert ndimage.distance_transform_edt(~ridge)[inner][np.abs(across[inner]) < 0.6].max() < 1.5


@pytest.mark.parametrize(("shift", "f1"), [(0, 1.0), (2, 1.0), (3, 0.0)])
def test_the_tolerance_is_two_pixels(shift: float, f1: float) -> None:
    assert edge_f1(line(30), line(30 + shift)) == f1


def test_f1_is_the_harmonic_mean_of_precision_and_recall() -> None:
    both = np.maximum(line(15), line(45))
    assert edge_f1(both, line(15)) == pytest.approx(2 / 3)  # precision 1/2, recall 1
    assert edge_f1(line(15), both) == pytest.approx(2 / 3)
    three = np.maximum(both, line(30))
    assert edge_f1(three, line(15)) == pytest.approx(0.5)  # precision 1/3, recall 1


def test_faint_lines_are_none() -> None:
    assert edge_f1(line(30, height=0.25), line(30)) == 0.0
    assert edge_f1(line(30, height=0.25), np.zeros((64, 64), np.float32)) == 1.0


def test_drawing_everything_does_not_pay() -> None:
    rng = np.random.default_rng(0)
    assert edge_f1(rng.random((64, 64)).astype(np.float32), line(30)) < 0.4
    assert edge_f1(np.ones((64, 64), np.float32), line(30)) < 0.4

"""Edge F1: how far the lines of two edge maps agree, within a tolerance of two pixels (as in BSDS benchmarks)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gvsc.evaluation.metrics.base import METRICS

THRESHOLD: Final = 0.3
"""A ridge of at least this brightness is an edge. One fixed value for all maps."""

TOLERANCE: Final = 2.0
"""Pixels between two edges that still agree."""

LEAST_DENSITY: Final = 0.04
"""Pictures whose reference has a smaller part of its pixels on edges say little."""

_SMOOTH: Final = 1.0  # pixels; ridges of unsmoothed maps are ragged


def thin(edges: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a map (H, W) has a ridge: its largest value across the line (non-maximum suppression)."""
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(np.asarray(edges, np.float64), _SMOOTH)
    by_row, by_column = np.gradient(smooth)
    rr, rc = np.gradient(by_row)
    cr, cc = np.gradient(by_column)
    # Across the line the map bends most, and downwards: the direction of the Hessian's largest eigenvalue by amount. On
    # the flanks of a band that one is positive.
    bend = rr + cc  # the sum of the eigenvalues has the larger one's sign
    angle = 0.5 * np.arctan2(rc + cr, rr - cc) + np.pi / 2
    step_r, step_c = np.cos(angle), np.sin(angle)
    rows, columns = np.indices(smooth.shape)
    first, second = (
        ndimage.map_coordinates(smooth, [rows + s * step_r, columns + s * step_c], order=1, mode="nearest")
        for s in (1.0, -1.0)
    )
    ridge: NDArray[np.bool_] = (smooth >= first) & (smooth > second) & (bend < 0)
    return ridge


@METRICS.register("edge_f1", "how far the lines of two edge maps agree", of="sketch", better="higher", label="edge F1")
def edge_f1(
    source: NDArray[np.float32],
    received: NDArray[np.float32],
    threshold: float = THRESHOLD,
    tolerance: float = TOLERANCE,
) -> float:
    """F1 in [0, 1] of the lines of one edge map against those of another, both thinned, (H, W) in [0, 1].

    An edge pixel is right if the other map has one within ``tolerance`` pixels. Both maps count alike, so their order
    does not matter. Two empty maps agree: 1.
    """
    from scipy import ndimage

    mine, theirs = (thin(edges) & (edges >= threshold) for edges in (received, source))
    if not mine.any() or not theirs.any():
        return float(mine.any() == theirs.any())
    precision = float((ndimage.distance_transform_edt(~theirs)[mine] <= tolerance).mean())
    recall = float((ndimage.distance_transform_edt(~mine)[theirs] <= tolerance).mean())
    return 2 * precision * recall / max(precision + recall, 1e-12)

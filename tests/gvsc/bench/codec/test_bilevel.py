"""The bilevel code: exact within its budget, near the entropy, and what it draws is what was there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from common.errors import WeightsError
from gvsc.bench.codec import bilevel, bilevel_kernel
from gvsc.evaluation.metrics.edge_f1 import edge_f1


@pytest.fixture(scope="module")
def ones():
    return bilevel.load()


def sketch() -> np.ndarray:
    """Two rings, a slanted line and a dot, soft as a sketcher draws them."""
    rows, columns = np.indices((256, 256))
    sharp = np.zeros((256, 256))
    for radius in (40, 90):
        sharp[np.abs(np.hypot(rows - 120, columns - 130) - radius) < 0.7] = 1
    sharp[np.abs(0.7 * rows - columns + 20) < 0.7] = 1
    sharp[240, 240] = 1
    return np.clip(2 * ndimage.gaussian_filter(sharp, 1.0), 0, 1).astype(np.float32)


@pytest.mark.parametrize("density", [0.0, 0.001, 0.06, 0.5, 1.0])
@pytest.mark.parametrize("side", [24, 104])
def test_grids_come_back(ones, density, side):
    rng = np.random.default_rng(round(1000 * density) + side)
    table = ones[bilevel.SIDES.index(side)]
    for _ in range(5):
        grid = (rng.random((side, side)) < density).astype(np.uint8)
        bits = bilevel._packed(grid, table)
        behind = np.zeros(bits.size + int(rng.integers(50)), np.uint8)
        behind[: bits.size] = bits
        np.testing.assert_array_equal(bilevel._unpacked(behind, side, table), grid)


def test_worst_case_fits_the_buffer():
    """Every cell is what the table thinks least likely."""
    unlikely = np.full(1 << bilevel_kernel.NEIGHBOURS, bilevel_kernel.LEAST, np.int64)
    grid = np.ones((192, 192), np.uint8)
    bits = bilevel._packed(grid, unlikely)
    assert bits.size == pytest.approx(11 * grid.size, rel=1e-3)
    np.testing.assert_array_equal(bilevel._unpacked(bits, 192, unlikely), grid)


def test_length_is_the_entropy():
    """Independent cells with the right probability: within two bits of the ideal code length."""
    rng = np.random.default_rng(5)
    grid = (rng.random((128, 128)) < 0.1).astype(np.uint8)
    table = np.full(1 << bilevel_kernel.NEIGHBOURS, round(0.1 * bilevel_kernel.ONE), np.int64)
    set_ = int(grid.sum())
    ideal = -set_ * np.log2(0.1) - (grid.size - set_) * np.log2(0.9)
    assert ideal - 1 <= bilevel._packed(grid, table).size <= ideal + 3


@pytest.mark.parametrize("room", [300, 700, 2700])
def test_budget_and_quality(ones, room):
    packed, plain = (bilevel.Bilevel(ones, packed=way) for way in (True, False))
    found = {}
    for way, code in (("packed", packed), ("plain", plain)):
        bits = code.encode(sketch(), room)
        assert 0 < bits.size <= room
        padded = np.zeros(room, np.uint8)
        padded[: bits.size] = bits
        found[way] = edge_f1(code.decode(padded), sketch())
    assert found["packed"] > found["plain"]
    assert found["packed"] > {300: 0.5, 700: 0.85, 2700: 0.97}[room]


def test_an_empty_sketch_and_no_room(ones):
    empty = np.zeros((256, 256), np.float32)
    for code in (bilevel.Bilevel(ones), bilevel.Bilevel(ones, packed=False)):
        bits = np.zeros(400, np.uint8)
        coded = code.encode(empty, 400)
        bits[: coded.size] = coded
        assert not code.decode(bits).any()
    assert bilevel.Bilevel(ones).encode(sketch(), 5).size == 0
    assert not bilevel.Bilevel(ones).decode(np.zeros(5, np.uint8)).any()


def test_probabilities_are_fitted():
    table = bilevel.fit(np.stack([sketch()] * 3))
    assert table[0, 0] < 0.05 * bilevel_kernel.ONE  # nothing around: nothing here
    bits = bilevel._packed(bilevel.shrunk(sketch() > 0.9, 64), table[bilevel.SIDES.index(64)].astype(np.int64))
    assert bits.size < bilevel._packed(bilevel.shrunk(sketch() > 0.9, 64), np.full(1024, 6000, np.int64)).size


def test_missing_file(tmp_path):
    with pytest.raises(WeightsError, match="reinstall"):
        bilevel.load(tmp_path / "none.safetensors")

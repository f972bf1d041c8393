"""One sketch or several through one section."""

from __future__ import annotations

import numpy as np
import pytest

from common.codecs.sketches import SketchesCodec
from common.errors import BurstError, ClipError
from common.sections import section
from common.sections.base import Slot


@pytest.fixture(scope="module")
def codec() -> SketchesCodec:
    return SketchesCodec.load()


def lines(count: int) -> np.ndarray:
    """Sketches (count, 64, 96): a line that moves."""
    drawn = np.zeros((count, 64, 96), np.float32)
    for k in range(count):
        drawn[k, 10 + 5 * k : 13 + 5 * k, 8:80] = 1
    return drawn


@pytest.mark.parametrize("count", [1, 4])
def test_sketches_come_back_in_their_order(codec: SketchesCodec, count: int) -> None:
    sent = lines(count)
    symbols = codec.encode(sent, 10.0)
    assert symbols.shape == (section("sketches").symbols(Slot(count, 64, 96)),)
    assert symbols.dtype == np.complex64
    assert np.mean(np.abs(symbols) ** 2) == pytest.approx(1, abs=1e-4)
    back = codec.decode(symbols, 10.0, count, 64, 96)
    assert back.shape == sent.shape
    assert back.dtype == np.float32
    assert 0 <= back.min() <= back.max() <= 1
    for k in range(count):
        assert np.corrcoef(back[k].ravel(), sent[k].ravel())[0, 1] > 0.8
    # each by itself: what one is does not hang on the others
    np.testing.assert_array_equal(codec.decode(symbols[: symbols.size // count], 10.0, 1, 64, 96)[0], back[0])


def test_a_sketch_at_the_default_size_has_the_papers_symbols() -> None:
    assert section("sketch").symbols(Slot()) == 1024


def test_what_does_not_fit_is_refused(codec: SketchesCodec) -> None:
    with pytest.raises(ClipError, match="must have the shape"):
        codec.encode(lines(1)[0], 10.0)
    with pytest.raises(BurstError, match="2 sketches of 96×64 have 192 symbols"):
        codec.decode(np.zeros(96, np.complex64), 10.0, 2, 64, 96)


def test_hostile_symbols_make_a_picture(codec: SketchesCodec) -> None:
    for scale in (1e9, 1e15):
        noise = np.random.default_rng(0).standard_normal(96) * scale
        back = codec.decode(noise.astype(np.complex64), 5.0, 1, 64, 96)
        assert np.isfinite(back).all()
        assert 0 <= back.min() <= back.max() <= 1

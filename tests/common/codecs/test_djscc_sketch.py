from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from common.codecs.djscc_sketch import SketchCodec, SketchModel, symbol_count
from common.errors import BurstError, ClipError, GvscError, SettingError, WeightsError
from gvsc.evaluation.metrics.edge_f1 import edge_f1


def drawing(height: int = 256, width: int = 256, seed: int = 3) -> np.ndarray:
    """Outlines of discs and boxes that hide one another, two pixels wide."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    shown = np.zeros((height, width), int)
    for number in range(1, 14):
        v, u, radius = y - rng.uniform(0, height), x - rng.uniform(0, width), rng.uniform(12, 60)
        inside = np.hypot(v, u) < radius if rng.random() < 0.5 else (abs(v) < radius) & (abs(u) < 0.7 * radius)
        shown[inside] = number
    edge = (ndimage.maximum_filter(shown, 2) != ndimage.minimum_filter(shown, 2)).astype(np.float64)
    return np.clip(1.6 * ndimage.gaussian_filter(edge, 0.9), 0.0, 1.0).astype(np.float32)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def codec():
    return SketchCodec.load()


def noisy(symbols: np.ndarray, snr_db: float, seed: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    deviation = np.sqrt(0.5 * 10.0 ** (-snr_db / 10.0))
    return symbols + deviation * (rng.normal(size=symbols.shape) + 1j * rng.normal(size=symbols.shape))


def f1_through(codec, sketch, snr_db, *, tx_snr_db=None, estimate_db=None) -> float:
    symbols = codec.encode(sketch, snr_db if tx_snr_db is None else tx_snr_db)
    decoded = codec.decode(noisy(symbols, snr_db), snr_db if estimate_db is None else estimate_db, *sketch.shape)
    return edge_f1(decoded, sketch)


def test_a_sketch_of_the_paper_takes_1024_symbols():
    assert symbol_count(256, 256) == 1024
    assert symbol_count(32, 64) == 32


@pytest.mark.parametrize(("height", "width"), [(256, 256), (32, 32), (64, 160)])
def test_symbols_and_sketch_have_the_promised_form(codec, height, width):
    symbols = codec.encode(drawing(height, width), 5.0)
    assert symbols.dtype == np.complex64
    assert symbols.shape == (symbol_count(height, width),)
    assert np.mean(np.abs(symbols.astype(complex)) ** 2) == pytest.approx(1.0, abs=1e-6)
    decoded = codec.decode(noisy(symbols, 5.0), 5.0, height, width)
    assert decoded.dtype == np.float32
    assert decoded.shape == (height, width)
    assert 0.0 <= decoded.min() <= decoded.max() <= 1.0


def test_drawings_that_it_never_saw_come_back_and_fade_with_the_noise(codec):
    found = {s: np.mean([f1_through(codec, drawing(seed=seed), s) for seed in (3, 4)]) for s in (-5.0, 0.0, 10.0)}
    assert found[10.0] > 0.7, found
    assert found[0.0] > 0.45, found
    assert found[10.0] > found[0.0] > found[-5.0], found


def test_an_empty_sketch_stays_empty(codec):
    symbols = codec.encode(np.zeros((256, 256), np.float32), 10.0)
    assert np.mean(np.abs(symbols.astype(complex)) ** 2) == pytest.approx(1.0, abs=1e-6)
    assert (codec.decode(noisy(symbols, 10.0), 10.0, 256, 256) > 0.3).mean() < 0.01


def test_a_transmitter_that_believes_in_another_snr_costs_little(codec):
    sketch = drawing()
    right = f1_through(codec, sketch, 3.0)
    assert f1_through(codec, sketch, 3.0, tx_snr_db=10.0) > right - 0.05
    assert f1_through(codec, sketch, 3.0, estimate_db=4.0) > right - 0.05


def test_the_same_input_gives_the_same_output(codec):
    sketch = drawing(64, 64)
    first = codec.encode(sketch, 4.0)
    np.testing.assert_array_equal(first, codec.encode(sketch.copy(), 4.0))
    received = noisy(first, 4.0)
    np.testing.assert_array_equal(codec.decode(received, 4.0, 64, 64), codec.decode(received, 4.0, 64, 64))


@pytest.mark.parametrize(
    "sketch",
    [
        np.zeros((100, 256), np.float32),
        np.zeros((256, 0), np.float32),
        np.zeros((1, 256, 256), np.float32),
        np.zeros((4096, 64), np.float32),
        np.full((64, 64), 255.0, np.float32),
        np.full((64, 64), np.nan, np.float32),
    ],
)
def test_bad_sketches_are_refused(codec, sketch):
    with pytest.raises(ClipError) as raised:
        codec.encode(sketch, 5.0)
    assert isinstance(raised.value, GvscError)
    assert "\n" not in str(raised.value)


def test_bad_symbols_and_settings_are_refused(codec):
    symbols = np.ones(16, np.complex64)
    with pytest.raises(BurstError, match="16 symbols"):
        codec.decode(symbols[:-1], 5.0, 32, 32)
    with pytest.raises(BurstError, match="finite"):
        codec.decode(np.full(16, np.inf, np.complex64), 5.0, 32, 32)
    with pytest.raises(ClipError, match="multiple of 32"):
        codec.decode(symbols, 5.0, 33, 32)
    with pytest.raises(SettingError, match="snr_db"):
        codec.decode(symbols, float("nan"), 32, 32)
    with pytest.raises(SettingError, match="tx_snr_db"):
        codec.encode(drawing(32, 32), float("inf"))


def test_weights_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="not weights of djscc-sketch"):
        SketchCodec.from_tensors({})
    with pytest.raises(WeightsError, match="not weights of djscc-sketch"):
        SketchCodec.from_tensors({**SketchModel().state_dict(), "more": torch.zeros(1)})
    file = tmp_path / "broken.safetensors"
    file.write_bytes(b"not a model")
    with pytest.raises(WeightsError, match="cannot read weights"):
        SketchCodec.load(file)


def test_huge_received_values_do_not_break_the_decoder(codec):
    decoded = codec.decode(np.full(16, 1e6 + 1e6j, np.complex64), 5.0, 32, 32)
    assert np.isfinite(decoded).all()

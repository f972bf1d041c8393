from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from common.codecs.djscc_frame import FrameCodec, symbol_count
from common.errors import BurstError, ClipError, GvscError, SettingError, WeightsError


def scene(height: int = 256, width: int = 256, seed: int = 3) -> np.ndarray:
    """Dead leaves: shaded discs of many sizes that hide one another, a model of photographs with their edges.

    (A Gaussian field with a photograph's spectrum would not do: for it the linear code is the best there is.)
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    picture = np.full((3, height, width), 0.5)
    for _ in range(500):
        # density of radii falls with the third power, between 4 pixels and 80
        radius = 4.0 / np.sqrt(1.0 - rng.random() * (1.0 - (4.0 / 80.0) ** 2))
        v, u = y - rng.uniform(0, height), x - rng.uniform(0, width)
        inside = np.hypot(v, u) < radius
        slope = rng.normal(scale=0.15, size=2) / radius
        grey = rng.uniform(0.1, 0.9) + slope[0] * v + slope[1] * u
        tint = rng.normal(scale=0.08, size=(3, 1, 1))
        picture = np.where(inside, grey + tint, picture)
    return np.clip(picture, 0.0, 1.0).astype(np.float32)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def codec():
    return FrameCodec.load()


def noisy(symbols: np.ndarray, snr_db: float, seed: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    deviation = np.sqrt(0.5 * 10.0 ** (-snr_db / 10.0))
    return symbols + deviation * (rng.normal(size=symbols.shape) + 1j * rng.normal(size=symbols.shape))


def psnr_through(codec, picture, snr_db, *, tx_snr_db=None, estimate_db=None, linear=False) -> float:
    symbols = codec.encode(picture, snr_db if tx_snr_db is None else tx_snr_db, linear=linear)
    estimate_db = snr_db if estimate_db is None else estimate_db
    decoded = codec.decode(noisy(symbols, snr_db), estimate_db, *picture.shape[1:], linear=linear)
    return float(-10.0 * np.log10(np.mean((decoded - picture) ** 2)))


def test_a_frame_of_the_paper_takes_7808_symbols():
    assert symbol_count(256, 256) == 7808
    assert symbol_count(32, 32) == 122
    assert symbol_count(288, 512) == 122 * 9 * 16


@pytest.mark.parametrize(("height", "width"), [(256, 256), (32, 32), (64, 160)])
def test_symbols_and_frame_have_the_promised_form(codec, height, width):
    symbols = codec.encode(scene(height, width), 5.0)
    assert symbols.dtype == np.complex64
    assert symbols.shape == (symbol_count(height, width),)
    assert np.mean(np.abs(symbols.astype(complex)) ** 2) == pytest.approx(1.0, abs=1e-6)
    decoded = codec.decode(noisy(symbols, 5.0), 5.0, height, width)
    assert decoded.dtype == np.float32
    assert decoded.shape == (3, height, width)
    assert 0.0 <= decoded.min() <= decoded.max() <= 1.0


def test_no_symbol_is_far_above_the_mean(codec):
    symbols = codec.encode(scene(), 5.0)
    assert 10.0 * np.log10(np.max(np.abs(symbols) ** 2)) < 12.0


@pytest.mark.parametrize("grey", [0.0, 0.448, 1.0])
def test_a_flat_frame_has_unit_power_and_comes_back(codec, grey):
    picture = np.full((3, 64, 64), grey, dtype=np.float32)
    symbols = codec.encode(picture, 10.0)
    assert np.mean(np.abs(symbols.astype(complex)) ** 2) == pytest.approx(1.0, abs=1e-6)
    decoded = codec.decode(noisy(symbols, 10.0), 10.0, 64, 64)
    assert np.abs(decoded - picture).mean() < 0.05


def test_psnr_rises_with_the_snr(codec):
    picture = scene()
    found = [psnr_through(codec, picture, snr_db) for snr_db in (-5.0, 0.0, 5.0, 10.0, 20.0)]
    assert all(later > earlier + 0.2 for earlier, later in pairwise(found)), found


@pytest.mark.parametrize("snr_db", [0.0, 5.0, 10.0])
def test_it_beats_the_linear_code_that_it_started_from(codec, snr_db):
    pictures = [scene(seed=seed) for seed in (3, 4)]
    trained = np.mean([psnr_through(codec, picture, snr_db) for picture in pictures])
    linear = np.mean([psnr_through(codec, picture, snr_db, linear=True) for picture in pictures])
    assert trained > linear + 0.3, (trained, linear)


def test_a_transmitter_that_believes_in_another_snr_costs_little(codec):
    picture = scene()
    right = psnr_through(codec, picture, 3.0)
    assert psnr_through(codec, picture, 3.0, tx_snr_db=10.0) > right - 2.5
    assert psnr_through(codec, picture, 3.0, estimate_db=4.0) > right - 0.5


def test_the_same_input_gives_the_same_output(codec):
    picture = scene(64, 64)
    first, second = codec.encode(picture, 4.0), codec.encode(picture.copy(), 4.0)
    np.testing.assert_array_equal(first, second)
    received = noisy(first, 4.0)
    np.testing.assert_array_equal(codec.decode(received, 4.0, 64, 64), codec.decode(received, 4.0, 64, 64))


def test_the_snr_that_the_transmitter_believes_changes_what_it_sends(codec):
    picture = scene(64, 64)
    assert not np.allclose(codec.encode(picture, 0.0), codec.encode(picture, 15.0), atol=0.01)


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        (np.zeros((3, 100, 256), np.float32), ClipError),
        (np.zeros((3, 256, 0), np.float32), ClipError),
        (np.zeros((256, 256, 3), np.float32), ClipError),
        (np.zeros((3, 4096, 64), np.float32), ClipError),
        (np.full((3, 64, 64), 255.0, np.float32), ClipError),
        (np.full((3, 64, 64), np.nan, np.float32), ClipError),
    ],
)
def test_bad_frames_are_refused(codec, frame, error):
    with pytest.raises(error) as raised:
        codec.encode(frame, 5.0)
    assert isinstance(raised.value, GvscError)
    assert "\n" not in str(raised.value)


def test_bad_symbols_and_settings_are_refused(codec):
    symbols = np.ones(122, np.complex64)
    with pytest.raises(BurstError, match="122 symbols"):
        codec.decode(symbols[:-1], 5.0, 32, 32)
    with pytest.raises(BurstError, match="finite"):
        codec.decode(np.full(122, np.inf, np.complex64), 5.0, 32, 32)
    with pytest.raises(ClipError, match="multiple of 32"):
        codec.decode(symbols, 5.0, 33, 32)
    with pytest.raises(SettingError, match="snr_db"):
        codec.decode(symbols, float("nan"), 32, 32)
    with pytest.raises(SettingError, match="tx_snr_db"):
        codec.encode(scene(32, 32), float("inf"))


def test_weights_that_do_not_fit_are_refused(codec, tmp_path):
    with pytest.raises(WeightsError, match="not weights of djscc-frame"):
        FrameCodec.from_tensors({})
    file = tmp_path / "broken.safetensors"
    file.write_bytes(b"not a model")
    with pytest.raises(WeightsError, match="cannot read weights"):
        FrameCodec.load(file)


def test_huge_received_values_do_not_break_the_decoder(codec):
    decoded = codec.decode(np.full(122, 1e6 + 1e6j, np.complex64), 5.0, 32, 32)
    assert np.isfinite(decoded).all()

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from common.codecs.djscc import side_code
from common.codecs.djscc_frame_2 import FrameCodec2
from common.errors import BurstError, ClipError, SettingError, WeightsError
from tests.common.codecs.test_djscc_frame import noisy, scene

BUDGETS = (2560, 3904, 5120, 6400, 7808)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def codec() -> FrameCodec2:
    return FrameCodec2.load()


def psnr(decoded: np.ndarray, picture: np.ndarray) -> float:
    return float(-10.0 * np.log10(np.mean((decoded - picture) ** 2)))


def psnr_through(codec, picture, snr_db, symbols=7808, *, tx_snr_db=None, estimate_db=None, linear=False) -> float:
    sent = codec.encode(picture, snr_db if tx_snr_db is None else tx_snr_db, symbols, linear=linear)
    estimate_db = snr_db if estimate_db is None else estimate_db
    return psnr(codec.decode(noisy(sent, snr_db), estimate_db, *picture.shape[1:], linear=linear), picture)


@pytest.mark.parametrize("symbols", BUDGETS)
@pytest.mark.parametrize("snr_db", [-5.0, 20.0])
def test_there_are_exactly_as_many_symbols_as_asked_for_at_unit_power(codec, symbols, snr_db):
    sent, ledger = codec.encode_with_details(scene(), snr_db, symbols)
    assert sent.dtype == np.complex64
    assert sent.shape == (symbols,)
    assert np.mean(np.abs(sent.astype(complex)) ** 2) == pytest.approx(1.0, abs=1e-5)
    assert ledger.header + ledger.first + ledger.second + ledger.analogue == symbols
    assert 0.0 < ledger.side < 0.9
    received = codec.decode_with_details(noisy(sent, snr_db), snr_db, 256, 256)
    assert received.picture.shape == (3, 256, 256)
    assert received.picture.dtype == np.float32
    assert 0.0 <= received.picture.min() <= received.picture.max() <= 1.0
    assert received.first
    assert received.second
    assert received.tx_snr_db == pytest.approx(snr_db, abs=0.25)


@pytest.mark.parametrize(
    ("height", "width", "symbols"), [(32, 32, 300), (32, 96, 600), (96, 160, 1900), (288, 512, 9001)]
)
def test_any_size_in_multiples_of_32(codec, height, width, symbols):
    picture = scene(height, width)
    sent = codec.encode(picture, 8.0, symbols)
    assert sent.shape == (symbols,)
    decoded = codec.decode(noisy(sent, 8.0), 8.0, height, width)
    assert psnr(decoded, picture) > psnr(np.full_like(picture, picture.mean()), picture) + 2.0


def test_no_symbol_is_far_above_the_mean(codec):
    for snr_db in (0.0, 10.0):
        assert 10.0 * np.log10(np.max(np.abs(codec.encode(scene(), snr_db, 7808)) ** 2)) < 12.0


def test_psnr_rises_with_the_snr_and_with_the_symbols(codec):
    picture = scene()
    found = [psnr_through(codec, picture, snr_db) for snr_db in (-5.0, -2.0, 1.0, 4.0, 7.0, 10.0, 15.0, 20.0)]
    assert all(later > earlier + 0.1 for earlier, later in pairwise(found)), found
    found = [psnr_through(codec, picture, 7.0, symbols) for symbols in BUDGETS]
    assert all(later > earlier + 0.1 for earlier, later in pairwise(found)), found


def test_it_beats_itself_without_networks(codec):
    picture = scene()
    for snr_db in (1.0, 10.0):
        assert psnr_through(codec, picture, snr_db) > psnr_through(codec, picture, snr_db, linear=True) + 0.2


def test_a_channel_worse_than_believed_costs_little_until_bits_are_lost(codec):
    picture = scene()
    for believed in (0.0, 5.0, 10.0):
        right = psnr_through(codec, picture, believed)
        assert psnr_through(codec, picture, believed - 2.0, tx_snr_db=believed) > right - 2.0


def test_an_estimate_that_is_off_costs_little(codec):
    picture = scene()
    right = psnr_through(codec, picture, 5.0)
    for error_db in (-1.0, 1.0):
        assert psnr_through(codec, picture, 5.0, estimate_db=5.0 + error_db) > right - 0.3


def test_a_lost_second_part_leaves_a_coarse_picture(codec):
    picture = scene()
    sent, ledger = codec.encode_with_details(picture, 6.0, 7808)
    received = noisy(sent, 6.0)
    start = ledger.header + ledger.first
    received[start : start + ledger.second] = 0.0
    found = codec.decode_with_details(received, 6.0, 256, 256)
    assert found.first
    assert not found.second
    grey = psnr(np.full_like(picture, codec._model.mean), picture)
    assert psnr(found.picture, picture) > grey + 0.5


def test_lost_side_information_at_minus_five_db_leaves_grey(codec):
    picture = scene()
    sent, ledger = codec.encode_with_details(picture, -5.0, 7808)
    received = noisy(sent, -5.0)
    received[: ledger.header + ledger.first] = 0.0
    found = codec.decode_with_details(received, -5.0, 256, 256)
    assert not found.first
    assert not found.second
    assert found.tx_snr_db is None
    np.testing.assert_allclose(found.picture, float(codec._model.mean))


def test_a_channel_far_below_what_was_believed_is_no_error(codec):
    picture = scene()
    for true_db in (-10.0, -2.0, 2.0, 4.0):
        found = codec.decode_with_details(noisy(codec.encode(picture, 10.0, 3904), true_db), true_db, 256, 256)
        assert np.isfinite(found.picture).all()
        assert psnr(found.picture, picture) > 8.0


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_received_becomes_a_picture(codec, seed):
    rng = np.random.default_rng(seed)
    amplitude = (1e-3, 1.0, 1.0, 30.0, 1e6, 1.0)[seed]
    symbols = amplitude * (rng.normal(size=2560) + 1j * rng.normal(size=2560))
    if seed == 5:  # a true section, its bits right, other analogue values
        symbols = codec.encode(scene(), 10.0, 2560).astype(complex)
        symbols[1500:] *= 1e4
    found = codec.decode(symbols, float(rng.uniform(-5, 20)), 256, 256)
    assert np.isfinite(found).all()
    assert 0.0 <= found.min() <= found.max() <= 1.0


@pytest.mark.parametrize("first_bits", [0, 1, 2])
def test_hostile_first_parts_are_no_error(codec, first_bits):
    """Bits that pass every check and say what no transmitter says."""
    rng = np.random.default_rng(first_bits)
    for _ in range(8):
        units, mode = int(rng.integers(3, 20)), int(rng.integers(8, 20))
        bits = rng.integers(0, 2, units * 16, dtype=np.uint8)
        if first_bits == 1:
            bits[5:17] = 0  # no second part
        symbols = np.concatenate(
            [side_code.encode_header(mode << 7 | units), side_code.encode(bits, side_code.MODES[mode])]
        )
        section = np.ones(5000, complex)
        section[: len(symbols)] = symbols
        found = codec.decode(section, 20.0, 256, 256)
        assert np.isfinite(found).all()


def test_noise_that_differs_from_symbol_to_symbol_is_weighted(codec):
    picture = scene()
    sent = codec.encode(picture, 8.0, 7808)
    variance = np.where(np.arange(7808) % 8 == 3, 2.0, 10.0**-0.8)
    rng = np.random.default_rng(2)
    received = sent + np.sqrt(0.5 * variance) * (rng.normal(size=7808) + 1j * rng.normal(size=7808))
    mean_db = float(-10.0 * np.log10(variance.mean()))
    told = codec.decode(received, mean_db, 256, 256, noise_variance=variance)
    untold = codec.decode(received, mean_db, 256, 256)
    assert psnr(told, picture) > psnr(untold, picture) + 0.3


@pytest.mark.parametrize("grey", [0.0, 0.448, 1.0])
def test_a_flat_frame_has_unit_power_and_comes_back(codec, grey):
    picture = np.full((3, 64, 64), grey, dtype=np.float32)
    sent = codec.encode(picture, 10.0, 700)
    assert np.mean(np.abs(sent.astype(complex)) ** 2) == pytest.approx(1.0, abs=1e-5)
    assert np.abs(codec.decode(noisy(sent, 10.0), 10.0, 64, 64) - picture).mean() < 0.05


def test_noise_for_a_picture_is_carried(codec):
    picture = np.random.default_rng(1).random((3, 128, 128)).astype(np.float32)
    decoded = codec.decode(noisy(codec.encode(picture, 5.0, 1952), 5.0), 5.0, 128, 128)
    assert np.isfinite(decoded).all()


def test_the_same_input_gives_the_same_output(codec):
    picture = scene(64, 64)
    first, second = codec.encode(picture, 4.0, 500), codec.encode(picture.copy(), 4.0, 500)
    np.testing.assert_array_equal(first, second)
    received = noisy(first, 4.0)
    np.testing.assert_array_equal(codec.decode(received, 4.0, 64, 64), codec.decode(received, 4.0, 64, 64))


def test_both_ends_allocate_alike_whatever_the_precision_of_floats(codec):
    """Levels are integers: the receiver finds the same coefficients from bits alone."""
    model = codec._model
    classes = torch.randint(0, model.classes.count, (1, 4, 4), generator=torch.Generator().manual_seed(1))
    layouts = [model.layout(classes, 1, torch.tensor([-7]), 4, 4) for _ in range(2)]
    assert all(not tensor.is_floating_point() for tensor in vars(layouts[0]).values())
    assert all(torch.equal(a, b) for a, b in zip(*(vars(layout).values() for layout in layouts), strict=True))


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
        codec.encode(frame, 5.0, 1000)
    assert "\n" not in str(raised.value)


def test_bad_symbols_and_settings_are_refused(codec):
    symbols = np.ones(700, np.complex64)
    with pytest.raises(SettingError, match="too few"):
        codec.encode(scene(), 5.0, 100)
    with pytest.raises(SettingError, match="tx_snr_db"):
        codec.encode(scene(), float("nan"), 7808)
    with pytest.raises(BurstError, match="more than"):
        codec.decode(symbols[:80], 5.0, 64, 64)
    with pytest.raises(BurstError, match="finite"):
        codec.decode(np.full(700, np.nan), 5.0, 64, 64)
    with pytest.raises(BurstError, match="variance"):
        codec.decode(symbols, 5.0, 64, 64, noise_variance=-1.0)
    with pytest.raises(ClipError, match="multiple of 32"):
        codec.decode(symbols, 5.0, 33, 64)
    with pytest.raises(WeightsError, match="not weights of djscc-frame-2"):
        FrameCodec2.from_tensors({"x": torch.zeros(1)})

"""The digital codecs: exact numbers of symbols, as sent where the SNR is high, a cliff and no exception where not."""

from __future__ import annotations

import numpy as np
import pytest

from common.codecs import h26x, video_mode
from common.codecs.video import H264_LDPC, H265_LDPC, VideoCodec
from common.conventions import noise_variance
from common.errors import BurstError, ClipError, SchemeError, SettingError

BOTH = pytest.mark.parametrize("codec", [H264_LDPC, H265_LDPC], ids=lambda codec: codec.name)
SHAPE = (8, 64, 96)
COUNT = 4001
"""Symbols for it: a CBR of 0.027, as small pictures do not compress as large ones do."""


@pytest.fixture(scope="module")
def clip() -> np.ndarray:
    """A disc that moves over shading."""
    y, x = np.mgrid[0:64, 0:96]
    ground = np.stack([60 + x, 90 + y, 170 - x // 2], axis=2)
    discs = [(x - 30 - 4 * k) ** 2 + (y - 32) ** 2 < 144 for k in range(8)]
    return np.stack([np.where(disc[..., None], (230, 190, 50), ground) for disc in discs]).astype(np.uint8)


def noisy(symbols: np.ndarray, snr_db: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(symbols.size) + 1j * rng.standard_normal(symbols.size)
    return (symbols + noise * np.sqrt(noise_variance(snr_db) / 2)).astype(np.complex64)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2)))


@BOTH
def test_at_a_high_snr_it_arrives_as_it_was_sent(codec: VideoCodec, clip: np.ndarray):
    sent = codec.encode_with_details(clip, 10.0, COUNT)
    assert sent.symbols.shape == (COUNT,)
    assert sent.symbols.dtype == np.complex64
    assert np.mean(np.abs(sent.symbols) ** 2) == pytest.approx(1, abs=1e-5)
    assert sent.fits
    assert 0.9 * sent.byte_budget < sent.byte_count <= sent.byte_budget
    np.testing.assert_array_equal(codec.encode(clip, 10.0, COUNT), sent.symbols)
    made = codec.decode_with_details(noisy(sent.symbols, 10.0), 10.0, SHAPE, sent.mode)
    assert made.there.all()
    direct = h26x.decode(h26x.encode(clip, codec.standard, sent.byte_budget).data, codec.standard, *SHAPE)
    np.testing.assert_array_equal(made.video, direct.video)
    assert psnr(made.video, clip) > 26


@pytest.mark.parametrize("rate", video_mode.RATES)
def test_each_rate_fills_the_symbols_exactly_and_comes_back(rate: str, clip: np.ndarray):
    codec = VideoCodec(h26x.H264, rate)
    for snr_db, symbols in ((8.0, COUNT), (20.0, 2600)):
        sent = codec.encode_with_details(clip, snr_db, symbols)
        assert sent.symbols.size == symbols
        assert sent.byte_budget == video_mode.byte_count(symbols, sent.mode)
        made = codec.decode_with_details(noisy(sent.symbols, snr_db), snr_db, SHAPE, sent.mode)
        assert sent.fits
        assert made.there.all()
        assert psnr(made.video, clip) > 26


def textured() -> np.ndarray:
    """Grey noise, other noise in each frame: it takes all the bytes there are."""
    return np.random.default_rng(3).normal(128, 12, (8, 128, 128, 1)).clip(0, 255).astype(np.uint8).repeat(3, axis=3)


def test_adaptive_turns_the_snr_into_quality():
    codec, video = VideoCodec(h26x.H265, "adaptive"), textured()
    quality = []
    for snr_db in (0.0, 9.0, 20.0):
        sent = codec.encode_with_details(video, snr_db, 20_000)
        made = codec.decode(noisy(sent.symbols, snr_db), snr_db, (8, 128, 128), sent.mode)
        quality.append(psnr(made, video))
    assert quality[0] + 0.5 < quality[1]
    assert quality[1] + 0.5 < quality[2]


def test_one_picture_in_the_symbols_of_the_first_frame():
    rng = np.random.default_rng(4)
    picture = np.kron(rng.integers(30, 220, (1, 32, 32, 3), dtype=np.uint8), np.ones((1, 8, 8, 1), np.uint8))
    codec = VideoCodec(h26x.H265, "adaptive")
    sent = codec.encode_with_details(picture, 10.0, 7808)
    assert sent.symbols.size == 7808
    assert sent.fits
    made = codec.decode(noisy(sent.symbols, 10.0), 10.0, (1, 256, 256), sent.mode)
    assert made.shape == picture.shape
    assert psnr(made, picture) > 22


@BOTH
def test_behind_the_cliff_it_is_concealed(codec: VideoCodec, clip: np.ndarray):
    sent = codec.encode_with_details(clip, 10.0)
    made = codec.decode_with_details(noisy(sent.symbols, -2.0), -2.0, SHAPE, sent.mode)
    assert not made.there.any()
    assert (made.video == h26x.GREY).all()


def test_a_lost_segment_ends_the_clip_there():
    """Where the last fifth of the symbols is drowned, what stands before them is as sent."""
    codec, shape = VideoCodec(h26x.H264, "adaptive"), (8, 128, 128)
    sent = codec.encode_with_details(textured(), 20.0, 12_583)
    assert sent.fits
    assert sent.byte_count > 7000
    whole = codec.decode(noisy(sent.symbols, 30.0), 30.0, shape, sent.mode)
    snr_db = np.where(np.arange(12_583) < 10_000, 30.0, -10.0)
    symbols = np.where(snr_db > 0, noisy(sent.symbols, 30.0), noisy(sent.symbols, -10.0))
    made = codec.decode_with_details(symbols, snr_db, shape, sent.mode)
    assert made.there[0]
    assert not made.there.all()
    np.testing.assert_array_equal(made.video[made.there], whole[made.there])


def test_a_clip_that_does_not_fit_counts_as_a_failure():
    rng = np.random.default_rng(1)
    squares = np.kron(255 * rng.integers(0, 2, (8, 16, 24, 3), dtype=np.uint8), np.ones((1, 4, 4, 1), np.uint8))
    sent = H264_LDPC.encode_with_details(squares, 10.0)
    assert not sent.fits
    assert sent.symbols.size == video_mode.symbol_count(*SHAPE)
    made = H264_LDPC.decode_with_details(sent.symbols, 30.0, SHAPE, sent.mode)
    assert not made.there.all()


def test_whatever_arrives_is_a_clip(clip: np.ndarray):
    sent = H265_LDPC.encode(clip, 10.0)
    rng = np.random.default_rng(2)
    hostile = [
        np.zeros_like(sent),
        np.full_like(sent, np.nan),
        np.full_like(sent, np.inf),
        sent * np.complex64(1e9),
        -sent,
        rng.permutation(sent),
        np.where(rng.random(sent.size) < 0.5, np.nan, sent),
    ]
    for number, symbols in enumerate(hostile):
        for mode in range(len(video_mode.MODES)) if number == 0 else (2,):
            for snr_db in (-60.0, 3.0, 100.0, np.inf):
                made = H265_LDPC.decode(symbols, snr_db, SHAPE, mode)
                assert (made.shape, made.dtype) == (clip.shape, np.uint8)


@pytest.mark.parametrize(("shape", "said"), [((1, 32, 32), "1 frame of 32×32"), ((4, 16, 16), "4 frames of 16×16")])
def test_a_clip_too_small_for_a_byte_is_told_by_its_size(shape: tuple[int, int, int], said: str):
    with pytest.raises(SchemeError) as refused:
        H264_LDPC.encode(np.zeros((*shape, 3), np.uint8), 10.0)
    wanted = f"a clip of {said} has 25 symbols: less than one byte at 4-QAM 1/2; send a larger one"
    assert str(refused.value) == wanted


def test_what_cannot_be_coded_is_refused(clip: np.ndarray):
    for bad in (clip[0], clip.astype(np.float32), clip[:, :60], clip[:0]):
        with pytest.raises(ClipError):
            H264_LDPC.encode(bad, 10.0)
    with pytest.raises(SettingError):
        H264_LDPC.encode(clip, float("nan"))
    with pytest.raises(SchemeError, match="no video rate"):
        VideoCodec(h26x.H264, "7/8").encode(clip, 10.0)
    with pytest.raises(SchemeError, match=r"8 frames of 96×64 has 10 symbols: .* 4-QAM 1/2; send more symbols$"):
        H264_LDPC.encode(clip, 10.0, 10)
    with pytest.raises(BurstError, match="video mode"):
        H264_LDPC.decode(np.zeros(100), 10.0, SHAPE, 14)

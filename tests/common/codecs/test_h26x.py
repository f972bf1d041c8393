"""Bitstreams: within their budget to the byte, the same every time, and nothing that arrives breaks the decoder."""

from __future__ import annotations

import time

import numpy as np
import pytest

from common.codecs import h26x
from common.codecs.h26x import H264, STANDARDS, Standard
from common.errors import SchemeError

BOTH = pytest.mark.parametrize("standard", STANDARDS.values(), ids=list(STANDARDS))


def moving(frames: int = 8, height: int = 128, width: int = 128) -> np.ndarray:
    """A disc that moves over smooth shading with a little texture."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:height, 0:width]
    ground = np.stack([60 + x / 2, 80 + y / 2, 150 - x / 4], axis=2) + rng.normal(0, 4, (height, width, 1))
    made = []
    for k in range(frames):
        disc = (x - width / 4 - 5 * k) ** 2 + (y - height / 2) ** 2 < (height / 5) ** 2
        made.append(np.where(disc[..., None], (230, 190, 50), ground))
    return np.clip(made, 0, 255).astype(np.uint8)


def noise() -> np.ndarray:
    """Squares of 4×4 pixels in any of eight colours, new ones in each frame: 11 kB at the coarsest."""
    bright = np.random.default_rng(1).integers(0, 2, (8, 32, 32, 3), dtype=np.uint8)
    return np.kron(255 * bright, np.ones((1, 4, 4, 1), np.uint8))


def psnr(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Per frame."""
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2, axis=(1, 2, 3)))


@BOTH
def test_a_clip_fits_its_budget_and_uses_it(standard: Standard):
    video, last = moving(), 0.0
    for budget in (400, 800, 1600, 6400):
        coded = h26x.encode(video, standard, budget)
        assert coded.fits
        assert 0.9 * budget < len(coded.data) <= budget
        made = h26x.decode(coded.data, standard, 8, 128, 128)
        assert made.there.all()
        quality = psnr(made.video, video)
        assert quality.mean() > last
        assert quality.min() > quality.mean() - 3  # every frame is in its own place
        last = quality.mean()
    assert last > 33


@BOTH
def test_the_bytes_are_the_same_every_time_and_zeros_behind_them_do_not_matter(standard: Standard):
    video = moving(height=64, width=96)
    coded = h26x.encode(video, standard, 500)
    assert h26x.encode(video, standard, 500) == coded
    made = h26x.decode(coded.data, standard, 8, 64, 96).video
    np.testing.assert_array_equal(h26x.decode(coded.data + bytes(300), standard, 8, 64, 96).video, made)


@BOTH
@pytest.mark.parametrize("shape", [(1, 64, 64), (4, 32, 32), (16, 32, 64), (32, 64, 32)])
def test_any_shape_that_a_burst_can_name(standard: Standard, shape: tuple[int, int, int]):
    video = moving(*shape)
    coded = h26x.encode(video, standard, 3000)
    assert coded.fits
    made = h26x.decode(coded.data, standard, *shape)
    assert made.there.all()
    assert made.video.shape == video.shape
    assert psnr(made.video, video).min() > 24


@BOTH
def test_a_clip_that_does_not_fit_is_flagged_and_sent_as_far_as_it_fits(standard: Standard):
    video = noise()
    coded = h26x.encode(video, standard, 4000)
    assert not coded.fits
    assert coded.level == h26x.LEVELS[-1]
    assert len(coded.data) <= 4000
    made = h26x.decode(coded.data, standard, 8, 128, 128)
    assert made.there[0]
    assert not made.there.all()
    assert h26x.encode(video, standard, 100_000).fits


@BOTH
def test_not_even_one_frame_is_grey(standard: Standard):
    coded = h26x.encode(noise(), standard, 200)
    assert not coded.fits
    made = h26x.decode(coded.data, standard, 8, 128, 128)
    assert not made.there.any()
    assert (made.video == h26x.GREY).all()


@BOTH
def test_what_is_cut_off_shows_the_frame_before_it(standard: Standard):
    video = moving()
    coded = h26x.encode(video, standard, 1600)
    whole = h26x.decode(coded.data, standard, 8, 128, 128).video
    seen = set()
    for end in range(0, len(coded.data), 100):
        made = h26x.decode(coded.data[:end], standard, 8, 128, 128)
        seen.add(int(made.there.sum()))
        for number in np.flatnonzero(~made.there):
            before = np.flatnonzero(made.there[:number])
            shown = made.video[before[-1]] if before.size else np.full((128, 128, 3), h26x.GREY)
            np.testing.assert_array_equal(made.video[number], shown)
        # what is there is as good as ever: B frames refer to what came before them on the air
        np.testing.assert_array_equal(made.video[made.there], whole[made.there])
    assert {0, 1} < seen


def hostile(data: bytes, rng: np.random.Generator, kind: int) -> bytes:
    """Bytes that a decoder may get, most of them with the right first byte, so that it looks at the others."""
    array = np.frombuffer(data, np.uint8).copy()
    match kind:
        case 0:
            made = rng.integers(0, 256, rng.integers(0, 2000), dtype=np.uint8)
            made[:1] = array[0]
        case 1:
            made = array
            made[rng.integers(1, made.size, 3)] ^= (1 << rng.integers(0, 8, 3)).astype(np.uint8)
        case 2:
            made = array
            made[rng.integers(8, made.size) :] = 0xFF
        case 3:  # parameter sets of a huge picture, and other NAL units that nobody sends
            unit = bytes([int(rng.integers(0, 256)), *rng.integers(0, 256, 60, dtype=np.uint8)])
            return data[:1] + bytes([len(unit)]) + unit + data[1:]
        case 4:
            start = int(rng.integers(1, made_end := array.size - 1))
            return data[:start] + data[int(rng.integers(start, made_end)) :]
        case _:
            made = rng.permutation(array)
            made[0] = array[0]
    return made.tobytes()


@BOTH
def test_no_bytes_break_the_decoder(standard: Standard, capfd: pytest.CaptureFixture[str]):
    rng = np.random.default_rng(5)
    data = h26x.encode(moving(height=64, width=64), standard, 900).data
    began, damaged = time.perf_counter(), 0
    for number in range(150):
        sent = hostile(data, rng, number % 6)
        made = h26x.decode(sent, standard, 8, 64, 64)
        assert made.video.shape == (8, 64, 64, 3)
        assert made.video.dtype == np.uint8
        damaged += not made.there.all()
    assert damaged > 30
    assert time.perf_counter() - began < 60
    assert capfd.readouterr().err == ""


def test_a_parameter_set_from_the_air_is_not_listened_to():
    """Those of a larger picture in front of a clip, as whoever means harm would send them, change nothing."""
    large = h26x._encode(h26x.yuv.from_rgb(moving(1, 256, 256)), H264, 256, 256, 40.0)
    coded = h26x.encode(moving(4, 64, 64), H264, 900)
    assert coded.fits
    foreign = b"".join(h26x._base_128(8 * len(unit)) + unit for unit in large.parameter_sets)
    numbered = b"".join(
        h26x._base_128(8 * len(unit) + number) + unit for number, unit in h26x._units(coded.data[1:], 4)
    )
    check = bytes([h26x._check(H264, h26x._agreed(H264, 8, 64, 64))])
    plain = h26x.decode(check + numbered, H264, 8, 64, 64)
    assert plain.there.sum() == 4
    np.testing.assert_array_equal(h26x.decode(check + foreign + numbered, H264, 8, 64, 64).video, plain.video)


@BOTH
def test_ends_that_do_not_agree_notice(standard: Standard):
    video = moving(height=64, width=64)
    data = h26x.encode(video, standard, 900).data
    other = next(s for s in STANDARDS.values() if s is not standard)
    for made in (h26x.decode(data, other, 8, 64, 64), h26x.decode(data, standard, 8, 64, 96)):
        assert not made.there.any()
        assert (made.video == h26x.GREY).all()


@BOTH
def test_no_sei_and_no_parameter_sets_are_paid_for(standard: Standard):
    data = h26x.encode(moving(height=64, width=64), standard, 900).data
    numbers, units = zip(*h26x._units(data[1:], 8), strict=True)
    assert sorted(numbers) == list(range(8))
    assert all(standard.is_slice(unit) for unit in units)
    assert b"x26" not in data


def test_no_room_is_refused():
    with pytest.raises(SchemeError, match="1 byte or more"):
        h26x.encode(moving(1, 32, 32), H264, 0)


@BOTH
def test_a_cut_within_a_clip_costs_no_more_than_a_key_frame(standard: Standard):
    video = moving()
    video[4:] = np.random.default_rng(2).permutation(video[:4, ::-1, ::-1], axis=3)
    coded = h26x.encode(video, standard, 1600)
    made = h26x.decode(coded.data, standard, 8, 128, 128)
    assert coded.fits
    assert made.there.all()
    assert psnr(made.video, video).min() > 26

"""The section ``motion``: counts, what comes back, what is defined where something is lost or hostile."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from common.codecs.motion import side
from common.errors import ClipError, SchemeError
from common.sections import section
from common.sections.base import Plain, Slot
from common.sections.motion import MotionContent

SIZE = 64


def scene(seed: int = 5, size: int = 2 * SIZE) -> NDArray[np.float64]:
    """A smooth random picture (size, size, 3), 0 to 255."""
    noise = np.random.default_rng(seed).standard_normal((size, size, 3))
    smooth = gaussian_filter(noise, (3, 3, 0), mode="wrap")
    return np.clip(128 + 45 * smooth / smooth.std(), 0, 255)


def pan(pixels: int = 2) -> MotionContent:
    """A camera that moves to the right by ``pixels`` a frame, and the true fields."""
    picture = scene()
    video = np.stack([picture[20 : 20 + SIZE, 20 + pixels * t : 20 + pixels * t + SIZE] for t in range(8)])
    fields = np.zeros((7, 2, SIZE, SIZE), np.float32)
    fields[:, 0] = pixels * np.arange(1, 8)[:, None, None]
    return MotionContent(np.rint(video).astype(np.uint8), fields)


def slot(budget: int | None = 512) -> Slot:
    return Slot(8, SIZE, SIZE, budget)


def noisy(symbols: NDArray[np.complex64], snr_db: float, seed: int = 1) -> Plain:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((2, symbols.size)) * np.sqrt(0.5 * 10 ** (-snr_db / 10))
    return Plain((symbols + noise[0] + 1j * noise[1]).astype(np.complex64), snr_db)


@pytest.mark.parametrize("budget", [128, 256, 512, 1024])
def test_symbols_are_exactly_the_budget_at_unit_power(budget: int) -> None:
    coded = section("motion")
    sent = coded.encode(pan(), 10.0, slot(budget), {}).symbols
    assert sent.shape == (budget,) == (coded.symbols(slot(budget)),)
    assert sent.dtype == np.complex64
    assert np.mean(np.abs(sent) ** 2) == pytest.approx(1.0, abs=1e-4)
    analogue = sent[side.symbol_count(budget) :]
    assert np.mean(np.abs(analogue) ** 2) == pytest.approx(1.0, abs=1e-4)
    assert np.abs(analogue).max() < 5.0  # spread: no symbol holds a whole pan


def test_the_number_of_symbols_does_not_follow_the_size() -> None:
    coded = section("motion")
    assert coded.symbols(Slot()) == coded.symbols(Slot(8, 512, 320)) == 512
    with pytest.raises(SchemeError, match="at least"):
        coded.symbols(slot(10))


@pytest.mark.parametrize(("snr_db", "pixels"), [(0.0, 2.5), (10.0, 1.0), (20.0, 0.5)])
def test_a_pan_arrives(snr_db: float, pixels: float) -> None:
    coded, content = section("motion"), pan()
    arrived = coded.decode(noisy(coded.encode(content, snr_db, slot(), {}).symbols, snr_db), slot())
    assert arrived.value.shape == (7, 2, SIZE, SIZE)
    assert arrived.value.dtype == np.float32
    assert not arrived.failed
    inside = np.s_[:, :, 16:48, 8:40]  # where what is shown was in the first frame
    error = np.sqrt(np.mean((arrived.value[inside] - content.fields[inside]) ** 2))
    assert error < pixels


def test_a_still_clip_says_so_and_stays() -> None:
    coded = section("motion")
    video = np.repeat(np.rint(scene()[None, :SIZE, :SIZE]).astype(np.uint8), 8, axis=0)
    rng = np.random.default_rng(2)
    fields = (0.3 * rng.standard_normal((7, 2, SIZE, SIZE))).astype(np.float32)
    for guess in (np.zeros_like(fields), fields):
        for snr_db in (0.0, 10.0):
            sent = coded.encode(MotionContent(video, guess), snr_db, slot(), {}).symbols
            arrived = coded.decode(noisy(sent, snr_db), slot())
            assert not arrived.failed
            assert not arrived.value.any()


def test_nothing_is_sent_of_motion_that_cannot_help() -> None:
    """Frames that have nothing to do with the first."""
    video = np.random.default_rng(3).integers(0, 256, (8, SIZE, SIZE, 3), dtype=np.uint8)
    fields = np.random.default_rng(4).uniform(-20, 20, (7, 2, SIZE, SIZE)).astype(np.float32)
    coded = section("motion")
    sent = coded.encode(MotionContent(video, fields), 0.0, slot(), {}).symbols
    arrived = coded.decode(noisy(sent, 0.0), slot())
    assert not arrived.failed


def test_the_same_bytes_each_time() -> None:
    coded = section("motion")
    first, second = (coded.encode(pan(), 5.0, slot(), {}).symbols.tobytes() for _ in range(2))
    assert first == second
    observation = noisy(np.frombuffer(first, np.complex64), 5.0)
    assert coded.decode(observation, slot()).value.tobytes() == coded.decode(observation, slot()).value.tobytes()


def test_lost_side_information_is_lost_motion() -> None:
    coded = section("motion")
    sent = coded.encode(pan(), 10.0, slot(), {}).symbols.copy()
    sent[: side.symbol_count(512)] = 0.0
    arrived = coded.decode(Plain(sent, 10.0), slot())
    assert arrived.value is None
    assert arrived.failed
    assert "scale" in arrived.message


def test_hostile_values_are_defined() -> None:
    """Anything behind an intact scale gives finite fields within half a side."""
    coded = section("motion")
    sent = coded.encode(pan(), 10.0, slot(), {}).symbols
    rng = np.random.default_rng(8)
    for factor in (0.0, 1.0, 1e3, 1e8):
        symbols = sent.copy()
        count = 512 - side.symbol_count(512)
        symbols[side.symbol_count(512) :] = factor * (rng.standard_normal(count) + 1j * rng.standard_normal(count))
        for snr_db in (-20.0, 0.0, 40.0):
            # the block in front is read at its own noise; here all of it is clean
            arrived = coded.decode(Plain(symbols, snr_db), slot())
            if arrived.value is not None:
                assert np.isfinite(arrived.value).all()
                assert np.abs(arrived.value).max() <= SIZE / 2


def test_noise_alone_is_lost() -> None:
    coded = section("motion")
    rng = np.random.default_rng(6)
    for _ in range(20):
        noise = (rng.standard_normal(512) + 1j * rng.standard_normal(512)).astype(np.complex64)
        assert coded.decode(Plain(noise, -5.0), slot()).failed


def test_guesses_that_are_no_fields_are_refused_or_bounded() -> None:
    coded, content = section("motion"), pan()
    bad = content.fields.copy()
    bad[0, 0, 0, 0] = np.nan
    with pytest.raises(ClipError, match="finite"):
        coded.encode(MotionContent(content.video, bad), 5.0, slot(), {})
    with pytest.raises(ClipError, match="fields"):
        coded.encode(MotionContent(content.video, content.fields[:3]), 5.0, slot(), {})
    huge = np.full_like(content.fields, 1e30)
    sent = coded.encode(MotionContent(content.video, huge), 5.0, slot(), {}).symbols
    assert np.isfinite(sent).all()


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_other_numbers_of_frames(frames: int) -> None:
    content = pan()
    cut = MotionContent(content.video[:frames], content.fields[: frames - 1])
    here = Slot(frames, SIZE, SIZE, 256)
    coded = section("motion")
    arrived = coded.decode(noisy(coded.encode(cut, 10.0, here, {}).symbols, 10.0), here)
    assert arrived.value.shape == (frames - 1, 2, SIZE, SIZE)


def test_viewers_get_colours() -> None:
    coded = section("motion")
    shown = coded.picture(pan().fields)
    assert shown is not None
    assert shown.shape == (SIZE, 7 * SIZE, 3)
    assert shown.dtype == np.uint8
    clean = coded.clean(pan())
    assert clean.value.shape == (7, 2, SIZE, SIZE)

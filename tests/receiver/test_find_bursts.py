from __future__ import annotations

import numpy as np
import pytest

from common import burst, schemes
from common.burst import Burst
from common.codecs import text
from common.header import Header
from receiver.find_bursts import correlation, find_bursts, threshold


def a_burst(clip: int) -> Burst:
    scheme = schemes.by_name("first-frame-desc" if clip % 2 else "desc-only")
    values = {"description": {"bytes": 20 + clip, "mode": text.DEFAULT_MODE}}
    header = Header(scheme, clip, 8, 64, 64, values)
    rng = np.random.default_rng(clip)
    counts = {section: header.section_symbols(section) for section in scheme.sections}
    return burst.assemble(
        header, {s: np.exp(2j * np.pi * rng.random(n)).astype(np.complex64) for s, n in counts.items()}
    )


def stream_of(parts: list[np.ndarray], snr_db: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    samples = np.concatenate(parts)
    both = rng.standard_normal(samples.size) + 1j * rng.standard_normal(samples.size)
    return (samples + both * np.sqrt(0.5 * 10 ** (-snr_db / 10))).astype(np.complex64)


def silence(count: int) -> np.ndarray:
    return np.zeros(count, np.complex64)


BURSTS = [a_burst(clip) for clip in range(6)]


@pytest.mark.parametrize("snr_db", [-2, 10, 60])
@pytest.mark.parametrize("piece", [97, 5000, 10**6])
def test_each_is_found_once_and_whole(snr_db: float, piece: int) -> None:
    parts, starts = [silence(313)], []
    for number, made in enumerate(BURSTS):
        starts.append(sum(map(len, parts)))
        parts += [made.samples * np.exp(1j * number), silence(number % 3 * 200)]
    stream = stream_of(parts, snr_db)
    found = list(find_bursts(stream[i : i + piece] for i in range(0, stream.size, piece)))
    assert [one.start for one in found] == starts
    assert [one.header for one in found] == [made.header for made in BURSTS]
    for one in found:
        np.testing.assert_array_equal(one.samples, stream[one.start : one.start + one.header.total_symbols])


def test_one_that_breaks_off_is_left_out_and_takes_none_with_it() -> None:
    first, second, third = (made.samples for made in BURSTS[1:4])
    stream = stream_of([first[:500], second, third[:-1]], 10)
    assert [one.start for one in find_bursts([stream])] == [500]
    # samples missing right before the next one: the damaged one comes out, and the next as well
    stream = stream_of([first[:-100], second], 10)
    assert [one.header.clip for one in find_bursts([stream])] == [1, 2]


def test_noise_silence_and_nothing_hold_no_burst() -> None:
    assert list(find_bursts([stream_of([silence(30_000)], 0)])) == []
    assert list(find_bursts([silence(3000)])) == []
    assert list(find_bursts([])) == []
    hostile = np.full(3000, np.nan + 1j * np.inf, np.complex64)
    assert [one.header.clip for one in find_bursts([hostile, stream_of([BURSTS[1].samples], 10)])] == [1]


def test_a_burst_comes_when_its_last_sample_has_come() -> None:
    stream = stream_of([BURSTS[0].samples, silence(4000)], 20)
    pieces = iter(np.split(stream, range(50, stream.size, 50)))
    next(find_bursts(pieces))
    left = sum(piece.size for piece in pieces)
    assert stream.size - left < BURSTS[0].samples.size + 50


def test_the_false_alarm_rate_is_as_stated() -> None:
    statistic = correlation(stream_of([silence(100_231)], 0))
    assert statistic.size == 100_000
    for rate in (0.1, 1e-2, 1e-3):
        assert np.mean(statistic > threshold(rate)) == pytest.approx(rate, rel=0.3)
    with pytest.raises(ValueError, match="false alarm rate"):
        next(find_bursts([], false_alarm_rate=0.0))

"""The header as the receiver reads it: gain and noise unknown, fading, noise alone."""

from __future__ import annotations

import numpy as np
import pytest

from common import burst, schemes
from common.burst import Header
from receiver import header as header_reader


def preamble(clip: int) -> tuple[Header, np.ndarray]:
    header = Header(schemes.SCHEMES[clip % 2], clip % 256, text_bytes=clip % 200, frames=8, height=256, width=512)
    samples = np.empty(burst.PREAMBLE_SYMBOLS, np.complex64)
    samples[burst.PILOT_PLACES] = burst.PILOTS
    samples[burst.HEADER_PLACES] = burst.encode_header(header)
    return header, samples


def noise(rng: np.random.Generator, snr_db: float) -> np.ndarray:
    count = burst.PREAMBLE_SYMBOLS
    both = rng.standard_normal(count) + 1j * rng.standard_normal(count)
    return both * np.sqrt(0.5 * 10 ** (-snr_db / 10))


def lost(snr_db: float, gain: complex | np.ndarray, bursts: int) -> int:
    rng = np.random.default_rng(0)
    missing = 0
    for clip in range(bursts):
        header, samples = preamble(clip)
        received = (gain * samples + noise(rng, snr_db)).astype(np.complex64)
        read = header_reader.read(received, header_reader.listen(received))
        missing += read != header
    return missing


def test_it_is_lost_as_rarely_as_promised() -> None:
    assert lost(-3, 1, 300) == 0
    assert lost(-4, np.exp(2j), 300) <= 2
    assert lost(-8, 1, 60) > 20


def test_the_gain_may_turn_within_the_preamble() -> None:
    turning = np.exp(1j * np.linspace(0, 1.5 * np.pi, burst.PREAMBLE_SYMBOLS))
    assert lost(5, turning, 40) <= 2


def test_noise_and_silence_are_no_header() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        received = noise(rng, 0).astype(np.complex64)
        assert header_reader.read(received, header_reader.listen(received)) is None
    silence = np.zeros(burst.PREAMBLE_SYMBOLS, np.complex64)
    assert header_reader.read(silence, header_reader.listen(silence)) is None


@pytest.mark.parametrize("level", [1e-4, 1e4])
def test_the_level_does_not_matter(level: float) -> None:
    header, samples = preamble(7)
    received = (level * (samples + noise(np.random.default_rng(2), 0))).astype(np.complex64)
    assert header_reader.read(received, header_reader.listen(received)) == header

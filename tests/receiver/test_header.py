"""The header as the receiver reads it: gain and noise unknown, fading, noise alone."""

from __future__ import annotations

import numpy as np
import pytest

from common import header as header_code
from common import layout, schemes
from common.codecs import text
from common.header import Header
from receiver import header as header_reader


def preamble(clip: int) -> tuple[Header, np.ndarray]:
    values = {"description": {"bytes": clip % 200, "mode": text.DEFAULT_MODE}}
    scheme = schemes.by_name(schemes.names()[clip % 2])
    header = Header(scheme, clip % header_code.CLIP_NUMBERS, 8, 256, 512, values)
    samples = np.empty(layout.PREAMBLE_SYMBOLS, np.complex64)
    samples[layout.PREAMBLE_PILOT_INDICES] = layout.PREAMBLE_PILOTS
    samples[layout.FIRST_WORD_INDICES] = header_code.encode(header)
    return header, samples


def noise(rng: np.random.Generator, snr_db: float) -> np.ndarray:
    count = layout.PREAMBLE_SYMBOLS
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
    turning = np.exp(1j * np.linspace(0, 1.5 * np.pi, layout.PREAMBLE_SYMBOLS))
    assert lost(5, turning, 40) <= 2


def test_noise_and_silence_are_no_header() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        received = noise(rng, 0).astype(np.complex64)
        assert header_reader.read(received, header_reader.listen(received)) is None
    silence = np.zeros(layout.PREAMBLE_SYMBOLS, np.complex64)
    assert header_reader.read(silence, header_reader.listen(silence)) is None


@pytest.mark.parametrize("level", [1e-4, 1e4])
def test_the_level_does_not_matter(level: float) -> None:
    header, samples = preamble(7)
    received = (level * (samples + noise(np.random.default_rng(2), 0))).astype(np.complex64)
    assert header_reader.read(received, header_reader.listen(received)) == header

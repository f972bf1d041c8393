"""The burst: what is sent is found again, every symbol counted, nothing of it outside the samples."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from common import burst, schemes
from common.burst import Header
from common.codecs import text
from common.errors import BurstError

HEADER = Header(schemes.by_name("first-frame-desc"), clip=200, text_bytes=96, frames=8, height=256, width=256)


def noisy(symbols: np.ndarray, snr_db: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(symbols.size) + 1j * rng.standard_normal(symbols.size)
    return (symbols + noise * 10 ** (-snr_db / 20) / np.sqrt(2)).astype(np.complex64)


def sections(header: Header) -> dict[schemes.Section, np.ndarray]:
    rng = np.random.default_rng(0)
    counts = {section: header.section_symbols(section) for section in header.scheme.sections}
    return {s: np.exp(2j * np.pi * rng.random(n)).astype(np.complex64) for s, n in counts.items()}


def test_counts_are_the_papers() -> None:
    assert HEADER.section_symbols("first_frame") == 7808
    assert HEADER.section_symbols("description") == 1182
    assert HEADER.payload_symbols == 8990
    assert HEADER.total_symbols == 8990 + burst.PREAMBLE_SYMBOLS
    assert HEADER.cbr_payload == pytest.approx(0.0057, abs=5e-5)
    assert HEADER.cbr_total == pytest.approx((8990 + 220) / 1_572_864)


def test_pilots_have_unit_power_and_good_autocorrelation() -> None:
    assert np.mean(np.abs(burst.PILOTS) ** 2) == pytest.approx(1)
    shifted = [abs(np.vdot(burst.PILOTS, np.roll(burst.PILOTS, k))) for k in range(1, burst.PILOT_SYMBOLS)]
    assert max(shifted) < 1e-3 * burst.PILOT_SYMBOLS


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"clip": 0, "text_bytes": 0},
        {"clip": 255, "text_bytes": 255, "height": 512, "width": 512, "frames": 32},
        {"height": 32, "width": 96, "frames": 4, "scheme": schemes.by_name("desc-only")},
    ],
)
def test_a_burst_is_parsed_from_its_samples_alone(changes: dict[str, object]) -> None:
    header = dataclasses.replace(HEADER, **changes)
    made = burst.assemble(header, sections(header))
    assert made.samples.size == header.total_symbols
    assert burst.parse(noisy(made.samples, 3, seed=1), 0.5) == header
    stops = [part.stop for part in header.layout().values()]
    assert stops[-1] == made.samples.size


def test_header_error_rate_at_low_snr() -> None:
    symbols = burst.encode_header(HEADER)
    rates = {}
    for snr_db in (-6, -2):
        got = [burst.decode_header(noisy(symbols, snr_db, seed), 10 ** (-snr_db / 10)) for seed in range(200)]
        assert all(header in (None, HEADER) for header in got)
        rates[snr_db] = sum(header is None for header in got) / len(got)
    assert rates[-2] <= 0.02
    assert rates[-6] > rates[-2]


def test_noise_is_not_a_header() -> None:
    nothing = np.zeros(burst.HEADER_SYMBOLS, np.complex64)
    assert sum(burst.decode_header(noisy(nothing, 0, seed), 1.0) is not None for seed in range(300)) <= 1


def test_a_cut_burst_is_not_parsed() -> None:
    made = burst.assemble(HEADER, sections(HEADER))
    assert burst.parse(made.samples[:-1], 0.01) is None
    assert burst.parse(made.samples[:100], 0.01) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"frames": 7}, "4, 8, 16, 32 frames"), ({"height": 100}, "height"), ({"text_bytes": 256}, "text_bytes")],
)
def test_what_a_header_cannot_say_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(BurstError, match=words):
        burst.header_bits(dataclasses.replace(HEADER, **changes))


def test_a_section_without_unit_power_is_refused() -> None:
    loud = {section: 2 * symbols for section, symbols in sections(HEADER).items()}
    with pytest.raises(BurstError, match="unit mean power"):
        burst.assemble(HEADER, loud)
    short = {section: symbols[1:] for section, symbols in sections(HEADER).items()}
    with pytest.raises(BurstError, match="must be complex64"):
        burst.assemble(HEADER, short)


def test_the_longest_description_fits() -> None:
    assert text.MAX_BYTES == 255

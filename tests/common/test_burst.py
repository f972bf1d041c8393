"""The burst: what is sent is found again, every symbol counted, nothing of it outside the samples."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from common import burst, pilots, schemes
from common.burst import Header
from common.codecs import text, video_mode
from common.errors import BurstError
from common.modulation import qam

HEADER = Header(schemes.by_name("first-frame-desc"), clip=200, text_bytes=96, frames=8, height=256, width=256)
VIDEO = Header(schemes.by_name("h265-ldpc"), clip=7, text_bytes=0, frames=8, height=256, width=256, video_mode=13)


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
    assert HEADER.total_symbols == 8990 + HEADER.pilot_symbols + burst.HEADER_SYMBOLS


def test_sketches_have_the_papers_symbols_each() -> None:
    for scheme, symbols in (("sketch-desc", 1024), ("sketches-desc", 8192)):
        header = dataclasses.replace(HEADER, scheme=schemes.by_name(scheme))
        assert header.payload_symbols == 1182 + symbols
    assert dataclasses.replace(header, frames=16, height=128).payload_symbols == 1182 + 8192


def test_a_digital_video_has_the_papers_symbols() -> None:
    for scheme in ("h264-ldpc", "h265-ldpc"):
        header = dataclasses.replace(VIDEO, scheme=schemes.by_name(scheme))
        assert header.payload_symbols == 12_583
        assert header.cbr_payload == pytest.approx(0.008, abs=1e-6)
    assert dataclasses.replace(VIDEO, frames=16, height=128).payload_symbols == 12_583


@pytest.mark.parametrize("mode", range(len(text.MODES)))
@pytest.mark.parametrize("scheme", schemes.SCHEMES)
def test_pilots_and_header_take_at_most_256_symbols(scheme: schemes.Scheme, mode: int) -> None:
    for text_bytes in (0, 1, 96, 255):
        header = dataclasses.replace(HEADER, scheme=scheme, text_bytes=text_bytes, text_mode=mode)
        assert header.total_symbols - header.payload_symbols <= 256


def test_cbrs() -> None:
    assert HEADER.cbr_payload == pytest.approx(0.0057, abs=5e-5)
    assert HEADER.cbr_total == pytest.approx((8990 + 256) / 1_572_864)


def test_pilots_have_unit_power_and_good_autocorrelation() -> None:
    np.testing.assert_allclose(np.abs(burst.PILOTS), 1, rtol=1e-6)
    preamble = np.zeros(burst.PREAMBLE_SYMBOLS, np.complex64)
    preamble[burst.PILOT_PLACES] = burst.PILOTS
    correlation = np.abs(np.correlate(preamble, preamble, "full")) / pilots.PREAMBLE
    peak = burst.PREAMBLE_SYMBOLS - 1
    assert correlation[peak] == pytest.approx(1)
    assert np.delete(correlation, peak).max() < 0.13


def test_every_place_has_one_symbol_and_the_description_is_all_over_the_burst() -> None:
    for text_bytes in (0, 3, 96):
        header = dataclasses.replace(HEADER, text_bytes=text_bytes)
        places = header.layout()
        assert sorted(np.concatenate(list(places.values()))) == list(range(header.total_symbols))
    assert [places[name].size for name in ("pilots", "header", "description", "first_frame")] == [72, 184, 1182, 7808]
    described = np.sort(places["description"])
    assert described[0] < 250
    assert described[-1] > header.total_symbols - 20
    assert np.diff(described).max() <= 10
    scattered = np.sort(places["pilots"])[pilots.PREAMBLE :]
    assert np.diff(scattered).max() <= 9014 / 24 + 1


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"clip": 0, "text_bytes": 0},
        {"clip": 255, "text_bytes": 255, "height": 512, "width": 512, "frames": 32},
        {"height": 32, "width": 96, "frames": 4, "scheme": schemes.by_name("desc-only")},
        {"text_mode": len(text.MODES) - 1},
        {"scheme": schemes.by_name("sketch-desc")},
        {"scheme": schemes.by_name("sketches-desc"), "frames": 4, "width": 512},
    ],
)
def test_a_burst_is_parsed_from_its_samples_alone(changes: dict[str, object]) -> None:
    header = dataclasses.replace(HEADER, **changes)
    made = burst.assemble(header, sections(header))
    assert made.samples.size == header.total_symbols
    assert burst.parse(noisy(made.samples, 3, seed=1), 0.5) == header


def test_the_header_fits_into_48_bits_and_what_it_cannot_mean_is_no_header() -> None:
    bits = burst.header_bits(HEADER)
    assert bits.size + 12 == 48
    assert burst.header_from_bits(bits) == HEADER
    for field, start, width, unknown in (("version", 0, 2, 1), ("scheme", 2, 4, 15), ("text_mode", 24, 4, 15)):
        changed = bits.copy()
        changed[start : start + width] = [unknown >> i & 1 for i in range(width - 1, -1, -1)]
        assert burst.header_from_bits(changed) is None, field


def test_a_burst_without_a_description_is_parsed_and_says_nothing_of_one() -> None:
    for mode in range(len(video_mode.MODES)):
        header = dataclasses.replace(VIDEO, video_mode=mode)
        made = burst.assemble(header, sections(header))
        assert burst.parse(noisy(made.samples, 3, seed=1), 0.5) == header
        assert header.mode_name == video_mode.MODES[mode].name
    assert HEADER.mode_name == "1/3"
    bits = burst.header_bits(VIDEO)
    for start, width, unknown in ((16, 8, 1), (24, 4, len(video_mode.MODES))):
        changed = bits.copy()
        changed[start : start + width] = [unknown >> i & 1 for i in range(width - 1, -1, -1)]
        assert burst.header_from_bits(changed) is None
    with pytest.raises(BurstError, match="h265-ldpc has no description"):
        burst.header_bits(dataclasses.replace(VIDEO, text_bytes=1))


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
    quiet = sections(HEADER)
    quiet["first_frame"] = np.complex64(0.999) * quiet["first_frame"]
    with pytest.raises(BurstError, match="first_frame does not have unit mean power"):
        burst.assemble(HEADER, quiet)
    short = {section: symbols[1:] for section, symbols in sections(HEADER).items()}
    with pytest.raises(BurstError, match="must be complex64"):
        burst.assemble(HEADER, short)


@pytest.mark.parametrize("bits_per_symbol", [2, 4, 6])
def test_a_digital_section_may_be_as_uneven_as_random_points_are(bits_per_symbol: int) -> None:
    """Each of 200 sections of random points goes through; one 1.5 dB too strong does not."""
    header = dataclasses.replace(HEADER, scheme=schemes.by_name("desc-only"))
    count = header.section_symbols("description")
    rng = np.random.default_rng(3)
    for _ in range(200):
        points = qam.modulate(rng.integers(0, 2, count * bits_per_symbol, dtype=np.uint8), bits_per_symbol)
        burst.assemble(header, {"description": points})
    with pytest.raises(BurstError, match="unit mean power"):
        burst.assemble(header, {"description": points * np.complex64(10 ** (1.5 / 20))})


def test_the_longest_description_fits() -> None:
    assert text.MAX_BYTES == 255

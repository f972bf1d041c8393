"""The burst: what is sent is found again, every symbol counted, nothing of it outside the samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from common import burst, layout, pilots, schemes
from common import header as header_code
from common.codecs import text, video_mode
from common.errors import BurstError
from common.header import CLIP_NUMBERS, Header
from common.modulation import qam


def a_header(scheme: str = "first-frame-desc", **changes: Any) -> Header:
    """Of a clip of 8 frames of 256×256 with 96 bytes of text, where the scheme has one; or with ``changes``."""
    given = {"clip": 100, "frames": 8, "height": 256, "width": 256, "bytes": 96, "mode": text.DEFAULT_MODE} | changes
    described = {"bytes": given.pop("bytes"), "mode": given.pop("mode")}
    sections = schemes.by_name(scheme).sections
    return Header(
        schemes.by_name(scheme), **given, values={"description": described} if "description" in sections else {}
    )


def a_video(scheme: str = "h265-ldpc", mode: int = 13, frames: int = 8, height: int = 256, width: int = 256) -> Header:
    (section,) = schemes.by_name(scheme).sections
    return Header(schemes.by_name(scheme), 7, frames, height, width, {section: {"mode": mode}})


HEADER = a_header()
VIDEO = a_video()


def noisy(symbols: np.ndarray, snr_db: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(symbols.size) + 1j * rng.standard_normal(symbols.size)
    return (symbols + noise * 10 ** (-snr_db / 20) / np.sqrt(2)).astype(np.complex64)


def sections(header: Header) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    counts = {section: header.section_symbols(section) for section in header.scheme.sections}
    return {s: np.exp(2j * np.pi * rng.random(n)).astype(np.complex64) for s, n in counts.items()}


def meaning(bits: np.ndarray) -> Header | None:
    """What the 36 bits of a header of one word say."""
    first = header_code.first_word(bits)
    return None if first is None else first.complete(np.zeros((0, header_code.WORD_BITS), np.uint8))


def changed(header: Header, start: int, width: int, value: int) -> np.ndarray:
    """The bits of the header's one word with those from ``start`` on saying ``value``."""
    (bits,) = header_code.words(header)
    bits[start : start + width] = [value >> i & 1 for i in range(width - 1, -1, -1)]
    return bits


def test_counts_are_the_papers() -> None:
    assert HEADER.section_symbols("first_frame") == 7808
    assert HEADER.section_symbols("description") == 1182
    assert HEADER.payload_symbols == 8990
    assert HEADER.header_symbols == layout.WORD_SYMBOLS
    assert HEADER.total_symbols == 8990 + HEADER.pilot_symbols + layout.WORD_SYMBOLS


def test_sketches_have_the_papers_symbols_each() -> None:
    for scheme, symbols in (("sketch-desc", 1024), ("sketches-desc", 8192)):
        assert a_header(scheme).payload_symbols == 1182 + symbols
    assert a_header("sketches-desc", frames=16, height=128).payload_symbols == 1182 + 8192


def test_a_digital_video_has_the_papers_symbols() -> None:
    for scheme in ("h264-ldpc", "h265-ldpc"):
        header = a_video(scheme)
        assert header.payload_symbols == 12_583
        assert header.cbr_payload == pytest.approx(0.008, abs=1e-6)
    assert a_video(frames=16, height=128).payload_symbols == 12_583


@pytest.mark.parametrize("mode", range(len(text.MODES)))
@pytest.mark.parametrize("scheme", schemes.names())
def test_pilots_and_header_take_at_most_256_symbols(scheme: str, mode: int) -> None:
    for text_bytes in (0, 1, 96, 255):
        header = a_header(scheme, bytes=text_bytes, mode=mode)
        assert header.total_symbols - header.payload_symbols <= 256


def test_cbrs() -> None:
    assert HEADER.cbr_payload == pytest.approx(0.0057, abs=5e-5)
    assert HEADER.cbr_total == pytest.approx((8990 + 256) / 1_572_864)


def test_pilots_have_unit_power_and_good_autocorrelation() -> None:
    np.testing.assert_allclose(np.abs(layout.PREAMBLE_PILOTS), 1, rtol=1e-6)
    preamble = np.zeros(layout.PREAMBLE_SYMBOLS, np.complex64)
    preamble[layout.PREAMBLE_PILOT_INDICES] = layout.PREAMBLE_PILOTS
    correlation = np.abs(np.correlate(preamble, preamble, "full")) / pilots.PREAMBLE
    peak = layout.PREAMBLE_SYMBOLS - 1
    assert correlation[peak] == pytest.approx(1)
    assert np.delete(correlation, peak).max() < 0.13


def test_every_index_has_one_symbol_and_the_description_is_all_over_the_burst() -> None:
    for text_bytes in (0, 3, 96):
        header = a_header(bytes=text_bytes)
        indices = header.layout()
        assert sorted(np.concatenate(list(indices.values()))) == list(range(header.total_symbols))
    assert [indices[name].size for name in ("pilots", "header", "description", "first_frame")] == [72, 184, 1182, 7808]
    described = np.sort(indices["description"])
    assert described[0] < 250
    assert described[-1] > header.total_symbols - 20
    assert np.diff(described).max() <= 10
    scattered = np.sort(indices["pilots"])[pilots.PREAMBLE :]
    assert np.diff(scattered).max() <= 9014 / 24 + 1


@pytest.mark.parametrize(
    ("scheme", "changes"),
    [
        ("first-frame-desc", {}),
        ("first-frame-desc", {"clip": 0, "bytes": 0}),
        ("first-frame-desc", {"clip": CLIP_NUMBERS - 1, "bytes": 255, "height": 512, "width": 512, "frames": 32}),
        ("desc-only", {"height": 32, "width": 96, "frames": 4}),
        ("first-frame-desc", {"mode": len(text.MODES) - 1}),
        ("sketch-desc", {}),
        ("sketches-desc", {"frames": 4, "width": 512}),
        ("djscc-rgb", {"frames": 16, "height": 64}),
    ],
)
def test_a_burst_is_parsed_from_its_samples_alone(scheme: str, changes: dict[str, int]) -> None:
    header = a_header(scheme, **changes)
    made = burst.assemble(header, sections(header))
    assert made.samples.size == header.total_symbols
    assert burst.parse(noisy(made.samples, 3, seed=1), 0.5) == header


def test_the_clip_number_wraps() -> None:
    assert header_code.words(a_header(clip=CLIP_NUMBERS + 3)).tolist() == header_code.words(a_header(clip=3)).tolist()


def test_the_header_fits_into_48_bits_and_what_it_cannot_mean_is_no_header() -> None:
    (bits,) = header_code.words(HEADER)
    assert bits.size + 12 == 48
    assert meaning(bits) == HEADER
    for field, start, width, unknown in (
        ("version", 0, 2, 0),
        ("version", 0, 2, 2),
        ("scheme", 2, 5, 31),
        ("mode", 32, 4, 15),
    ):
        assert meaning(changed(HEADER, start, width, unknown)) is None, field


def test_a_burst_without_a_description_is_parsed_and_says_nothing_of_one() -> None:
    for mode in range(len(video_mode.MODES)):
        header = a_video(mode=mode)
        made = burst.assemble(header, sections(header))
        assert burst.parse(noisy(made.samples, 3, seed=1), 0.5) == header
        assert header.mode_name == video_mode.MODES[mode].name
        assert header.modes == {"h265": video_mode.MODES[mode].name}
    assert (HEADER.mode_name, HEADER.modes) == ("1/3", {"description": "1/3"})
    for start, width, unknown in ((28, 8, 1), (24, 4, len(video_mode.MODES))):
        assert meaning(changed(VIDEO, start, width, unknown)) is None
    with pytest.raises(BurstError, match="h265-ldpc has no section 'description'"):
        Header(VIDEO.scheme, 0, 8, 256, 256, {"description": {"bytes": 1}})
    with pytest.raises(BurstError, match="section 'h265' has no header field 'bytes'"):
        Header(VIDEO.scheme, 0, 8, 256, 256, {"h265": {"bytes": 1}})


def test_a_cut_burst_is_not_parsed() -> None:
    made = burst.assemble(HEADER, sections(HEADER))
    assert burst.parse(made.samples[:-1], 0.01) is None
    assert burst.parse(made.samples[:100], 0.01) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"frames": 7}, "4, 8, 16, 32 frames"),
        ({"height": 100}, "height"),
        ({"width": 544}, "width"),
        ({"bytes": 256}, "description bytes = 256"),
        ({"mode": -1}, "description mode = -1"),
    ],
)
def test_what_a_header_cannot_say_is_refused(changes: dict[str, int], words: str) -> None:
    with pytest.raises(BurstError, match=words):
        header_code.words(a_header(**changes))


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
    header = a_header("desc-only")
    count = header.section_symbols("description")
    rng = np.random.default_rng(3)
    for _ in range(200):
        points = qam.modulate(rng.integers(0, 2, count * bits_per_symbol, dtype=np.uint8), bits_per_symbol)
        burst.assemble(header, {"description": points})
    with pytest.raises(BurstError, match="unit mean power"):
        burst.assemble(header, {"description": points * np.complex64(10 ** (1.5 / 20))})


def test_the_longest_description_fits() -> None:
    assert text.MAX_BYTES == 255

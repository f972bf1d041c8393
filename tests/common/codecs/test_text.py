from __future__ import annotations

import numpy as np
import pytest

from common.codecs import text
from common.errors import BurstError, SchemeError

CAPTION = "A group of cyclists rides down a narrow street between parked cars while a bus waits at the side"


def through_air(symbols, snr_db, rng):
    variance = 10.0 ** (-snr_db / 10.0)
    noise = rng.standard_normal(symbols.size) + 1j * rng.standard_normal(symbols.size)
    return symbols + noise * np.sqrt(variance / 2.0), variance


@pytest.mark.parametrize(
    "line",
    [
        CAPTION,
        "x",
        "naïve café — 10 °C",
        "Straßenbahn überquert die Brücke",
        "一只猫坐在窗台上",
        "собака бежит по пляжу",
        "شخص يمشي",
        "👩‍👩‍👧‍👦 on a 🚲",  # joined by U+200D
        "e\u0301 is not \u00e9",
        "\u00a0no-break\u3000wide  double",
        "\U0010ffff\ufffd\ue000",
        "a\"b'c\\d\x7e",
    ],
)
def test_texts_of_all_kinds_arrive(line):
    data, was_cut = text.fit(line)
    assert data == line.encode("utf-8")
    assert not was_cut
    symbols = text.encode(data)
    assert symbols.dtype == np.complex64
    assert symbols.shape == (text.symbol_count(len(data)),)
    assert text.decode(symbols, len(data), 0.1) == line


LINES = [
    CAPTION,
    "x",
    "naïve café — 10 °C",
    "一只猫坐在窗台上",
    "👩‍👩‍👧‍👦 on a 🚲",
    "a\"b'c\\d\x7e",
    "q" * 255,
    "Ж" * 127,
    "ZQXJ" * 63,
]


@pytest.mark.parametrize("mode", text.MODES, ids=lambda mode: mode.name)
def test_texts_arrive_in_every_mode(mode):
    for line in LINES:
        data, _ = text.fit(line)
        byte_count = text.byte_count(data, mode.number)
        symbols = text.encode(data, mode.number)
        assert symbols.shape == (text.symbol_count(byte_count, mode.number),)
        assert text.decode(symbols, byte_count, np.full(symbols.size, 0.1), mode.number) == line
    assert text.encode(b"", mode.number).size == 0
    assert text.byte_count(b"", mode.number) == 0
    assert text.decode(np.zeros(0), 0, 0.1, mode.number) == ""


def test_modes_are_what_the_header_says():
    names = ["1/8", "1/6", "1/4", "1/3", "1/2", "1/8+", "1/6+", "1/4+", "1/3+", "1/2+"]
    assert [mode.name for mode in text.MODES] == names
    assert [mode.number for mode in text.MODES] == list(range(10))
    assert text.MODES[text.DEFAULT_MODE].name == "1/3"
    assert text.by_name("1/4+") is text.MODES[7]
    assert [text.symbol_count(96, n) for n in range(5)] == [3142, 2358, 1574, 1182, 790]
    for wrong in (-1, 10):
        with pytest.raises(SchemeError, match="text mode"):
            text.symbol_count(96, wrong)
    with pytest.raises(SchemeError, match="text mode"):
        text.by_name("1/5")


def test_the_model_saves_more_than_six_of_ten_symbols():
    plain = text.symbol_count(len(CAPTION))
    assert text.symbol_count(text.byte_count(CAPTION.encode(), 8), 8) < 0.4 * plain


def test_hostile_bytes_give_a_line_of_text_or_nothing():
    rng = np.random.default_rng(3)
    for mode in (text.DEFAULT_MODE, 8):
        for size in (1, 2, 5, 30, 255):
            for _ in range(6):
                got = text.read(rng.bytes(size), mode)
                assert got is None or text.fit(got) == (got.encode(), False) or got != got.strip(" ")


def test_nothing_can_be_said_in_more_than_255_bytes():
    rng = np.random.default_rng(4)
    for _ in range(10):
        data = text.fit("".join(map(chr, rng.integers(0x4E00, 0x9FFF, 85))))[0]
        assert len(data) == 255
        assert text.byte_count(data, 8) <= 255


@pytest.mark.parametrize("byte_count", range(1, text.MAX_BYTES + 1, 2))
def test_every_length_arrives(byte_count):
    data = ("0123456789" * 26)[:byte_count].encode()
    symbols = text.encode(data)
    assert symbols.size == text.symbol_count(byte_count)
    assert text.decode(symbols, byte_count, 0.01) == data.decode()


def test_96_characters_take_1182_symbols():
    assert len(CAPTION) == 96
    assert text.symbol_count(96) == 1182
    assert text.encode(CAPTION.encode()).size == 1182


def test_no_text_takes_no_symbols():
    assert text.fit("") == (b"", False)
    assert text.fit(" \n\t ") == (b"", False)
    assert text.symbol_count(0) == 0
    symbols = text.encode(b"")
    assert symbols.shape == (0,)
    assert symbols.dtype == np.complex64
    assert text.decode(symbols, 0, 1.0) == ""


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ("two\nlines", "two lines"),
        ("two\r\nlines", "two lines"),
        ("two\n\nlines", "two  lines"),
        ("\ttab\x00nul\x1b[31mred\x7fdel\x85next\x9bcsi", "tab nul [31mred del next csi"),
        ("line\u2028separator\u2029paragraph", "line separator paragraph"),
        ("  ends \n", "ends"),
        ("lone \ud83d half", "lone \ufffd half"),
    ],
)
def test_what_is_no_line_of_text_is_made_one(raw, line):
    assert text.fit(raw) == (line.encode("utf-8"), False)


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("a" * 255, 255),
        ("a" * 256, 255),
        ("é" * 128, 254),  # 2 bytes each
        ("a" + "é" * 127, 255),
        ("語" * 86, 255),  # 3
        ("ab" + "語" * 85, 254),
        ("😀" * 64, 252),  # 4
        ("a" * 254 + "😀", 254),
        ("a" * 251 + "😀", 255),
        ("a" * 254 + " b", 254),  # no space at the end
        ("x" * 1_000_000, 255),
    ],
)
def test_long_texts_are_cut_after_a_whole_character(raw, kept):
    data, was_cut = text.fit(raw)
    assert len(data) == kept
    assert raw.startswith(data.decode("utf-8"))
    assert was_cut == (data != raw.encode("utf-8"))


def test_surrounding_space_alone_is_no_cut():
    assert text.fit(" " * 300 + "a" * 255 + "\n" * 300) == (b"a" * 255, False)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe",
        b"\x80abc",
        b"caf\xc3",  # cut within a character
        b"\xc0\xaf",  # overlong
        b"\xed\xa0\x80",  # surrogate
        b"\xf4\x90\x80\x80",  # beyond U+10FFFF
        b"new\nline",
        b"\x1b[2J",
        b"\x00",
        "\u2028".encode(),
    ],
)
def test_bytes_that_no_description_has_are_not_passed_on(data):
    assert text.decode(text.encode(data), len(data), 0.01) is None


@pytest.mark.parametrize(
    ("data", "snr_db", "draws", "least_failed"),
    [
        (CAPTION.encode(), -2.0, 400, 300),
        (CAPTION.encode(), -1.5, 400, 60),
        (CAPTION.encode(), -6.0, 200, 200),
        (b"cat", -3.0, 1500, 400),
        (b"cat", -6.0, 1500, 1300),
        (b"a", -8.0, 1500, 1300),
    ],
)
def test_a_corrupted_text_never_passes_as_right(data, snr_db, draws, least_failed):
    rng = np.random.default_rng(1)
    symbols = text.encode(data)
    failed = 0
    for _ in range(draws):
        received = text.decode(through_air(symbols, snr_db, rng)[0], len(data), 10.0 ** (-snr_db / 10.0))
        if received is None:
            failed += 1
        else:
            assert received == data.decode()
    assert failed >= least_failed


def test_texts_arrive_from_minus_half_a_db_on():
    rng = np.random.default_rng(2)
    symbols = text.encode(CAPTION.encode())
    for snr_db in (-0.5, 0.0, 1.0, 5.0, 30.0):
        for _ in range(60):
            assert text.decode(*_received(symbols, snr_db, rng)) == CAPTION


def _received(symbols, snr_db, rng):
    received, variance = through_air(symbols, snr_db, rng)
    return received, 96, variance


def test_the_wrong_length_gives_no_text():
    """No two lengths have the same number of symbols, in any mode; told the wrong one, the decoder refuses."""
    for mode in range(len(text.MODES)):
        assert len({text.symbol_count(n, mode) for n in range(256)}) == 256
    symbols = text.encode(b"x" * 65)
    assert text.decode(symbols, 65, 0.1) == "x" * 65
    with pytest.raises(BurstError, match="symbols"):
        text.decode(symbols, 66, 0.1)


@pytest.mark.parametrize("byte_count", [-1, 256])
def test_lengths_out_of_range_are_refused(byte_count):
    with pytest.raises(SchemeError, match="0 to 255 bytes"):
        text.symbol_count(byte_count)
    with pytest.raises(SchemeError, match="0 to 255 bytes"):
        text.decode(np.zeros(10), byte_count, 1.0)


def test_too_many_bytes_are_refused():
    with pytest.raises(SchemeError, match="not 256"):
        text.encode(b"a" * 256)


def test_a_section_cut_short_is_refused():
    with pytest.raises(BurstError, match="1182 symbols"):
        text.decode(np.zeros(1181, dtype=np.complex64), 96, 1.0)
    with pytest.raises(BurstError, match="no symbols"):
        text.decode(np.zeros(3, dtype=np.complex64), 0, 1.0)

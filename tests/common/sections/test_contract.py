"""The contract of a section, on every one that is registered."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from common import burst, schemes
from common import header as header_code
from common.clip import Clip
from common.errors import BurstError, GvscError
from common.header import Header
from common.schemes import Part, Scheme
from common.sections import SECTIONS, section
from common.sections.base import Arrived, Encoded, Extractor, Plain, Slot, encoder_options
from transmitter.extract.base import EXTRACTORS

ROOT = Path(__file__).parents[3]
NAMES = SECTIONS.names()
SIZES = [(8, 128, 160), (4, 128, 192)]
TEXT = "A red square rests on a blue field."


class Sources:
    """A clip of a square that moves over a slope, so that little has to be said, with extractors without weights."""

    def __init__(self, frames: int, height: int, width: int) -> None:
        y, x = np.mgrid[:height, :width]
        slope = np.stack([y * 160 // height, y * 100 // height, np.full_like(x, 90)], axis=-1)
        video = np.repeat(slope[None], frames, axis=0).astype(np.uint8)
        for number, frame in enumerate(video):
            frame[32:64, 4 + 4 * number : 36 + 4 * number] = (230, 40, 30)
        self.clip = Clip(video, TEXT)

    def extractor(self, name: str) -> Extractor:
        light = {"captioner": "captions", "edge extractor": "canny"}  # without weights
        made: Extractor = EXTRACTORS.load(name, light.get(name))
        return made


@cache
def sent(name: str, size: tuple[int, int, int] = SIZES[0]) -> tuple[Any, Encoded, Slot]:
    """What a section extracts of a clip, that coded for 20 dB with the defaults of all options, and its slot."""
    coded = section(name)
    content = coded.extract(Sources(*size))
    slot = Slot(*size, budget=budget(name))
    made = coded.encode(content, 20.0, slot, {})
    return content, made, replace(slot, values=made.values)


@cache
def received(name: str, size: tuple[int, int, int] = SIZES[0]) -> Arrived:
    _, made, slot = sent(name, size)
    return section(name).decode(Plain(made.symbols, 30.0), slot)


def budget(name: str) -> int | None:
    """Symbols for a section that takes as many as a scheme says."""
    return {"motion": 500, "first_frame_2": 7808}.get(name) if section(name).budgeted else None


def alone(name: str) -> Scheme:
    """A scheme of that section alone; not registered."""
    return Scheme(f"{name}-alone", 31, (Part(name, budget(name)),), "of a test")


def test_the_sections_are_those_of_the_table_and_each_object_has_the_name_it_is_found_by() -> None:
    used = {part.section for name in schemes.names() for part in schemes.by_name(name).parts}
    assert used <= set(NAMES)
    assert all(section(name).name == name for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_it_says_of_itself_can_be_used(name: str) -> None:
    coded, entry = section(name), SECTIONS.entry(name)
    assert coded.kind in ("bits", "analogue")
    assert coded.modality in ("text", "frame", "sketch", "motion", "video")
    # names of tasks are made of it: TASK=NAME must be understood
    assert (coded.condition == "") == (coded.modality == "video")
    assert coded.condition == "" or re.fullmatch("[a-z0-9_]+", coded.condition)
    assert re.fullmatch("#[0-9a-f]{6}", coded.colour)
    assert len({field.name for field in coded.fields}) == len(coded.fields)
    assert all(field.bits > 0 for field in coded.fields)
    assert entry.summary
    for option in coded.options:
        assert option.parameter.check(option.default) == option.default
        assert encoder_options()[option.parameter.name] is option
        for value, ladder in option.ladders.items():
            assert option.parameter.check(value) == value
            assert all(option.parameter.check(rung) == rung for _, rung in ladder)
            assert all(low < high for (low, _), (high, _) in pairwise(ladder))


@pytest.mark.parametrize("name", NAMES)
def test_its_symbols_are_counted_without_torch(name: str) -> None:
    program = (
        "import sys\n"
        "from common.sections import section\n"
        "from common.sections.base import Slot\n"
        f"coded = section({name!r})\n"
        "slot = Slot(values=dict.fromkeys((field.name for field in coded.fields), 1))\n"
        "assert coded.symbols(slot) > 0\n"
        "coded.mode_name(slot)\n"
        "heavy = {'torch', 'scipy', 'numba', 'sionna', 'av', 'diffusers', 'transformers'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_as_many_symbols_are_sent_as_are_counted_and_at_unit_power(name: str, size: tuple[int, int, int]) -> None:
    coded = section(name)
    _, made, slot = sent(name, size)
    assert made.fits
    assert made.messages == ()
    assert made.symbols.dtype == np.complex64
    assert made.symbols.shape == (coded.symbols(slot),)
    tolerance = 5 * 0.62 / math.sqrt(made.symbols.size) if coded.kind == "bits" else 1e-3
    assert np.mean(np.abs(made.symbols) ** 2) == pytest.approx(1, abs=tolerance)
    header = Header(alone(name), 1, *size, {name: made.values})
    assert burst.assemble(header, {name: made.symbols}).samples.size == header.total_symbols


@pytest.mark.parametrize("name", NAMES)
def test_its_values_go_through_a_header(name: str, open_registries: None) -> None:
    coded = section(name)
    _, made, slot = sent(name)
    assert made.values.keys() == {field.name for field in coded.fields}
    assert all(0 <= made.values[field.name] < 1 << field.bits for field in coded.fields)
    schemes.add(alone(name))
    header = Header(schemes.by_name(f"{name}-alone"), 5, *SIZES[0], {name: made.values})
    first = header_code.first_word(header_code.words(header)[0])
    assert first is not None
    read = first.complete(header_code.words(header)[1:])
    assert read == header
    assert read is not None
    assert read.slot(name) == slot
    for field in coded.fields:
        with pytest.raises(BurstError, match=f"{name} {field.name} = {1 << field.bits} does not fit"):
            header_code.words(replace(header, values={name: {**made.values, field.name: 1 << field.bits}}))


@pytest.mark.parametrize("name", NAMES)
def test_fields_of_any_value_count_symbols_or_are_refused(name: str, open_registries: None) -> None:
    """What no transmitter sends is no header, and all else can be decoded whatever the symbols are."""
    coded = section(name)
    _, _, slot = sent(name)
    schemes.add(alone(name))
    refused = 0
    for field in coded.fields:
        for value in range(1 << field.bits):
            odd = replace(slot, values={**slot.values, field.name: value})
            header = Header(schemes.by_name(f"{name}-alone"), 5, *SIZES[0], {name: odd.values})
            first = header_code.first_word(header_code.words(header)[0])
            try:
                count = coded.symbols(odd)
            except GvscError:
                refused += 1
                assert first is None
                continue
            assert 0 <= count < 1 << 20
            assert isinstance(coded.mode_name(odd), str)
            assert first is not None
    modes = [field for field in coded.fields if field.name == "mode"]
    assert (refused > 0) == bool(modes)
    assert not modes or coded.mode_name(slot)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e8])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_any_symbols_are_decoded_to_something_or_nothing(name: str, scale: float) -> None:
    coded = section(name)
    _, _, slot = sent(name)
    both = np.random.default_rng(1).standard_normal((2, coded.symbols(slot)))
    arrived = coded.decode(Plain((scale * (both[0] + 1j * both[1])).astype(np.complex64), -3.0), slot)
    assert arrived.section == name
    assert arrived.value is not None or arrived.failed
    if isinstance(arrived.value, np.ndarray) and arrived.value.dtype == np.float32:
        assert np.isfinite(arrived.value).all()
        assert 0 <= arrived.value.min() <= arrived.value.max() <= 1


def of_value(name: str, value: Any) -> None:
    """Checks the form of a value by the section's modality."""
    frames, height, width = SIZES[0]
    match section(name).modality:
        case "text":
            assert isinstance(value, str)
        case "frame":
            assert (value.dtype, value.shape) == (np.float32, (3, height, width))
        case "sketch":
            assert value.dtype == np.float32
            assert value.shape in ((1, height, width), (frames, height, width))
        case "video":
            assert (value.dtype, value.shape) == (np.uint8, (frames, height, width, 3))


def error(one: Any, two: Any) -> float:
    """Mean of |one − two| of arrays with values in 0 … 1 or 0 … 255, as a share of the whole range."""
    scale = 255.0 if one.dtype == np.uint8 else 1.0
    return float(np.mean(np.abs(one.astype(np.float64) - two.astype(np.float64))) / scale)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_sent_arrives_and_clean_is_what_it_is_compared_with(name: str) -> None:
    coded = section(name)
    content, made, _ = sent(name)
    arrived, clean = received(name), coded.clean(content)
    for one in (arrived, clean):
        assert (one.section, one.modality, one.condition) == (name, coded.modality, coded.condition)
        assert (one.failed, one.message, one.least_snr_db) == (False, "", coded.least_snr_db)
        of_value(name, one.value)
        assert [condition for condition, _ in one.fallbacks] == (["sketch"] if name == "sketches" else [])
    assert clean.snr_db is None
    assert arrived.snr_db == (30.0 if coded.kind == "analogue" else None)
    if coded.modality == "text":
        assert arrived.value == clean.value == TEXT
        assert arrived.known is not None
        np.testing.assert_array_equal(arrived.known, made.symbols)
    else:
        # displacements are in pixels
        assert error(arrived.value, clean.value) < (0.5 if coded.modality == "motion" else 0.04)
        for (_, one), (_, two) in zip(arrived.fallbacks, clean.fallbacks, strict=True):
            assert error(one, two) < 0.04


PICTURES = {
    "first_frame": (128, 160, 3),
    "first_frame_2": (128, 160, 3),
    "sketch": (128, 160),
    "sketches": (128, 8 * 160),
}


@pytest.mark.parametrize("name", NAMES)
def test_it_is_shown_as_a_picture_and_as_a_clip(name: str) -> None:
    coded = section(name)
    content, _, slot = sent(name)
    for value in (received(name).value, coded.clean(content).value):
        picture, video = coded.picture(value), coded.video(value, slot)
        if name in PICTURES:
            assert picture is not None
            assert picture.shape == PICTURES[name]
        assert picture is None or picture.ndim == 2 or picture.shape[2:] == (3,)
        assert picture is None or (picture.dtype, picture.flags.c_contiguous) == (np.uint8, True)
        assert (video is None) == (coded.modality in ("text", "motion"))
        if video is None:
            continue
        assert (video.dtype, video.shape) == (np.uint8, (*SIZES[0], 3))
        match name:
            case "first_frame":
                np.testing.assert_array_equal(video, np.broadcast_to(picture, video.shape))
            case "sketch" | "sketches":
                lines = np.stack(np.split(picture, 8 if name == "sketches" else 1, axis=1))[..., None]
                np.testing.assert_array_equal(video, np.broadcast_to(lines, video.shape))
            case _ if coded.modality == "video":
                np.testing.assert_array_equal(video, value)


def test_an_option_is_one_of_those_there_are() -> None:
    content, _, slot = sent("description")
    with pytest.raises(GvscError, match="7/8"):
        section("description").encode(content, 20.0, slot, {"text_mode": "7/8"})
    content, _, slot = sent("h265")
    with pytest.raises(GvscError, match="7/9"):
        section("h265").encode(content, 20.0, slot, {"video_rate": "7/9"})
    assert section("h265").encode(content, 20.0, slot, {"video_rate": "2/3"}).values != slot.values


def test_an_unknown_section_is_told() -> None:
    with pytest.raises(GvscError, match=r"no section is called 'smell'; there are: .*description"):
        section("smell")

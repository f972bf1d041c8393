"""Sections and schemes that nobody in the tree knows: several digital and several visual ones in one burst, each with
its own mode, and headers of more than one word."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import pytest

from channel.channel import Channel
from common import burst, layout, pilots, schemes
from common import header as header_code
from common.clip import Clip
from common.coding import bits as bit_vectors
from common.coding import block
from common.errors import SchemeError
from common.header import Header
from common.knobs import Knob
from common.schemes import Part, Scheme
from common.sections import section
from common.sections.base import Arrived, Encoded, Field, Observation, Option, Options, Section, Slot, Sources, register
from gvsc.link import Link
from receiver import header as header_reader
from receiver.find_bursts import find_bursts
from receiver.generators.base import Conditions
from receiver.listen import listen
from receiver.policy import plan
from receiver.receiver import Receiver
from transmitter.transmitter import Transmitter

pytestmark = pytest.mark.usefixtures("own_schemes")

SIDE = 64
CLIP = Clip(np.random.default_rng(0).integers(0, 256, (8, SIDE, SIDE, 3), dtype=np.uint8), "A red car.")
RATES = tuple(map(str, block.RATES))


class Coded(Section):
    """A few bytes at one of five code rates."""

    kind = "bits"
    modality = "motion"
    fields = (Field("bytes", 8), Field("mode", 3))
    said: ClassVar[bytes]

    def symbols(self, slot: Slot) -> int:
        if slot.values["mode"] >= len(RATES):
            raise SchemeError("no such rate")
        return block.symbol_count(8 * slot.values["bytes"], block.RATES[slot.values["mode"]])

    def mode_name(self, slot: Slot) -> str:
        return RATES[slot.values["mode"]]

    def extract(self, sources: Sources) -> bytes:
        return self.said

    def encode(self, content: bytes, tx_snr_db: float, slot: Slot, options: Options) -> Encoded:
        mode = RATES.index(str(options.get(f"{self.name}_rate", "1/3")))
        symbols = block.encode(bit_vectors.from_bytes(content), block.RATES[mode])
        return Encoded(symbols, {"bytes": len(content), "mode": mode})

    def decode(self, observation: Observation, slot: Slot) -> Arrived:
        rate = block.RATES[slot.values["mode"]]
        symbols, noise = observation.equalised()
        found = block.decode(symbols, 8 * slot.values["bytes"], noise, rate)
        if found is None:
            return self.arrived(None, failed=True, message=f"the {self.name} are lost")
        return self.arrived(bit_vectors.to_bytes(found), known=block.encode(found, rate))


def rate_of(name: str) -> Option:
    return Option(Knob(f"{name}_rate", "code rate", kind="choice", choices=RATES), "1/3")


class Labels(Coded):
    """Interleaved with all that follow each other."""

    name = "labels"
    condition = "labels"
    said = b"car, road, two trees"
    options = (rate_of("labels"),)
    interleaved = True


class Paths(Coded):
    """As long as its symbols follow each other."""

    name = "paths"
    condition = "motion"
    said = bytes(range(90))
    options = (rate_of("paths"),)


class Shades(Section):
    """A small picture of values in 0 … 1 as phases, each sent as often as its mode says."""

    kind = "analogue"
    modality = "frame"
    fields = (Field("mode", 2),)
    channel: ClassVar[int]

    def symbols(self, slot: Slot) -> int:
        return (1 + slot.values["mode"]) * (slot.height // 8) * (slot.width // 8)

    def mode_name(self, slot: Slot) -> str:
        return f"{1 + slot.values['mode']}×"

    def extract(self, sources: Sources) -> np.ndarray:
        return (sources.clip.video[0, ::8, ::8, self.channel] / 255).astype(np.float32)

    def encode(self, content: np.ndarray, tx_snr_db: float, slot: Slot, options: Options) -> Encoded:
        mode = int(str(options.get(f"{self.name}_repeats", 1))) - 1
        symbols = np.exp(0.5j * np.pi * content.reshape(-1)).astype(np.complex64)
        return Encoded(np.tile(symbols, 1 + mode), {"mode": mode})

    def decode(self, observation: Observation, slot: Slot) -> Arrived:
        symbols, snr_db = observation.spread()
        mean = symbols.reshape(1 + slot.values["mode"], -1).mean(0)
        values = np.clip(np.angle(mean) / (0.5 * np.pi), 0, 1).astype(np.float32)
        return self.arrived(values.reshape(slot.height // 8, slot.width // 8), snr_db)

    def picture(self, value: np.ndarray) -> np.ndarray:
        return np.rint(value * 255).astype(np.uint8)


def repeats_of(name: str) -> Option:
    return Option(Knob(f"{name}_repeats", "how often", kind="integer", low=1, high=4), 1)


class Depth(Shades):
    """How far things are."""

    name = "depth"
    condition = "depth"
    channel = 0
    options = (repeats_of("depth"),)
    least_snr_db = -5.0


class Heat(Shades):
    """How warm they are."""

    name = "heat"
    condition = "heat"
    channel = 1
    options = (repeats_of("heat"),)


class Padding(Section):
    """Nothing but fields."""

    kind = "bits"
    modality = "motion"
    condition = "padding"
    symbols = lambda self, slot: 0  # noqa: E731
    extract = lambda self, sources: None  # noqa: E731

    def encode(self, content: None, tx_snr_db: float, slot: Slot, options: Options) -> Encoded:
        return Encoded(np.zeros(0, np.complex64), {field.name: 1 for field in self.fields})

    def decode(self, observation: Observation, slot: Slot) -> Arrived:
        return self.arrived(dict(slot.values))


class Long(Padding):
    """Three words in all."""

    name = "long"
    fields = (Field("a", 40), Field("b", 1))


class Longest(Padding):
    """All that a header can hold, beside a description."""

    name = "longest"
    fields = (Field("a", 63), Field("b", 45))


MANY = ("description", "labels", "paths", "depth", "heat", "sketch")
SCHEMES = {"many": MANY, "long": ("description", "long", "depth"), "longest": ("description", "longest")}
EXTENSIONS = {"many": 1, "long": 2, "longest": 3}
VALUES = {
    "description": {"bytes": 30, "mode": 3},
    "labels": {"bytes": 20, "mode": 1},
    "paths": {"bytes": 90, "mode": 4},
    "depth": {"mode": 2},
    "heat": {"mode": 0},
    "sketch": {},
    "long": {"a": (1 << 40) - 2, "b": 1},
    "longest": {"a": 0x5A5A5A5A5A5A5A5A & (1 << 63) - 1, "b": 12345},
}


@pytest.fixture
def own_schemes(open_registries: None) -> None:
    for kind in (Labels, Paths, Depth, Heat, Long, Longest):
        register("of a test")(kind)
    for number, (name, sections) in enumerate(SCHEMES.items(), schemes.FIRST_FREE):
        schemes.add(Scheme(name, number, tuple(map(Part, sections)), "of a test"))


def header_of(scheme: str, clip: int = 3, size: int = SIDE) -> Header:
    named = schemes.by_name(scheme)
    return Header(named, clip, 8, size, size, {name: VALUES[name] for name in named.sections})


def burst_of(header: Header, seed: int = 0) -> np.ndarray:
    """A burst with sections of random phases."""
    rng = np.random.default_rng(seed)
    counts = {name: header.section_symbols(name) for name in header.scheme.sections}
    sections = {name: np.exp(2j * np.pi * rng.random(n)).astype(np.complex64) for name, n in counts.items()}
    return burst.assemble(header, sections).samples


def noisy(samples: np.ndarray, snr_db: float, seed: int = 0, gain: complex = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    both = rng.standard_normal(samples.size) + 1j * rng.standard_normal(samples.size)
    return (gain * (samples + both * np.sqrt(0.5 * 10 ** (-snr_db / 10)))).astype(np.complex64)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_header_of_more_words_says_all(scheme: str) -> None:
    header = header_of(scheme)
    words = header_code.words(header)
    assert header.extensions == EXTENSIONS[scheme] == len(words) - 1
    assert words.shape == (1 + header.extensions, header_code.WORD_BITS)
    coded = header_code.encode(header)
    assert coded.shape == (header.header_symbols,) == (len(words) * layout.WORD_SYMBOLS,)
    np.testing.assert_allclose(np.abs(coded), 1, rtol=1e-6)
    first = header_code.first_word(words[0])
    assert first is not None
    assert (first.scheme, first.clip) == (header.scheme, header.clip)
    assert first.complete(words[1:]) == header
    # bits that belong to nobody must be 0
    wasted = words.size - 24 - header.scheme.field_bits
    if wasted:
        words[-1, -1] = 1
        assert first.complete(words[1:]) is None


def test_a_mode_that_nobody_sends_in_a_further_word_is_no_header() -> None:
    header = header_of("many")
    words = header_code.words(header)
    first = header_code.first_word(words[0])
    assert first is not None
    # 12 bits of the description are in the first word; then bytes and mode of labels, of paths
    assert first.complete(words[1:]) == header
    for start in (8, 19):
        wrong = words.copy()
        wrong[1, start : start + 3] = 1
        assert first.complete(wrong[1:]) is None


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", [32, 64, 512])
def test_the_layout_names_every_index_once(scheme: str, size: int) -> None:
    header = header_of(scheme, size=size)
    found = header.layout()
    assert list(found) == ["pilots", "header", *header.scheme.sections]
    np.testing.assert_array_equal(np.sort(np.concatenate(list(found.values()))), np.arange(header.total_symbols))
    assert {name: found[name].size for name in header.scheme.sections} == {
        name: header.section_symbols(name) for name in header.scheme.sections
    }
    assert found["header"].size == header.header_symbols
    assert found["pilots"].size == header.pilot_symbols == burst.known_pilots(header).size
    # what tells of the sections comes before them, with pilots in it throughout
    lead = layout.lead_symbols(header.extensions)
    assert found["header"].max() < lead <= min(found[name].min() for name in header.scheme.sections if found[name].size)
    ahead = np.sort(found["pilots"][found["pilots"] < lead])
    assert np.diff(ahead).max() <= 10
    assert ahead.size == pilots.PREAMBLE + header.extensions * layout.EXTENSION_PILOTS
    # sections that are interleaved reach from end to end, the others stand in the order of the scheme
    for name in header.scheme.sections:
        if section(name).interleaved and header.section_symbols(name) > 100:
            assert found[name].max() - found[name].min() > 0.9 * (header.total_symbols - lead)
    blocks = [found[name] for name in header.scheme.sections if not section(name).interleaved and found[name].size]
    assert all(one.max() < two.min() for one, two in pairwise(blocks))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_is_parsed_and_heard_from_its_samples_alone(scheme: str) -> None:
    header = header_of(scheme)
    samples = burst_of(header)
    assert burst.parse(noisy(samples, 3), 0.5) == header
    assert burst.parse(samples[:-1], 0.01) is None
    assert burst.parse(samples[: layout.lead_symbols(header.extensions) - 1], 0.01) is None
    turned = noisy(samples, 3, gain=0.1 * np.exp(2j))
    assert header_reader.read(turned, header_reader.listen(turned)) == header
    for end in (layout.lead_symbols(header.extensions) - 1, layout.PREAMBLE_SYMBOLS):
        assert header_reader.read(turned[:end], header_reader.listen(turned[:end])) is None


@pytest.mark.parametrize(("scheme", "most"), [("many", 2), ("longest", 4)])
def test_it_is_read_where_a_header_of_one_word_is(scheme: str, most: int) -> None:
    """Of 150 at −3 dB; of one word 2 in 1 000 are lost there."""
    lead = layout.lead_symbols(EXTENSIONS[scheme])
    lost = 0
    for clip in range(150):
        header = header_of(scheme, clip % header_code.CLIP_NUMBERS)
        received = noisy(burst_of(header)[:lead], -3, clip, np.exp(1j * clip))
        lost += header_reader.read(received, header_reader.listen(received)) != header
    assert lost <= most


def test_a_gain_that_moves_is_followed_through_all_words() -> None:
    header = header_of("long")
    fading = Channel(snr_db=15, model="rayleigh", settings={"coherence_symbols": 1000.0})
    read = []
    for sequence in range(20):
        received = fading.apply(burst_of(header), sequence)
        read.append(header_reader.read(received, header_reader.listen(received)))
    assert [one for one in read if one not in (None, header)] == []
    assert read.count(header) >= 14  # a preamble, or a word, may fall into a fade


@pytest.mark.parametrize("word", [1, 2])
def test_a_word_that_is_noise_is_a_lost_header(word: int) -> None:
    header = header_of("long")
    samples = burst_of(header)
    _, indices = layout.extension_indices(word - 1)
    samples[indices] = noisy(np.zeros(indices.size), 0)
    received = noisy(samples, 10)
    assert burst.parse(received, 0.1) is None
    assert listen(received).lost == ("header",)


@pytest.mark.parametrize("piece", [97, 10**6])
@pytest.mark.parametrize("snr_db", [-2, 20])
def test_bursts_of_all_lengths_of_header_are_found_in_a_stream(snr_db: float, piece: int) -> None:
    headers = [header_of(name, clip) for clip, name in enumerate(("long", "many", "longest", "many", "long"))]
    plain = Header(schemes.by_name("desc-only"), 9, 8, SIDE, SIDE, {"description": VALUES["description"]})
    headers[3:3] = [plain]
    parts: list[np.ndarray] = [np.zeros(211, np.complex64)]
    starts = []
    for number, header in enumerate([*headers, plain]):
        starts.append(sum(part.size for part in parts))
        parts += [
            burst_of(header, number) * np.complex64(np.exp(1j * number)),
            np.zeros(number % 3 * 150, np.complex64),
        ]
    stream = noisy(np.concatenate(parts), snr_db)
    found = list(find_bursts(stream[i : i + piece] for i in range(0, stream.size, piece)))
    assert [one.start for one in found] == starts
    assert [one.header for one in found] == [*headers, plain]
    # one whose further words have not come yet is none
    end = layout.lead_symbols(2) - 20
    assert list(find_bursts([noisy(burst_of(header_of("long"))[:end], 20)])) == []


class Maker:
    """A generator of all that a burst of many sections tells."""

    name = "maker"
    tasks = frozenset({"labels-motion-depth-heat-sketch-text", "depth-text", "text"})

    def __init__(self) -> None:
        self.asked: list[Conditions] = []

    def generate(
        self, conditions: Conditions, seed: int, steps: int | None = None, guidance: float | None = None
    ) -> np.ndarray:
        self.asked.append(conditions)
        return np.full((conditions.frames, 3, conditions.height, conditions.width), 0.5, np.float32)


OPTIONS = {"text_mode": "1/8", "labels_rate": "1/6", "paths_rate": "1/2", "depth_repeats": 4, "heat_repeats": 1}
MODES = {"description": "1/8", "labels": "1/6", "paths": "1/2", "depth": "4×", "heat": "1×"}


def test_each_section_of_many_has_its_own_mode_and_all_arrive() -> None:
    maker = Maker()
    receiver = Receiver(generator=["maker"], load=lambda name: maker)
    link = Link(Transmitter("captions", "canny"), receiver)
    run = link.run(CLIP, snr_db=12, tx_snr_db=12, scheme="many", options=OPTIONS)
    sent, made = run.encoded, run.reconstruction
    assert sent.burst.header.modes == MODES
    assert made.header == sent.burst.header
    assert (made.failed, made.messages, made.task) == ((), (), "labels-motion-depth-heat-sketch-text")
    assert list(made.sections) == list(MANY)
    assert made.text == CLIP.caption
    assert (made.sections["labels"].value, made.sections["paths"].value) == (Labels.said, Paths.said)
    off = {name: np.abs(made.sections[name].value - sent.contents[name]).mean() for name in ("depth", "heat")}
    assert off["depth"] < 0.7 * off["heat"] < 0.2  # it was sent four times
    assert {name: picture.shape for name, picture in made.pictures.items()} == {
        "depth": (8, 8), "heat": (8, 8), "sketch": (SIDE, SIDE),
    }  # fmt: skip
    ((asked),) = maker.asked
    assert (asked.description, asked.get("labels"), asked.get("motion")) == (CLIP.caption, Labels.said, Paths.said)
    assert asked.get("depth") is made.sections["depth"].value
    # with the defaults of all options other modes, and all arrives as well
    made = link.run(CLIP, snr_db=12, tx_snr_db=12, scheme="many").reconstruction
    assert made.header is not None
    assert made.header.modes == {"description": "1/3", "labels": "1/3", "paths": "1/3", "depth": "1×", "heat": "1×"}
    assert made.failed == ()


def test_each_section_is_lost_for_itself() -> None:
    """At −1 dB the rate 1/2 does not hold, and 1/8 and 1/6 do."""
    samples = Transmitter("captions", "canny").encode(CLIP, 0, "many", OPTIONS).samples
    heard = listen(noisy(samples, -1))
    assert heard.failed == ()
    assert heard.lost == ("paths",)
    assert (heard.text, heard.sections["labels"].value, heard.sections["paths"].value) == (
        CLIP.caption,
        Labels.said,
        None,
    )
    made = Receiver(generator=["maker"], load=lambda name: Maker()).rebuild(heard)
    assert (made.failed, made.messages) == (("paths",), ("the paths are lost",))
    assert made.task == "depth-text"  # the first of its visual contents that it can use


def test_what_is_interleaved_is_heard_without_the_rest() -> None:
    heard = listen(noisy(Transmitter("captions", "canny").encode(CLIP, 9, "many").samples, 9), interleaved_only=True)
    assert list(heard.sections) == ["description", "labels"]
    assert heard.lost == ()


@pytest.mark.parametrize(
    ("snr_db", "served", "task"),
    [(-4.0, Maker.tasks, "depth-text"), (-6.0, Maker.tasks, "text"), (-6.0, {"depth-text"}, "depth-text")],
)
def test_a_new_content_has_a_threshold_of_its_own(snr_db: float, served: set[str], task: str) -> None:
    arrived = [section("description").arrived("A car."), section("depth").arrived(np.zeros((8, 8)), snr_db)]
    used = plan(Conditions({one.section: one for one in arrived}, 8, SIDE, SIDE), served)
    assert used is not None
    assert used.task == task


def test_nothing_of_it_is_left_behind(request: pytest.FixtureRequest) -> None:
    monkeypatch: Any = request.getfixturevalue("monkeypatch")
    forget: Callable[[], None] = monkeypatch.undo
    forget()
    with pytest.raises(SchemeError, match="no scheme is called 'many'"):
        schemes.by_name("many")
    with pytest.raises(SchemeError, match="no section is called 'labels'"):
        section("labels")

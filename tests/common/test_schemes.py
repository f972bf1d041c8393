"""The table of schemes: what a plug-in may add to it, and that what it adds is a scheme like any other."""

from __future__ import annotations

import numpy as np
import pytest

from common import header as header_code
from common import schemes, wire
from common.errors import GvscError, SchemeError
from common.header import Header
from common.schemes import Part, Scheme
from common.sections.base import Arrived, Encoded, Field, Observation, Options, Section, Slot, Sources, register

pytestmark = pytest.mark.usefixtures("open_registries")

DESCRIPTION = (Part("description"),)


def scheme(name: str = "mine", number: int = schemes.FIRST_FREE, parts: tuple[Part, ...] = DESCRIPTION) -> Scheme:
    return Scheme(name, number, parts, "a scheme of a test")


def section(name: str, *bits: int) -> str:
    """Registers a section with fields of so many bits; it has no symbols."""

    class Bare(Section):
        """Fields alone."""

        kind = "bits"
        modality = "motion"
        condition = "motion"
        fields = tuple(Field(f"f{number}", count) for number, count in enumerate(bits))

        def symbols(self, slot: Slot) -> int:
            return 0

        def extract(self, sources: Sources) -> None:
            return None

        def encode(self, content: object, tx_snr_db: float, slot: Slot, options: Options) -> Encoded:
            return Encoded(np.zeros(0, np.complex64), {field.name: 0 for field in self.fields})

        def decode(self, observation: Observation, slot: Slot) -> Arrived:
            return self.arrived(dict(slot.values))

    Bare.name = name
    register("of a test")(Bare)
    return name


def test_the_table_has_what_it_had() -> None:
    visual = ("first-frame-desc", "sketch-desc", "sketches-desc", "first-frame-2-desc", "first-frame-motion-desc")
    assert schemes.names() == ("desc-only", *visual, "djscc-rgb", "h264-ldpc", "h265-ldpc")
    assert schemes.with_visuals() == visual
    assert [schemes.by_name(name).number for name in schemes.names()] == [1, 2, 3, 4, 10, 9, 6, 7, 8]
    assert [name for name in schemes.names() if not schemes.by_name(name).is_generated] == list(schemes.names()[6:])
    assert schemes.by_number(5) is None
    assert schemes.SCHEMES.default == schemes.DEFAULT


def test_one_that_is_added_is_a_scheme_like_any_other() -> None:
    added = scheme(parts=(Part("motion", 600), Part("description")))
    schemes.add(added)
    assert schemes.names()[-1] == "mine"
    assert schemes.by_name("mine") == schemes.by_number(schemes.FIRST_FREE) == added
    assert added.sections == ("motion", "description")
    assert schemes.with_visuals()[-1] == "mine"
    header = Header(added, 1, 8, 64, 64, {"description": {"bytes": 3, "mode": 1}})
    assert header.slot("motion").budget == 600
    assert header.slot("description").budget is None


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (scheme(number=1), "number 1 belongs to 'desc-only'"),
        (scheme(number=-1), "must be 0 to 31"),
        (scheme(number=32), "must be 0 to 31"),
        (scheme(parts=(Part("smell"),)), "no section is called 'smell'; there are: .*description"),
        (scheme(parts=(Part("description"), Part("sketch"), Part("description", 7))), "each once"),
        (scheme(parts=()), "must have sections"),
        (scheme("adaptive"), "cannot be called 'adaptive'"),
        (scheme("desc-only"), "there is a scheme 'desc-only' already"),
        (scheme("My Scheme"), "cannot be called 'My Scheme'"),
    ],
)
def test_what_is_no_scheme_is_refused_and_nothing_is_entered(wrong: Scheme, told: str) -> None:
    before = schemes.names()
    with pytest.raises(GvscError, match=told):
        schemes.add(wrong)
    assert schemes.names() == before


def test_a_number_is_taken_once() -> None:
    schemes.add(scheme("one"))
    with pytest.raises(SchemeError, match="scheme 'two': number 24 belongs to 'one'"):
        schemes.add(scheme("two"))


def test_fields_that_no_header_can_hold_are_refused_before_they_break_the_reading_of_others() -> None:
    most = schemes.MOST_FIELD_BITS
    schemes.add(scheme("full", 30, (Part(section("wide", most)),)))
    assert header_code.extensions(schemes.by_name("full")) == header_code.MOST_EXTENSIONS
    with pytest.raises(SchemeError, match=f"have {most + 1} bits of header fields, more than {most}"):
        schemes.add(scheme("fuller", 31, (Part("wide"), Part(section("narrow", 1)))))
    assert schemes.by_number(31) is None


def test_more_sections_than_a_result_can_tell_of_are_refused() -> None:
    assert schemes.MOST_SECTIONS == wire.MAX_SECTIONS
    parts = tuple(Part(section(f"s{number}", 1)) for number in range(schemes.MOST_SECTIONS + 1))
    schemes.add(scheme("many", 30, parts[:-1]))
    with pytest.raises(SchemeError, match="17 sections, more than 16"):
        schemes.add(scheme("more", 31, parts))


def test_there_is_room_for_32_schemes_and_a_header_tells_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemes, "FIRST_FREE", 0)
    for number in range(32):
        if schemes.by_number(number) is None:
            schemes.add(scheme(f"scheme-{number}", number))
    assert len(schemes.names()) == 32
    with pytest.raises(SchemeError, match="belongs to"):
        schemes.add(scheme("one-more", 0))
    for name in schemes.names():
        header = Header(schemes.by_name(name), 99, 16, 96, 512)
        first = header_code.first_word(header_code.words(header)[0])
        assert first is not None
        assert first.complete(np.zeros((0, header_code.WORD_BITS), np.uint8)) == header


def test_the_table_keeps_the_rules_that_are_not_checked_at_its_import() -> None:
    for row in schemes.ROWS:
        schemes.check_sections(row)


def test_numbers_of_the_table_are_not_for_plug_ins_nor_theirs_for_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    free = next(number for number in range(schemes.FIRST_FREE) if schemes.by_number(number) is None)
    with pytest.raises(SchemeError, match="a plug-in's number is 24 or above"):
        schemes.add(scheme(number=free))
    monkeypatch.setattr(schemes.SCHEMES, "_whence", lambda item: ("common.schemes", "gvsc"))
    with pytest.raises(SchemeError, match="numbers from 24 on belong to plug-ins"):
        schemes.add(scheme(number=24))
    schemes.add(scheme(number=free))
    assert schemes.by_number(free) == schemes.by_name("mine")


def test_no_way_into_the_registry_leads_past_the_rules() -> None:
    taken = scheme(number=1)
    with pytest.raises(SchemeError, match="number 1 belongs to 'desc-only'"):
        schemes.SCHEMES.register("mine", "of a test")(taken)
    with pytest.raises(SchemeError, match=r"a scheme is a common\.schemes\.Scheme of that name"):
        schemes.SCHEMES.register("yours", "of a test")(scheme("mine"))
    schemes.SCHEMES.register("mine", "of a test")(scheme("mine"))
    assert schemes.by_number(schemes.FIRST_FREE) == schemes.by_name("mine") == scheme("mine")

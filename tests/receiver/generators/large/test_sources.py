from __future__ import annotations

import pytest

from common.errors import SettingError
from common.needs import Hub
from receiver.generators import GENERATORS
from receiver.generators.large import sources


def test_every_generator_but_mini_has_sources_with_names_of_their_own():
    assert [name for name in GENERATORS.names() if not sources.parts(name)] == ["mini"]
    parts = [part for name in GENERATORS.names() for part in sources.parts(name)]
    assert len(parts) == len(set(parts)) == len(sources.all_parts())
    for entry in GENERATORS.entries():
        hubs = [need for need in entry.needs if isinstance(need, Hub)]
        assert list(sources.parts(entry.name).values()) == hubs
        assert set(entry.traits.get("backbones", {})) == {hub.id for hub in (*hubs[:1], *entry.larger)}


def test_a_bare_place_is_the_first_part_and_others_are_named():
    found = sources.places("sd35-sketch", ["/models/sd35", "sd35-canny=/models/a=b", "wan-vace=/models/wan"])
    assert found == {"sd35": "/models/sd35", "sd35-canny": "/models/a=b"}
    assert sources.places("wan-vace", ["odd=name"]) == {"wan-vace": "odd=name"}, "no part is called odd"
    assert sources.places("wan-vace", ["sd35=/models/sd35"])["wan-vace"].startswith("Wan-AI/")


def test_the_last_word_wins_over_the_environment_and_that_over_the_hub(monkeypatch):
    monkeypatch.setenv("GVSC_WAN_VACE", "Wan-AI/Wan2.1-VACE-14B-diffusers")
    assert sources.places("wan-vace", []) == {"wan-vace": "Wan-AI/Wan2.1-VACE-14B-diffusers"}
    assert sources.places("wan-vace", ["/a", "wan-vace=/b"]) == {"wan-vace": "/b"}


def test_a_part_without_a_place_is_refused():
    with pytest.raises(SettingError, match="PART=PLACE"):
        sources.places("sd35-sketch", ["sd35="])


def test_a_chained_generator_gets_named_parts_alone():
    assert sources.for_chained(["/models/sd35", "wan-vace=/models/wan"]) == ("wan-vace=/models/wan",)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("Wan-AI/Wan2.1-VACE-1.3B-diffusers", "wan-vace-1.3b"),
        ("Wan-AI/Wan2.1-VACE-14B-diffusers", "wan-vace-14b"),
        ("somebody/tuned", "wan-vace:tuned"),
        ("/models/mine/", "wan-vace:mine"),
        ("/models/" + "x" * 90, "wan-vace:" + "x" * 55),
    ],
)
def test_figures_carry_the_name_of_what_was_loaded(place, name):
    assert sources.backbone("wan-vace", place) == name

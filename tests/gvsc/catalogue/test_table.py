"""The catalogue and the registries name the same things, and what it says of them holds."""

from __future__ import annotations

import inspect
import tomllib
from pathlib import Path

import pytest

from common.errors import SettingError
from common.needs import Hub, Package, Weights
from common.sections import SECTIONS
from common.weights import Registry
from gvsc.bench import codec as codecs
from gvsc.bench.generator import judges
from gvsc.catalogue.items import HEADINGS
from gvsc.catalogue.table import by_name, hub_models, items
from gvsc.evaluation.metrics import METRICS
from gvsc.training import loss
from receiver import generators
from transmitter.extract.base import CAPTIONER, EDGE_EXTRACTOR, EXTRACTORS

PYPROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"


def listed(kind: str) -> set[str]:
    return {item.name for item in items() if item.kind == kind}


@pytest.mark.parametrize(
    ("kind", "registry"),
    [
        ("generator", generators.GENERATORS.names()),
        ("captioner", EXTRACTORS.names_of(CAPTIONER)),
        ("edge extractor", EXTRACTORS.names_of(EDGE_EXTRACTOR)),
        ("metric", METRICS.names()),
        ("judge", (judges.NAME,)),
        ("loss", loss.NAMES),
    ],
)
def test_the_catalogue_lists_what_can_be_loaded_and_nothing_else(kind: str, registry: tuple[str, ...]) -> None:
    assert listed(kind) == set(registry), "gvsc/catalogue/table.py and the registry must name the same"


def test_every_section_of_a_burst_has_one_codec_and_every_codec_carries_one() -> None:
    carried = [section for item in items() for section in item.carries]
    assert sorted(carried) == sorted(SECTIONS.names()), "gvsc/catalogue/table.py must say which codec carries it"
    assert {item.name for item in items() if item.carries} == listed("codec")
    assert set(codecs.NAMES) <= listed("codec")


def test_all_kinds_are_listed_in_the_order_of_their_headings_and_names_are_used_once() -> None:
    kinds = list(dict.fromkeys(item.kind for item in items()))
    assert kinds == list(HEADINGS)
    assert len({item.name for item in items()}) == len(items())
    assert by_name("hed").kind == "edge extractor"
    with pytest.raises(SettingError, match=r"nothing is called 'nothing'; there are: mini, "):
        by_name("nothing")


def test_all_weights_of_the_registry_are_used_by_something_and_no_others() -> None:
    used = {need.name for item in items() for need in item.needs if isinstance(need, Weights)}
    assert used == set(Registry().entries)


def test_a_generator_stands_on_the_hub_models_that_it_loads() -> None:
    for entry in generators.GENERATORS.entries():
        needs = [need for need in by_name(entry.name).needs if isinstance(need, Hub)]
        assert needs == list(entry.traits.get("parts", {}).values())


def test_a_captioner_stands_on_the_hub_model_that_it_loads() -> None:
    from transmitter.extract.extractors import video_llava

    assert {need.id for name in ("video-llava", "video-llava-detailed") for need in by_name(name).needs
            if isinstance(need, Hub)} == {video_llava.MODEL.id}  # fmt: skip
    assert video_llava.MODEL.variable == "GVSC_VIDEO_LLAVA"


def test_packages_that_gvsc_brings_are_declared_and_others_say_how_to_get_them() -> None:
    lines = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    for item in items():
        for need in item.needs:
            if isinstance(need, Package):
                brought = any(line.split(">")[0].split("=")[0] == need.name for line in lines)
                assert brought == (need.how == "reinstall gvsc"), need.name


@pytest.mark.slow
def test_pipelines_take_the_folders_that_are_looked_for() -> None:
    import diffusers

    pipelines = [model for model in hub_models() if model.pipeline]
    assert len(pipelines) == 4
    for model in pipelines:
        taken = inspect.signature(getattr(diffusers, model.pipeline).__init__).parameters
        assert set(model.parts) <= set(taken), model.id
        required = {name for name, p in taken.items() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD}
        # what comes from another model of the generator is given to the pipeline
        assert required - {"self", "controlnet", "motion_adapter"} - {"image_encoder", "feature_extractor"} <= set(
            model.parts
        ), model.id

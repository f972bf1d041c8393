"""The entries of the catalogue: what the registries hold, plug-ins included, and what this tree uses beside them.

Sizes of hub models are sums of file sizes as the repositories' pages, or those of copies, list them; memory is two
bytes a parameter by the same sizes. Where a page states no licence, none is given.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from common.errors import SettingError
from common.needs import Hub, Package, UserFile, Weights
from common.registry import Broken, Entry, Registry
from common.schemes import SCHEMES
from common.sections import SECTIONS
from gvsc.catalogue.items import Item
from gvsc.evaluation.figures.base import FIGURES
from gvsc.evaluation.metrics import METRICS
from receiver.generators import GENERATORS
from transmitter.extract.base import CAPTIONER, EDGE_EXTRACTOR, EXTRACTORS

_OTHERS: Final = (
    Item("judge", "judges", "what a clip shows: colour, kind, background, light, motion, camera", (Weights("judges"),)),
    Item(
        "loss",
        "efficientnet-lite0-features",
        "distance of features of EfficientNet-Lite0",
        (Weights("efficientnet-lite0"),),
    ),
    Item(
        "loss",
        "lpips",
        "LPIPS 0.1",
        (
            Package("lpips", "lpips", "pip install --no-deps lpips==0.1.4"),
            UserFile(
                "torchvision's vgg16 or alexnet, trained on ImageNet",
                None,
                "name it with --set 'loss.trunk=\"FILE\"'",
            ),
        ),
    ),
)
"""What is in no registry."""


@cache
def items() -> tuple[Item, ...]:
    """All there are, by kind in the order of :data:`gvsc.catalogue.items.HEADINGS`."""
    kinds = dict.fromkeys((CAPTIONER, EDGE_EXTRACTOR, *(entry.traits["kind"] for entry in EXTRACTORS.entries())))
    return (
        *(_item("generator", entry) for entry in GENERATORS.entries()),
        *(_item(kind, entry) for kind in kinds for entry in EXTRACTORS.of_kind(kind)),
        *_codecs(),
        *(_item("metric", entry) for entry in METRICS.entries()),
        *_OTHERS,
    )


def _item(kind: str, entry: Entry[Any]) -> Item:
    return Item(kind, entry.name, entry.summary, entry.needs, entry.memory_gb, entry.larger, options=entry.options)


def _codecs() -> tuple[Item, ...]:
    """The codecs of the sections: one that serves several is there once. A section without a name for its codec is
    its own."""
    by_codec: dict[str, list[Entry[Any]]] = {}
    for entry in SECTIONS.entries():
        by_codec.setdefault(entry.item.codec or entry.name, []).append(entry)
    return tuple(
        Item(
            "codec",
            name,
            "; ".join(dict.fromkeys(entry.summary for entry in entries)),
            tuple(dict.fromkeys(need for entry in entries for need in entry.needs)),
            carries=tuple(entry.name for entry in entries),
            options=tuple(dict.fromkeys(option for entry in entries for option in entry.options)),
        )
        for name, entries in sorted(by_codec.items())
    )


def named(name: str) -> tuple[Item, ...]:
    """The items of that name: one of each kind that has one. Raises SettingError, listing all."""
    found = tuple(item for item in items() if item.name == name)
    if not found:
        raise SettingError(f"nothing is called {name!r}; there are: {', '.join(item.name for item in items())}")
    return found


def by_name(name: str) -> Item:
    """The first item of that name. Raises SettingError, listing all."""
    return named(name)[0]


def hub_models() -> tuple[Hub, ...]:
    """Every hub model that an item uses or can use, once."""
    needs = [need for item in items() for need in (*item.needs, *item.larger)]
    return tuple({need.id: need for need in needs if isinstance(need, Hub)}.values())


def broken() -> tuple[tuple[str, Broken], ...]:
    """Plug-ins that do not load, with the kind that each was to add."""
    # the channel is no model and has a page of its own; its plug-ins are told here all the same
    from channel.models.base import MODELS

    registries: tuple[Registry[Any], ...] = (GENERATORS, EXTRACTORS, SECTIONS, SCHEMES, METRICS, FIGURES, MODELS)
    return tuple((registry.kind, each) for registry in registries for each in registry.broken)

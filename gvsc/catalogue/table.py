"""The entries of the catalogue. Extractors come from their registry; a test holds the others against theirs: a name in
one and not in the other fails it.

Sizes of hub models are sums of file sizes as the repositories' pages, or those of copies, list them; memory is two
bytes a parameter by the same sizes. Where a page states no licence, none is given.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from common.errors import SettingError
from common.needs import Hub, Package, UserFile, Weights
from gvsc.catalogue.items import Item
from gvsc.evaluation.metrics import METRICS
from receiver.generators.sources import SOURCES
from transmitter.extract.base import CAPTIONER, EDGE_EXTRACTOR, EXTRACTORS

_DIFFUSERS: Final = (
    Package("diffusers", "diffusers"),
    Package("transformers", "transformers"),
    Package("accelerate", "accelerate"),
)
_VIDEO: Final = (Package("av", "av"), Package("sionna-no-rt", "sionna"))

_WAN_PARTS: Final = ("scheduler", "text_encoder", "tokenizer", "transformer", "vae")
_SD15_PARTS: Final = ("scheduler", "text_encoder", "tokenizer", "unet", "vae")
_SD35_PARTS: Final = (
    *("scheduler", "text_encoder", "text_encoder_2", "text_encoder_3"),
    *("tokenizer", "tokenizer_2", "tokenizer_3", "transformer", "vae"),
)

# Memory, files; of pipelines the class and the folders.
_FORMS: Final[dict[str, tuple[float, float | None, str, tuple[str, ...]]]] = {
    "Wan-AI/Wan2.1-VACE-1.3B-diffusers": (16, None, "WanVACEPipeline", _WAN_PARTS),
    "Wan-AI/Wan2.1-VACE-14B-diffusers": (47, 75, "WanVACEPipeline", _WAN_PARTS),
    "stabilityai/stable-diffusion-3.5-large": (27.6, 27.6, "StableDiffusion3ControlNetPipeline", _SD35_PARTS),
    "stabilityai/stable-diffusion-3.5-large-controlnet-canny": (8.6, 8.6, "", ()),
    "stable-diffusion-v1-5/stable-diffusion-v1-5": (2.1, 4.3, "AnimateDiffPipeline", _SD15_PARTS),
    "guoyww/animatediff-motion-adapter-v1-5-3": (0.8, 1.7, "", ()),
    "guoyww/animatediff-sparsectrl-scribble": (1.0, 2.0, "", ()),
    "guoyww/animatediff-sparsectrl-rgb": (1.0, 2.0, "", ()),
}


def _hub_models_of(generator: str) -> tuple[Hub, ...]:
    """What ``receiver.generators.sources`` says a generator is made of."""
    models = []
    for source in SOURCES[generator]:
        licence = None if source.licence.startswith("see ") else source.licence
        model = Hub(source.hub_id, licence, *_FORMS[source.hub_id], gated=source.gated, variable=source.variable)
        models.append(model)
    return tuple(models)


_WAN: Final = _hub_models_of("wan-vace")
_WAN_14B: Final = "Wan-AI/Wan2.1-VACE-14B-diffusers"


def _extractors() -> tuple[Item, ...]:
    """Those of the registry: captioners, edge extractors, then other kinds."""
    kinds = dict.fromkeys((CAPTIONER, EDGE_EXTRACTOR, *(entry.traits["kind"] for entry in EXTRACTORS.entries())))
    return tuple(
        Item(kind, entry.name, entry.summary, entry.needs, entry.memory_gb, entry.larger)
        for kind in kinds
        for entry in EXTRACTORS.of_kind(kind)
    )


ITEMS: Final = (
    Item(
        "generator",
        "mini",
        "this project's small diffusion model",
        (Weights("mini"), Weights("minilm")),
        memory_gb=1,
    ),
    Item(
        "generator",
        "wan-vace",
        "Wan 2.1 VACE: text, first frame, one sketch or all sketches to video",
        (*_WAN, *_DIFFUSERS, Package("ftfy", "ftfy")),
        larger=(replace(_WAN[0], id=_WAN_14B, memory_gb=_FORMS[_WAN_14B][0], about_gb=_FORMS[_WAN_14B][1]),),
    ),
    Item(
        "generator",
        "sd35-sketch",
        "SD3.5 with a Canny ControlNet draws the first frame from a sketch, another generator goes on",
        (*_hub_models_of("sd35-sketch"), *_DIFFUSERS),
    ),
    Item(
        "generator",
        "animatediff-sparsectrl",
        "AnimateDiff with SparseCtrl on SD1.5 by DDIM: nearest to VideoComposer",
        (*_hub_models_of("animatediff-sparsectrl"), *_DIFFUSERS),
    ),
    *_extractors(),
    Item(
        "codec",
        "text",
        "descriptions: CRC-16, LTE turbo code, 4-QAM; modes with a + by a model of captions",
        (Weights("text-model"),),
        carries=("description",),
    ),
    Item(
        "codec",
        "djscc-frame",
        "first frames as analogue pictures, 7 808 symbols",
        (Weights("djscc-frame"),),
        carries=("first_frame",),
    ),
    Item("codec", "djscc-rgb", "each frame as an analogue picture", (Weights("djscc-rgb"),), carries=("rgb",)),
    Item(
        "codec",
        "djscc-sketch",
        "sketches as analogue pictures, 1 024 symbols each",
        (Weights("djscc-sketch"),),
        carries=("sketch", "sketches"),
    ),
    Item(
        "codec",
        "h264-ldpc",
        "to compare with: H.264 (libx264 of PyAV), 5G LDPC, QAM",
        _VIDEO,
        carries=("h264",),
    ),
    Item(
        "codec",
        "h265-ldpc",
        "to compare with: H.265 (libx265 of PyAV), 5G LDPC, QAM",
        _VIDEO,
        carries=("h265",),
    ),
    *(
        Item("metric", entry.name, entry.summary, entry.needs, memory_gb=entry.memory_gb, larger=entry.larger)
        for entry in METRICS.entries()
    ),
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


def by_name(name: str) -> Item:
    """The item of that name. Raises SettingError, listing all."""
    for item in ITEMS:
        if item.name == name:
            return item
    raise SettingError(f"nothing is called {name!r}; there are: {', '.join(item.name for item in ITEMS)}")


def hub_models() -> tuple[Hub, ...]:
    """Every hub model that an item uses or can use, once."""
    needs = [need for item in ITEMS for need in (*item.needs, *item.larger)]
    return tuple({need.id: need for need in needs if isinstance(need, Hub)}.values())

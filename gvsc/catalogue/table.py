"""The entries of the catalogue: generators from their registry; of the rest a test holds them against what there is.

Sizes of hub models are sums of file sizes as the repositories' pages, or those of copies, list them; memory is two
bytes a parameter by the same sizes. Where a page states no licence, none is given.
"""

from __future__ import annotations

from typing import Final

from common.errors import SettingError
from common.needs import Hub, Package, UserFile, Weights
from gvsc.catalogue.items import Item
from receiver.generators import GENERATORS
from transmitter.extract.sketch import PIDINET_VARIABLE

_TRANSFORMERS: Final = (Package("transformers", "transformers"), Package("accelerate", "accelerate"))
_TORCHVISION: Final = Package("torchvision", "torchvision", "install the build of it that fits this torch")
_SCIKIT_IMAGE: Final = Package("scikit-image", "skimage")
_VIDEO: Final = (Package("av", "av"), Package("sionna-no-rt", "sionna"))

_VIDEO_LLAVA: Final = Hub(
    "LanguageBind/Video-LLaVA-7B-hf", None, 14.7, 14.7, processor=True, variable="GVSC_VIDEO_LLAVA"
)

ITEMS: Final = (
    *(
        Item("generator", entry.name, entry.summary, entry.needs, entry.memory_gb, entry.larger)
        for entry in GENERATORS.entries()
    ),
    Item(
        "describer",
        "auto",
        "the clip's caption; where it has none, tags",
        (Weights("efficientnet-lite0"), _SCIKIT_IMAGE),
    ),
    Item("describer", "captions", "the clip's caption and nothing else"),
    Item(
        "describer",
        "tags",
        "a sentence of what a classifier is sure of, colours and motion",
        (Weights("efficientnet-lite0"), _SCIKIT_IMAGE),
    ),
    Item(
        "describer",
        "video-llava",
        "Video-LLaVA 7B, one short sentence",
        (_VIDEO_LLAVA, _TORCHVISION, *_TRANSFORMERS),
    ),
    Item(
        "describer",
        "video-llava-detailed",
        "Video-LLaVA 7B, in detail",
        (_VIDEO_LLAVA, _TORCHVISION, *_TRANSFORMERS),
    ),
    Item(
        "sketcher",
        "pidinet-tiny-gvsc",
        "thin contours by a small network trained here",
        (Weights("pidinet-tiny-gvsc"),),
    ),
    Item(
        "sketcher",
        "pidinet",
        "PiDiNet with a checkpoint of its authors, as in the paper",
        (
            UserFile(
                "a checkpoint of its authors (table5_pidinet.pth, -small or -tiny)",
                "research only",
                f"name it in {PIDINET_VARIABLE} or with --pidinet-weights",
                PIDINET_VARIABLE,
            ),
        ),
    ),
    Item("sketcher", "hed", "HED: broad contours", (Weights("hed"), Package("h5py", "h5py"))),
    Item("sketcher", "canny", "Canny's edges, by scikit-image", (_SCIKIT_IMAGE,)),
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
    Item("metric", "psnr", "peak signal-to-noise ratio"),
    Item("metric", "ssim", "structural similarity"),
    Item("metric", "edge_f1", "how far the lines of two edge maps agree"),
    Item("metric", "deepfeat", "distance of the features of HED's VGG-16 trunk", (Weights("hed"),)),
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

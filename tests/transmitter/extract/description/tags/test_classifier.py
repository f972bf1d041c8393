"""EfficientNet-Lite0 on pictures of known classes, and how exactly its answer is put into words.

The pictures: those of scikit-image that show something that ImageNet has a class for, and the portrait in matplotlib's
sample data. Their own words are written down here.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import skimage.data
import torch
from numpy.typing import NDArray
from PIL import Image

from common import weights
from common.clip import Clip
from common.errors import WeightsError
from transmitter.extract import description
from transmitter.extract.description.tags import efficientnet_lite0, face, subject
from transmitter.extract.description.tags.describer import Tags
from transmitter.extract.description.tags.efficientnet_lite0 import EfficientNetLite0

FIRST = {"chelsea": "cat", "coffee": "cup of coffee", "camera": "tripod", "motorcycle": "motorbike", "rocket": "rocket"}
"""What the likeliest names of these pictures say."""

SAID = {
    "chelsea": "a cat",
    "coffee": "a cup of coffee",
    "camera": "a tripod",
    "motorcycle": "a motorbike",
    "astronaut": "a person",
    "hopper": "a person",
}
"""What the description calls their subjects."""

UNSAID = (
    "brick",
    "gravel",
    "grass",
    "moon",
    "page",
    "text",
    "hubble_deep_field",
    "rocket",
    "coins",
    "immunohistochemistry",
)
"""Pictures of which ImageNet has no class, or of which the classifier is not sure: no subject may be named."""


def picture(name: str) -> NDArray[np.uint8]:
    """uint8 (256, 256, 3): the middle of a picture."""
    if name == "hopper":
        found = np.asarray(Image.open(Path(mpl.get_data_path()) / "sample_data" / "grace_hopper.jpg"))
    elif name == "motorcycle":
        found = np.asarray(Image.open(Path(skimage.data.__file__).parent / "motorcycle_left.png").convert("RGB"))
    else:
        found = getattr(skimage.data, name)()
    rgb = found if found.ndim == 3 else np.repeat(found[..., None], 3, axis=2)
    side = min(rgb.shape[:2])
    top, left = ((n - side) // 2 for n in rgb.shape[:2])
    square = Image.fromarray(rgb[top : top + side, left : left + side, :3])
    return np.asarray(square.resize((256, 256), Image.Resampling.BICUBIC))


def still(frame: NDArray[np.uint8]) -> Clip:
    return Clip(np.repeat(frame[None], 8, axis=0))


@pytest.fixture(scope="module")
def network() -> EfficientNetLite0:
    return efficientnet_lite0.load(weights.path("efficientnet-lite0"))


@pytest.fixture(scope="module")
def tags() -> Tags:
    return Tags.from_weights()


def probabilities(network: EfficientNetLite0, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    with torch.inference_mode():
        return network(efficientnet_lite0.prepare(frame)[None]).softmax(1)[0].numpy()


@pytest.mark.parametrize("name", FIRST)
def test_pictures_of_known_classes(network: EfficientNetLite0, name: str) -> None:
    names = subject.likeliest(probabilities(network, picture(name)), 5)
    assert FIRST[name] in names[0], names


@pytest.mark.parametrize("name", SAID)
def test_the_subject_is_named(tags: Tags, name: str) -> None:
    assert tags.tags(still(picture(name))).subject == SAID[name]


@pytest.mark.parametrize("name", UNSAID)
def test_what_is_not_sure_is_not_named(tags: Tags, name: str) -> None:
    assert tags.tags(still(picture(name))).subject == ""


def test_what_is_drawn_is_not_named(tags: Tags) -> None:
    rows, columns = np.mgrid[:256, :256]
    plain = np.full((256, 256, 3), 128, np.uint8)
    disc, stripes, noise = plain.copy(), plain.copy(), plain.copy()
    disc[np.hypot(rows - 128, columns - 128) < 60] = (214, 38, 38)
    stripes[columns // 24 % 2 == 0] = (40, 80, 210)
    noise[:] = np.random.default_rng(1).integers(0, 256, noise.shape)
    assert [tags.tags(still(drawn)).subject for drawn in (plain, disc, stripes, noise)] == [""] * 4


def test_pictures_are_prepared_as_the_network_was_trained() -> None:
    """Of the ways to scale pixels that are in use, this one makes the right classes likeliest."""
    network = efficientnet_lite0.load(weights.path("efficientnet-lite0"))
    classes = {
        "chelsea": (281, 282, 285),
        "coffee": (504, 967),
        "camera": (872,),
        "motorcycle": (665, 670),
        "rocket": (657, 744, 812),
    }
    right = torch.stack([efficientnet_lite0.prepare(picture(name)) for name in classes])
    unit = (right * 128 + 127) / 255
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    ways = {"unit": unit, "imagenet": (unit - mean) / std, "bgr": right.flip(1), "bytes": unit * 255}

    def score(pictures: torch.Tensor) -> float:
        with torch.inference_mode():
            found = network(pictures).softmax(1)
        return float(np.mean([np.log(float(found[i, list(c)].sum())) for i, c in enumerate(classes.values())]))

    scores = {name: score(way) for name, way in ways.items()}
    assert score(right) > max(scores.values()), scores


def test_other_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="holds no weights of EfficientNet-Lite0"):
        efficientnet_lite0.load(tmp_path)
    torch.save({"_fc.weight": torch.zeros(1000, 1280)}, tmp_path / efficientnet_lite0.FILE)
    with pytest.raises(WeightsError, match="holds no weights of EfficientNet-Lite0"):
        efficientnet_lite0.load(tmp_path)


def spread(**classes: float) -> NDArray[np.float64]:
    """Probabilities of classes by number (``c281=0.5``), the rest shared out evenly."""
    given = {int(name[1:]): value for name, value in classes.items()}
    out = np.full(1000, (1 - sum(given.values())) / (1000 - len(given)))
    out[list(given)] = list(given.values())
    return out


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (spread(c281=0.7), "a tabby cat"),
        (spread(c281=0.3, c282=0.3, c285=0.2), "a cat"),
        (spread(c281=0.35, c151=0.35, c386=0.2), "an animal"),
        (spread(c281=0.2, c970=0.2, c404=0.2), ""),
        (spread(), ""),
        (spread(c665=0.35, c670=0.35), "a motorbike"),  # two classes of one name
        (spread(c971=0.8), ""),  # a bubble: what round and plain things are mistaken for
        (spread(c971=0.95), "a bubble"),
        (spread(c834=0.3, c906=0.25, c457=0.2), "a person"),
    ],
)
def test_no_more_exactly_than_is_sure(found: NDArray[np.float64], said: str) -> None:
    assert subject.name(found) == said


def test_what_fills_the_picture_is_scenery() -> None:
    assert [subject.is_scenery(name) for name in ("a beach", "a coast", "a landscape", "a castle", "a building")] == [
        True
    ] * 5
    assert [subject.is_scenery(name) for name in ("a tabby cat", "an animal", "a mug", "a person")] == [False] * 4


def test_every_class_has_a_name_and_those_of_a_family_one_kind() -> None:
    lines = (Path(subject.__file__).parent / "classes.txt").read_text(encoding="utf-8").splitlines()
    rows = [[field.strip() for field in line.split(";")] for line in lines if not line.startswith("#")]
    assert len(rows) == efficientnet_lite0.CLASSES
    assert all(row[0] for row in rows)
    kinds: dict[str, set[str]] = {}
    for row in rows:
        if len(row) > 1 and row[1]:
            kinds.setdefault(row[1], set()).add(row[2] if len(row) > 2 else "")
    assert {family: found for family, found in kinds.items() if len(found) > 1} == {}
    # Some that anyone who knows ImageNet's order can check: first, last, and a few between.
    told = {number: rows[number][0].lstrip("~") for number in (0, 207, 281, 407, 504, 817, 978, 999)}
    assert told == {
        0: "a tench",
        207: "a Golden Retriever",
        281: "a tabby cat",
        407: "an ambulance",
        504: "a mug",
        817: "a sports car",
        978: "a beach",
        999: "toilet paper",
    }


def test_faces_are_found_only_where_there_are_any() -> None:
    assert face.count(picture("astronaut")) == 1
    assert [face.count(picture(name)) for name in ("chelsea", "coffee", "motorcycle", "brick", "page")] == [0] * 5
    assert face.count(np.zeros((32, 32, 3), np.uint8)) == 0


def test_the_describer_is_found_by_its_name() -> None:
    assert description.load("tags").extract(still(picture("chelsea"))).text.startswith("A cat")

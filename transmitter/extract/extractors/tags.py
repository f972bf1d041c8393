"""`tags`: who or what, in which colours, how it moves; from small parts that run offline on a CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from common.needs import Need, Package, Weights
from transmitter.extract.base import CAPTIONER, EXTRACTORS

if TYPE_CHECKING:
    from transmitter.extract.description.base import Captioner

NEEDS: Final[tuple[Need, ...]] = (Weights("efficientnet-lite0"), Package("scikit-image", "skimage"))


@EXTRACTORS.register(
    "tags", "a sentence of what a classifier is sure of, colours and motion", needs=NEEDS, kind=CAPTIONER
)
def load() -> Captioner:
    """With its weights. Raises WeightsError."""
    from transmitter.extract.description.tags.describer import Tags

    return Tags.from_weights()

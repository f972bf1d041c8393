"""`pidinet-tiny-gvsc`: PiDiNet-tiny, trained by this project to draw thin contours (see its card)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from common import weights
from common.errors import WeightsError
from common.needs import Weights
from transmitter.extract.base import EDGE_EXTRACTOR, EXTRACTORS

if TYPE_CHECKING:
    from transmitter.extract.sketch.base import EdgeExtractor

NAME: Final = "pidinet-tiny-gvsc"


@EXTRACTORS.register(
    NAME,
    "thin contours by a small network trained here",
    needs=(Weights(NAME),),
    default=True,
    kind=EDGE_EXTRACTOR,
)
def load() -> EdgeExtractor:
    """With the committed weights. Raises WeightsError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from transmitter.extract.sketch.network import NetworkEdgeExtractor
    from transmitter.extract.sketch.pidinet_checkpoint import network_of

    path = weights.path(NAME)
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"cannot read {path}: {error}") from None
    return NetworkEdgeExtractor(NAME, network_of(state, str(path)).fused())

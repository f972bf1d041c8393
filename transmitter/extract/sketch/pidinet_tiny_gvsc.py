"""`pidinet-tiny-gvsc`, the default: PiDiNet-tiny, trained by this project to draw thin contours (see its card)."""

from __future__ import annotations

from typing import Final

from safetensors import SafetensorError
from safetensors.torch import load_file

from common import weights
from common.errors import WeightsError
from transmitter.extract.sketch.base import NetworkSketcher
from transmitter.extract.sketch.pidinet import network_of

NAME: Final = "pidinet-tiny-gvsc"


def load() -> NetworkSketcher:
    """Raises WeightsError."""
    path = weights.path(NAME)
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"cannot read {path}: {error}") from None
    return NetworkSketcher(NAME, network_of(state, str(path)).fused())

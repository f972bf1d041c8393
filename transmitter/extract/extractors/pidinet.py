"""`pidinet`: PiDiNet with a checkpoint of its authors, which the user brings: its licence allows research alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from common.errors import WeightsError
from common.needs import UserFile
from common.start_options import StartOption
from transmitter.extract.base import EDGE_EXTRACTOR, EXTRACTORS

if TYPE_CHECKING:
    from transmitter.extract.sketch.base import EdgeExtractor

NAME: Final = "pidinet"

CHECKPOINT: Final = StartOption(
    "pidinet-weights", f"The authors' checkpoint, for --sketch {NAME}.", variable="GVSC_PIDINET_WEIGHTS"
)

_FILE: Final = UserFile(
    "a checkpoint of its authors (table5_pidinet.pth, -small or -tiny)",
    "research only",
    f"name it in {CHECKPOINT.variable} or with {CHECKPOINT.flag}",
    CHECKPOINT.variable,
)


@EXTRACTORS.register(
    NAME,
    "PiDiNet with a checkpoint of its authors, as in the paper",
    needs=(_FILE,),
    kind=EDGE_EXTRACTOR,
    start_options=(CHECKPOINT,),
)
def load(pidinet_weights: Path | None = None) -> EdgeExtractor:
    """With the checkpoint at that path. Raises WeightsError where there is none, or where it does not hold exactly the
    parameters of a PiDiNet."""
    from transmitter.extract.sketch.network import NetworkEdgeExtractor
    from transmitter.extract.sketch.pidinet_checkpoint import network_of, read_checkpoint

    if pidinet_weights is None:
        how = f"name the file with {CHECKPOINT.flag} or in {CHECKPOINT.variable}"
        raise WeightsError(f"{NAME} needs a checkpoint of its authors: {how}")
    network = network_of(read_checkpoint(pidinet_weights), str(pidinet_weights))
    return NetworkEdgeExtractor(NAME, network.fused())

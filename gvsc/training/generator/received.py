"""Pictures and their sketches as a receiver gets them: through the committed codecs and noise."""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from common import weights
from common.codecs.djscc_frame import FrameCodec
from common.codecs.djscc_sketch import SketchCodec
from common.weights.manifest import digest_of
from transmitter.extract.extractors.pidinet_tiny_gvsc import load as load_edge_extractor
from transmitter.extract.sketch.base import EdgeExtractor

SNRS_DB = (-5.0, 21.0)
"""Drawn evenly."""

SENDER_OFF_DB, RECEIVER_OFF_DB = 1.0, 0.5
"""Standard deviations of what both ends take the SNR for, from what it is."""

WEIGHTS = ("pidinet-tiny-gvsc", "djscc-sketch", "djscc-frame")
"""Of edge extractor and codecs."""


class Received(NamedTuple):
    """``sketch`` as drawn and as received, uint8 (H, W); the received ``picture``, float32 (3, H, W) in [0, 1].

    ``snr_db`` is what the receiver estimates.
    """

    snr_db: float
    sketch: NDArray[np.uint8]
    received_sketch: NDArray[np.uint8]
    picture: NDArray[np.float32]


class _Codec(Protocol):
    def encode(self, values: NDArray[np.float32], /, tx_snr_db: float) -> NDArray[np.complex64]: ...

    def decode(
        self, symbols: NDArray[np.complex128], /, snr_db: float, height: int, width: int
    ) -> NDArray[np.float32]: ...


class Link:
    """Edge extractor, `djscc-sketch` and `djscc-frame`, over white noise of an SNR that both ends about know."""

    def __init__(self, edges: EdgeExtractor, sketches: SketchCodec, frames: FrameCodec) -> None:
        self.edges, self.sketches, self.frames = edges, sketches, frames

    @classmethod
    def load(cls) -> Self:
        """With the committed weights. Raises WeightsError."""
        return cls(load_edge_extractor(), SketchCodec.load(), FrameCodec.load())

    @staticmethod
    def version() -> str:
        """What tells these weights from others: the SHA-256 of each. Raises WeightsError."""
        return " ".join(digest_of(weights.path(name)).sha256 for name in WEIGHTS)

    def send(self, picture: NDArray[np.uint8], rng: np.random.Generator) -> Received:
        """A picture (H, W, 3) and its sketch, both at the same random SNR."""
        true = float(rng.uniform(*SNRS_DB))
        sent, estimated = (true + float(off * rng.normal()) for off in (SENDER_OFF_DB, RECEIVER_OFF_DB))

        def through(codec: _Codec, values: NDArray[np.float32]) -> NDArray[np.float32]:
            symbols = codec.encode(values, sent)
            noise = rng.normal(size=(2, len(symbols))) * math.sqrt(0.5 * 10.0 ** (-0.1 * true))
            return codec.decode(symbols + noise[0] + 1j * noise[1], estimated, *values.shape[-2:])

        lines = self.edges.extract(picture[None])[0].clip(0.0, 1.0)
        sketch = through(self.sketches, lines)
        frame = through(self.frames, picture.transpose(2, 0, 1).astype(np.float32) / 255.0)
        return Received(estimated, _bytes(lines), _bytes(sketch), frame)


def _bytes(sketch: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(255.0 * sketch).astype(np.uint8)

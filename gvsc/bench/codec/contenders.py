"""What carries a picture in a given number of symbols: the trained codecs, and what each is held against."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from common import mcs
from common.codecs import h26x, video_mode
from common.codecs.djscc_frame import FrameCodec
from common.codecs.djscc_rgb import RgbCodec
from common.codecs.djscc_sketch import SketchCodec
from common.codecs.djscc_sketch import symbol_count as sketch_symbols
from common.codecs.video import Encoded, VideoCodec
from common.coding import transport
from common.conventions import SIZE, noise_variance
from gvsc.bench.codec import bilevel, klt

Reals = NDArray[np.float32]
Symbols = NDArray[np.complex64]
Air = Callable[[Symbols], tuple[Symbols, float]]
"""Symbols as sent → symbols as they arrived and the SNR in dB that the receiver estimated."""


FIXED_RATE: Final = "1/2"
"""Of the digital code that does not adapt, on 4-QAM."""


class Contender(Protocol):
    """One way of sending a picture."""

    def carry(self, picture: Reals, tx_snr_db: float, air: Air) -> Reals | None:
        """``picture`` (C, SIZE, SIZE) in [0, 1] as received, None where nothing arrived that could be shown.

        C is 3, or 1 for a sketch. ``tx_snr_db`` is what the transmitter believes the SNR to be.
        """
        ...


class Trained:
    """``djscc-…``, with the seconds that each half took."""

    def __init__(self, name: str, weights: Path | None) -> None:
        """``weights`` is a safetensors file, None the committed one. Raises WeightsError."""
        self._codec: Any = _CODECS[name].load(weights)
        self.seconds: dict[str, list[float]] = {"encode": [], "decode": []}

    def carry(self, picture: Reals, tx_snr_db: float, air: Air) -> Reals:
        source = picture if len(picture) == 3 else picture[0]
        began = time.perf_counter()
        symbols = self._codec.encode(source, tx_snr_db)
        encoded = time.perf_counter()
        arrived, snr_db = air(symbols)
        heard = time.perf_counter()
        decoded: Reals = self._codec.decode(arrived, snr_db, *source.shape[-2:])
        self.seconds["decode"].append(time.perf_counter() - heard)
        self.seconds["encode"].append(encoded - began)
        return decoded.reshape(picture.shape)


@dataclass(frozen=True)
class Linear:
    """The linear code, its scale and the transmitter's SNR known to the receiver."""

    code: klt.Klt

    def carry(self, picture: Reals, tx_snr_db: float, air: Air) -> Reals:
        symbols, scale = self.code.encode(picture, tx_snr_db)
        arrived, snr_db = air(symbols)
        shape = (picture.shape[0], picture.shape[1], picture.shape[2])
        return self.code.decode(arrived, snr_db, scale, tx_snr_db, shape)


class Digital:
    """H.265, one intra frame, on LDPC-coded QAM: `common.codecs.video`."""

    def __init__(self, codec: VideoCodec, symbols: int) -> None:
        self._codec, self._symbols = codec, symbols
        self._encoded: dict[tuple[bytes, int], Encoded] = {}

    def carry(self, picture: Reals, tx_snr_db: float, air: Air) -> Reals | None:
        rgb = np.broadcast_to(picture, (3, *picture.shape[1:]))
        video = np.rint(rgb.transpose(1, 2, 0)[None] * 255).astype(np.uint8)
        encoded = self._encode(video, tx_snr_db)
        arrived, snr_db = air(encoded.symbols)
        decoded = self._codec.decode_with_details(arrived, snr_db, (1, *video.shape[1:3]), encoded.mode)
        if not decoded.there[0]:
            return None
        shown = decoded.video[0].transpose(2, 0, 1).astype(np.float32) / np.float32(255)
        return shown if len(picture) == 3 else shown.mean(axis=0, keepdims=True)

    def _encode(self, video: NDArray[np.uint8], tx_snr_db: float) -> Encoded:
        """Kept, as the search takes its time, and a mode suits several SNRs."""
        mode = video_mode.choose(self._codec.rate, tx_snr_db, self._codec.margin_db)
        key = hashlib.sha256(video.tobytes()).digest(), mode
        if key not in self._encoded:
            self._encoded[key] = self._codec.encode_with_details(video, tx_snr_db, self._symbols)
        return self._encoded[key]


@dataclass(frozen=True)
class DigitalSketch:
    """A small bilevel picture on LDPC-coded QAM, as fast as the SNR allows."""

    code: bilevel.Bilevel
    symbols: int

    def carry(self, picture: Reals, tx_snr_db: float, air: Air) -> Reals | None:
        mode = video_mode.MODES[video_mode.choose(video_mode.ADAPTIVE, tx_snr_db)]
        room = mcs.bits_for_symbols(self.symbols, mode)
        bits = np.zeros(room, np.uint8)
        coded = self.code.encode(picture[0], room)
        bits[: coded.size] = coded
        arrived, snr_db = air(transport.encode(bits, self.symbols, mode.bits_per_symbol))
        heard = transport.decode(arrived, room, noise_variance(snr_db), mode.bits_per_symbol).whole
        return None if heard is None else self.code.decode(heard)[None]


@dataclass(frozen=True)
class Entry:
    """A codec of :data:`gvsc.bench.codec.NAMES`: its symbols for SIZE×SIZE, and the linear code of as many."""

    symbols: int
    kind: str
    coefficients: int
    is_sketch: bool = False


_CODECS: Final[dict[str, type[Any]]] = {
    "djscc-frame": FrameCodec,
    "djscc-rgb": RgbCodec,
    "djscc-sketch": SketchCodec,
}

ENTRIES: Final = {
    "djscc-frame": Entry(FrameCodec.symbol_count(SIZE, SIZE), "colour", 61),
    "djscc-rgb": Entry(RgbCodec.symbol_count(SIZE, SIZE), "colour", 12),
    "djscc-sketch": Entry(sketch_symbols(SIZE, SIZE), "sketch", 2, is_sketch=True),
}


def opponents(name: str) -> dict[str, Contender]:
    """What the codec of that name is held against, by the key of its results."""
    entry = ENTRIES[name]
    digital: dict[str, Contender] = {}
    if entry.is_sketch:
        ones = bilevel.load()
        digital["bilevel_adaptive"] = DigitalSketch(bilevel.Bilevel(ones, packed=False), entry.symbols)
        digital["bilevel_packed_adaptive"] = DigitalSketch(bilevel.Bilevel(ones), entry.symbols)
    return digital | {
        "h265_adaptive": Digital(VideoCodec(h26x.H265, video_mode.ADAPTIVE), entry.symbols),
        "h265_fixed": Digital(VideoCodec(h26x.H265, FIXED_RATE), entry.symbols),
        "linear": Linear(klt.load(entry.kind).first(entry.coefficients)),
    }

"""Picture codecs at any size and number of symbols, on a folder of pictures: ``python -m gvsc.bench.codec.any_size``.

    python -m gvsc.bench.codec.any_size --pictures kodak --cbr 0.0397 --snr-db 1 4 7 10 13
    python -m gvsc.bench.codec.any_size --pictures kodak --size 256 --symbols 7808 --snr-db 3 5 10 --codec djscc-frame

White noise; the receiver has its own estimate of the SNR (``gvsc.bench.codec.air``), with ``--genie`` the true one. The
    python -m gvsc.bench.codec.any_size --pictures kodak --size 256 --symbols 7808 --snr-db 3 5 10 --codec djscc-frame-2
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from common import weights
from common.codecs.djscc.limits import BLOCK
from common.codecs.djscc_frame import FrameCodec
from common.codecs.djscc_frame_2 import FrameCodec2
from common.conventions import DEFAULT_SEED
from gvsc.bench.codec import air
from gvsc.bench.codec.pictures import SUFFIXES

Reals = NDArray[np.float32]


def read(file: Path, size: int | None) -> NDArray[np.uint8]:
    """A picture, upright ones turned on their side, cut around its centre: to a square, or to multiples of 32."""
    with Image.open(file) as opened:
        pixels = np.asarray(opened.convert("RGB"), dtype=np.uint8)
    if size is None and pixels.shape[0] > pixels.shape[1]:
        pixels = np.ascontiguousarray(np.rot90(pixels))
    height, width = (length // BLOCK * BLOCK if size is None else size for length in pixels.shape[:2])
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]


class Carrier:
    """A codec by name, its symbols for a picture, and the picture through a channel."""

    def __init__(self, name: str, file: Path | None, linear: bool) -> None:
        self.name, self._linear = name, linear
        self.digest = hashlib.sha256((file or weights.path(name)).read_bytes()).hexdigest()
        self._codec: Any = (FrameCodec2 if name == FrameCodec2.name else FrameCodec).load(file)
        self.side: list[float] = []
        self.lost: list[bool] = []
        self.seconds: list[tuple[float, float]] = []

    def carry(
        self,
        picture: Reals,
        tx_snr_db: float,
        symbols: int,
        through: Callable[[NDArray[np.complex64]], tuple[NDArray[np.complex64], float]],
    ) -> Reals:
        """The picture as received."""
        began = time.perf_counter()
        if self.name == FrameCodec2.name:
            sent, ledger = self._codec.encode_with_details(picture, tx_snr_db, symbols, linear=self._linear)
            self.side.append(ledger.side)
        else:
            sent = self._codec.encode(picture, tx_snr_db, linear=self._linear)
        encoded = time.perf_counter()
        received, snr_db = through(sent)
        arrived = time.perf_counter()
        if self.name == FrameCodec2.name:
            found = self._codec.decode_with_details(received, snr_db, *picture.shape[1:], linear=self._linear)
            self.lost.append(not (found.first and found.second))
            decoded: Reals = found.picture
        else:
            decoded = self._codec.decode(received, snr_db, *picture.shape[1:], linear=self._linear)
        self.seconds.append((encoded - began, time.perf_counter() - arrived))
        return decoded


def measure(carrier: Carrier, pictures: Sequence[NDArray[np.uint8]], options: argparse.Namespace) -> dict[str, Any]:
    """PSNR by SNR: the mean, and of each picture."""
    rows: dict[str, list[float]] = {}
    shares, lost = [], []
    counts = set()
    for place, snr_db in enumerate(options.snr_db):
        carrier.side.clear()
        carrier.lost.clear()
        for number, pixels in enumerate(pictures):
            symbols = options.symbols or round(options.cbr * pixels.size)
            counts.add(symbols)
            rng = np.random.default_rng([options.seed, number, place])
            source = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32) / np.float32(255)

            def through(sent: NDArray[np.complex64], snr_db: float = snr_db, rng: Any = rng) -> Any:
                return air.send(sent, snr_db - options.worse_db, rng, genie=options.genie)

            decoded = np.rint(carrier.carry(source, snr_db, symbols, through).transpose(1, 2, 0) * 255.0)
            error = float(np.mean((decoded - pixels) ** 2))
            rows.setdefault(f"{snr_db:g}", []).append(round(10.0 * np.log10(255.0**2 / max(error, 1e-9)), 3))
        shares.append(round(float(np.mean(carrier.side)), 3) if carrier.side else None)
        lost.append(int(np.sum(carrier.lost)))
        mean = np.mean(rows[f"{snr_db:g}"])
        sys.stderr.write(f"{carrier.name} {snr_db:g} dB: {mean:.2f} dB, side {shares[-1]}, lost {lost[-1]}\n")
    encode, decode = np.median(carrier.seconds, axis=0)
    return {
        "codec": carrier.name,
        "weights_sha256": carrier.digest,
        "pictures": len(pictures),
        "symbols": sorted(counts),
        "snr_db": options.snr_db,
        "psnr": [round(float(np.mean(row)), 3) for row in rows.values()],
        "side_share": shares,
        "parts_lost": lost,
        "snr": "genie" if options.genie else "estimated",
        "worse_db": options.worse_db,
        "seed": options.seed,
        "seconds": {"encode": round(float(encode), 3), "decode": round(float(decode), 3)},
        "psnr_of_each": rows,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m gvsc.bench.codec.any_size", description=__doc__.split("\n")[0])
    parser.add_argument("--pictures", type=Path, required=True, help="a folder of pictures")
    parser.add_argument("--codec", choices=(FrameCodec2.name, FrameCodec.name), default=FrameCodec2.name)
    parser.add_argument("--weights", type=Path, help="a safetensors file; default: the committed one")
    parser.add_argument("--size", type=int, help="side of the centre that is cut out; default: all of it")
    parser.add_argument("--symbols", type=int, help="symbols of a picture")
    parser.add_argument("--cbr", type=float, default=0.0397, help="symbols for a sample, where --symbols is not given")
    parser.add_argument("--snr-db", type=float, nargs="+", default=[1.0, 4.0, 7.0, 10.0, 13.0])
    parser.add_argument("--worse-db", type=float, default=0.0, help="how much worse the channel is than believed")
    parser.add_argument("--genie", action="store_true", help="the receiver knows the SNR")
    parser.add_argument("--linear", action="store_true", help="without networks")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    options = parser.parse_args(arguments)
    files = sorted(file for file in options.pictures.iterdir() if file.suffix.lower() in SUFFIXES)
    pictures = [read(file, options.size) for file in files]
    carrier = Carrier(options.codec, options.weights, options.linear)
    sys.stdout.write(json.dumps(measure(carrier, pictures, options)) + "\n")


if __name__ == "__main__":
    main()

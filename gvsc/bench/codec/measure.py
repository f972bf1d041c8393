"""Pictures through a codec and its opponents, over the same noise: how near what arrives is to what was sent."""

from __future__ import annotations

import hashlib
import resource
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from common import weights
from common.conventions import SIZE
from common.errors import PackageError, WeightsError
from gvsc.bench import provenance
from gvsc.bench.codec import SNRS_DB, air
from gvsc.bench.codec.contenders import ENTRIES, Contender, Trained, opponents
from gvsc.bench.codec.pictures import Picture
from gvsc.evaluation.metrics import deepfeat
from gvsc.evaluation.metrics.edge_f1 import edge_f1
from gvsc.evaluation.metrics.psnr import psnr
from gvsc.evaluation.metrics.ssim import ssim
from transmitter.extract import sketch
from transmitter.extract.base import EDGE_EXTRACTOR, EXTRACTORS

Reals = NDArray[np.float32]

GREY: Final = 128 / 255
"""What a picture counts as that did not arrive; a sketch then is empty."""

METRICS: Final = {
    "linear": ("psnr",),
    "h265_adaptive": ("psnr", "ssim", "deepfeat"),
    "h265_fixed": ("psnr", "ssim", "deepfeat"),
    "bilevel_adaptive": ("deepfeat",),
    "bilevel_packed_adaptive": ("deepfeat",),
}
"""What is reported of whom; of sketches ``edge_f1`` too. The codec has all."""

MEASURED: Final = (
    "common/burst.py",
    "common/pilots.py",
    "common/mcs.py",
    "common/codecs/*.py",
    "common/codecs/djscc/*.py",
    "common/coding/*.py",
    "common/modulation/*.py",
    "receiver/estimate.py",
    "receiver/header.py",
    "transmitter/extract/extractors/*.py",
    "transmitter/extract/sketch/*.py",
    "gvsc/bench/codec/*.py",
    "gvsc/evaluation/metrics/*.py",
)
"""Code that the figures depend on, as patterns from the root of the packages."""


def measure(
    name: str,
    pictures: Sequence[Picture],
    tell: Callable[[str], None],
    *,
    weights_file: Path | None = None,
    genie: bool = False,
    alone: bool = False,
    seed: int,
    save: Callable[[str, str, NDArray[np.uint8]], None] | None = None,
    snrs_db: Sequence[float] = SNRS_DB,
) -> dict[str, Any]:
    """The codec ``name`` and, unless ``alone``, its opponents on ``pictures`` at each SNR.

    Returns lists by SNR, each a mean over the pictures: ``{codec, symbols, snr_db, psnr, ssim, deepfeat, seconds:
    {encode, decode}, linear: {psnr, …}, h265_adaptive: {…, failed}, …}``, ``edge_f1`` of sketches. What did not arrive
    stays in the means as a grey picture, a sketch as an empty one; ``failed`` is its share. ``deepfeat`` is None where
    its network is not there. ``seconds`` are medians. ``save`` gets (picture, what, pixels) of all that was sent and
    decoded. ``peak_rss_mb`` is the most that this process has had resident when the last picture was measured, in MB of
    1e6 bytes: the codec, opponents and metrics together.

    Raises WeightsError.
    """
    entry = ENTRIES[name]
    sources_sha256 = provenance.sources(patterns=MEASURED)  # now, as the code was loaded
    trained = Trained(name, weights_file)
    # the first call of a network is slow
    blank = np.full((1 if entry.is_sketch else 3, SIZE, SIZE), 0.5, np.float32)
    trained.carry(blank, snrs_db[0], lambda symbols: (symbols, snrs_db[0]))
    trained.seconds = {"encode": [], "decode": []}
    sources = _sketches(pictures) if entry.is_sketch else [_reals(picture.pixels) for picture in pictures]
    contenders: dict[str, Contender] = {name: trained, **({} if alone else opponents(name))}
    judge = _Judge(entry.is_sketch, tell)
    found = {who: [_Tally() for _ in snrs_db] for who in contenders}
    for number, (picture, source) in enumerate(zip(pictures, sources, strict=True)):
        judge.look_at(source)
        if save is not None:
            save(picture.name, "original", _shown(source))
        for place, snr_db in enumerate(snrs_db):
            for who, contender in contenders.items():
                # the same noise for all that have as many symbols
                through = _Air(snr_db, np.random.default_rng([seed, number, place]), genie)
                decoded = contender.carry(source, snr_db, through)
                received = np.full_like(source, 0.0 if entry.is_sketch else GREY) if decoded is None else decoded
                found[who][place].add(judge(received, None if who == name else METRICS[who]))
                found[who][place].add({"failed": float(decoded is None), "squared": through.error_db**2})
                if save is not None:
                    save(picture.name, f"{who}_{snr_db:+03.0f}dB", _shown(received))
        at = " ".join(f"{tally['psnr'][-1]:.2f}" for tally in found[name])
        tell(f"{number + 1}/{len(pictures)} {picture.name}: PSNR {at} dB")
    peak_rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6  # Linux counts in KiB
    means = {who: _means(tallies) for who, tallies in found.items()}
    squared_errors_db = {who: part.pop("squared") for who, part in means.items()}[name]
    own = means.pop(name)
    for analogue in (own, means.get("linear", {})):
        analogue.pop("failed", None)
    if judge.missing is not None:
        own["deepfeat"] = None  # type: ignore[assignment]
        for other in means.values():
            if "deepfeat" in other:
                other["deepfeat"] = None  # type: ignore[assignment]
    return {
        "codec": name,
        "symbols": entry.symbols,
        "snr_db": list(snrs_db),
        **own,
        "seconds": {part: round(float(np.median(taken)), 4) for part, taken in trained.seconds.items()},
        **means,
        "deepfeat_missing": judge.missing,
        "snr": "genie" if genie else "estimated",
        "snr_estimate_rms_db": [round(square**0.5, 3) for square in squared_errors_db],
        "peak_rss_mb": round(peak_rss_mb),
        "pictures": len(pictures),
        "sketcher": EXTRACTORS.default_of(EDGE_EXTRACTOR) if entry.is_sketch else None,
        "seed": seed,
        "weights_sha256": hashlib.sha256((weights_file or weights.path(name)).read_bytes()).hexdigest(),
        "versions": provenance.versions((*provenance.PACKAGES, "torch", "av", "pillow", "scikit-image")),
        "sources": sources_sha256,
    }


class _Tally(dict[str, list[float]]):
    """Values of each metric, picture after picture."""

    def add(self, values: Mapping[str, float]) -> None:
        for metric, value in values.items():
            self.setdefault(metric, []).append(value)


def _means(tallies: Sequence[_Tally]) -> dict[str, list[float]]:
    """Of each metric, by SNR."""
    return {metric: [round(float(np.mean(tally[metric])), 4) for tally in tallies] for metric in tallies[0]}


class _Air:
    """The air at one SNR; remembers by how much the receiver's estimate was off."""

    def __init__(self, snr_db: float, rng: np.random.Generator, genie: bool) -> None:
        self._snr_db, self._rng, self._genie = snr_db, rng, genie
        self.error_db = 0.0

    def __call__(self, symbols: NDArray[np.complex64]) -> tuple[NDArray[np.complex64], float]:
        arrived, estimated_db = air.send(symbols, self._snr_db, self._rng, genie=self._genie)
        self.error_db = estimated_db - self._snr_db
        return arrived, estimated_db


class _Judge:
    """Distances between the picture in hand and what was received of it."""

    def __init__(self, is_sketch: bool, tell: Callable[[str], None]) -> None:
        self._is_sketch = is_sketch
        self.missing: str | None = None
        self._trunk: deepfeat.Trunk | None = None
        try:
            self._trunk = deepfeat.trunk()
        except (WeightsError, PackageError) as error:
            self.missing = str(error)
            tell(f"deepfeat is left out: {error}")

    def look_at(self, source: Reals) -> None:
        """Compares with this one from now on."""
        self._source, self._pixels = source, _shown(source)
        self._features = None if self._trunk is None else self._trunk.features(self._pixels)
        self._distances: dict[bytes, float] = {}

    def __call__(self, received: Reals, which: Sequence[str] | None) -> dict[str, float]:
        pixels = _shown(received)
        measures: dict[str, Callable[[], float]] = {
            "psnr": lambda: psnr(self._pixels[None], pixels[None]),
            "ssim": lambda: ssim(self._pixels[None], pixels[None]),
            "deepfeat": lambda: self._distance(pixels),
        }
        if which is not None:
            measures = {metric: measures[metric] for metric in which}
        if self._is_sketch:
            measures["edge_f1"] = lambda: edge_f1(received[0], self._source[0])
        return {metric: made() for metric, made in measures.items()}

    def _distance(self, pixels: NDArray[np.uint8]) -> float:
        """Digital codes show the same picture at many SNRs, and the network takes its time: each is looked at once."""
        if self._trunk is None or self._features is None:
            return float("nan")
        key = hashlib.sha256(pixels.tobytes()).digest()
        if key not in self._distances:
            self._distances[key] = self._trunk.distance(self._features, pixels)
        return self._distances[key]


def _sketches(pictures: Sequence[Picture]) -> list[Reals]:
    """What the transmitter would draw of them, (1, H, W) each."""
    drawn = sketch.load().extract(np.stack([picture.pixels for picture in pictures]))
    return list(drawn[:, None])


def _reals(pixels: NDArray[np.uint8]) -> Reals:
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32) / np.float32(255)


def _shown(reals: Reals) -> NDArray[np.uint8]:
    """(1 or 3, H, W) in [0, 1] as uint8 (H, W, 3)."""
    pixels = np.rint(np.broadcast_to(reals, (3, *reals.shape[1:])).transpose(1, 2, 0) * 255).astype(np.uint8)
    return np.ascontiguousarray(pixels)


def table(made: Mapping[str, Any]) -> str:
    """What :func:`measure` returns, for people."""
    lines = [f"{made['codec']}, {made['symbols']} symbols, {made['pictures']} pictures, SNR {made['snr']}"]
    lines.append(f"{'Es/N0 in dB':<28}" + "".join(f"{snr_db:>9g}" for snr_db in made["snr_db"]))
    parts = {made["codec"]: made} | {who: made[who] for who in METRICS if who in made}
    for who, part in parts.items():
        for metric in ("psnr", "ssim", "deepfeat", "edge_f1", "failed"):
            if part.get(metric) is not None:
                lines.append(f"{who + ' ' + metric:<28}" + "".join(f"{value:>9.3f}" for value in part[metric]))
    seconds = made["seconds"]
    lines.append(f"encode {seconds['encode']:.3f} s, decode {seconds['decode']:.3f} s, {made['peak_rss_mb']} MB")
    return "\n".join(lines)

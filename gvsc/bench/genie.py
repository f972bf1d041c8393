"""What it costs that the receiver estimates gain and noise itself: descriptions lost and picture quality, with and
without a genie that tells the true noise power."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from channel.channel import Channel
from channel.models.base import MODELS
from common.clip import Clip
from common.codecs import text
from gvsc.bench.trials import ErrorRate
from gvsc.evaluation.metrics.psnr import psnr
from receiver.listen import listen
from receiver.receiver import as_arrived
from transmitter.clips import samples
from transmitter.transmitter import Transmitter

SCHEME: Final = "first-frame-desc"


def snrs_db_of_models() -> dict[str, Sequence[float]]:
    """The channel models that are measured, and Es/N0 in dB at which each is: those that state ``bench_snrs_db``."""
    return {e.name: e.traits["bench_snrs_db"] for e in MODELS.entries() if "bench_snrs_db" in e.traits}


def measure(
    bursts: int, seed: int, tell: Callable[[str], None], snrs_db: Mapping[str, Sequence[float]] | None = None
) -> dict[str, Any]:
    """``bursts`` of the first sample clip at each SNR of each channel model, heard with both; by default those of
    :func:`snrs_db_of_models`.

    Returns ``{scheme, text_mode, curves: [{model, points: [{snr_db, bursts, estimated: {text_lost, interval, psnr},
    genie: {…}, psnr_loss_db}]}]}``; a burst whose header is lost counts as a lost description, and its picture is left
    out of both means.
    """
    clip, transmitter = samples.read()[0], Transmitter()
    curves = []
    for model, points_db in (snrs_db_of_models() if snrs_db is None else snrs_db).items():
        points = []
        for snr_db in points_db:
            air = Channel(snr_db=snr_db, seed=seed)
            air.knobs.set("model", model)
            points.append(_point(clip, transmitter, air, snr_db, bursts))
            tell(f"{model}, {snr_db:g} dB: {bursts} bursts")
        curves.append({"model": model, "points": points})
    return {"scheme": SCHEME, "text_mode": text.MODES[text.DEFAULT_MODE].name, "curves": curves}


def _point(clip: Clip, transmitter: Transmitter, air: Channel, snr_db: float, bursts: int) -> dict[str, Any]:
    sent = transmitter.encode(clip, snr_db, SCHEME).samples
    lost = {"estimated": 0, "genie": 0}
    quality: dict[str, list[float]] = {"estimated": [], "genie": []}
    for sequence in range(bursts):
        arrived = air.apply(sent, sequence)
        heard = {"estimated": listen(arrived), "genie": listen(arrived, genie_snr_db=snr_db)}
        for name, received in heard.items():
            lost[name] += received.text is None
        if all(received.header is not None for received in heard.values()):
            for name, received in heard.items():
                quality[name].append(psnr(clip.video[:1], as_arrived(received)[:1]))
    point: dict[str, Any] = {"snr_db": snr_db, "bursts": bursts}
    for name in lost:
        rate = ErrorRate(lost[name], bursts)
        mean_db = float(np.mean(quality[name])) if quality[name] else None
        point[name] = {"text_lost": rate.rate, "interval": rate.interval(), "psnr": mean_db}
    estimated, genie = point["estimated"]["psnr"], point["genie"]["psnr"]
    point["psnr_loss_db"] = None if estimated is None or genie is None else genie - estimated
    return point


def table(result: Mapping[str, Any]) -> str:
    """What :func:`measure` returns, for people."""
    lines = ["model     Es/N0   description lost [95 %], estimated / genie                 PSNR, estimated / genie"]
    for curve in result["curves"]:
        for point in curve["points"]:
            cells = []
            for name in ("estimated", "genie"):
                low, high = point[name]["interval"]
                cells.append(f"{point[name]['text_lost']:.3f} [{low:.3f}, {high:.3f}]")
            quality = "-"
            if point["psnr_loss_db"] is not None:
                quality = f"{point['estimated']['psnr']:.2f} / {point['genie']['psnr']:.2f} dB"
            lines.append(f"{curve['model']:<9}{point['snr_db']:6.1f}   {' / '.join(cells):<56}  {quality}")
    return "\n".join(lines)
